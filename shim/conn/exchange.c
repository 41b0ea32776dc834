/* Exchanges: see exchange.h. What the editors tell of the two streams (the ops) is turned into exchanges here. */
#include "conn/emit.h"
#include "conn/link.h"
#include "conn/measure.h"
#include "conn/process.h"
#include "conn/rules_request.h"
#include "conn/slab.h"
#include "base/clock.h"
#include "base/lone.h"

#include <string.h>

static struct octo_slab exchanges = {.object_size = (sizeof(struct octo_exchange) + 63) / 64 * 64};

void octo_exchange_prepare(void)
{
    octo_slab_prepare(&exchanges);
}

struct octo_exchange *octo_exchange_new(void)
{
    uint32_t handle;
    struct octo_exchange *x = octo_slab_take(&exchanges, &handle);

    if (!x)
        return NULL;
    memset(x, 0, offsetof(struct octo_exchange, line)); /* the text has its lengths beside it */
    x->handle = handle;
    return x;
}

void octo_exchange_free(struct octo_exchange *x)
{
    if (octo_rules_on_requests())
        octo_rules_forget(x);
    octo_slab_give(&exchanges, x->handle);
}

void octo_exchange_half_over(struct octo_exchange *x, enum octo_exchange_over half)
{
    if (octo_lone_or(&x->over, half) == (OCTO_REQUEST_OVER | OCTO_RESPONSE_OVER) - (unsigned)half)
        octo_exchange_free(x);
}

/* ── the queue: the in side appends, the out side takes ────────────────────────────────────────────── */

static bool queue_full(const struct octo_conn *conn)
{
    return conn->queue_tail - conn->queue_head >= OCTO_QUEUE_MAX;
}

static void queue_append(struct octo_conn *conn, struct octo_exchange *x)
{
    uint32_t tail = atomic_load_explicit(&conn->queue_tail, memory_order_relaxed);

    conn->queue[tail % OCTO_QUEUE_MAX] = x->handle;
    atomic_store_explicit(&conn->queue_tail, tail + 1, memory_order_release);
}

struct octo_exchange *octo_conn_due(struct octo_conn *conn)
{
    uint32_t head = atomic_load_explicit(&conn->queue_head, memory_order_relaxed);

    if (head == atomic_load_explicit(&conn->queue_tail, memory_order_acquire))
        return NULL;
    return octo_slab_object(&exchanges, conn->queue[head % OCTO_QUEUE_MAX]);
}

static void queue_take(struct octo_conn *conn)
{
    atomic_store_explicit(&conn->queue_head, conn->queue_head + 1, memory_order_release);
}

/* ── the ID ────────────────────────────────────────────────────────────────────────────────────────── */

/* Decides the exchange's ID once its head is complete: the client's if usable, else a fresh one. Once. */
static void decide_id(struct octo_exchange *x, const struct octo_framer *f)
{
    struct octo_process *process;

    if (x->line_len)
        return;
    if (f->id_state == OCTO_ID_USABLE) {
        x->id_len = f->id_len;
        x->line_len = (uint8_t)octo_id_line(x->line, x->text.id, f->id_len);
        return;
    }
    process = octo_process();
    x->id_len = OCTO_ID_MADE_LEN;
    x->line_len =
        (uint8_t)octo_id_line_make(x->line, process ? octo_random_next(&process->random) : octo_clock_mono_ns());
}

/* Consistent for both events of a request, and spread evenly whatever the clients send: FNV-1a of the ID. */
static bool sampled(const struct octo_exchange *x)
{
    uint32_t sample = octo_service.settings.sample;
    uint64_t hash = 0xcbf29ce484222325u;
    const char *id = octo_exchange_id(x);

    if (sample >= 1u << 24)
        return true;
    for (unsigned i = 0; i < x->id_len; i++)
        hash = (hash ^ (uint8_t)id[i]) * 0x100000001b3u;
    hash ^= hash >> 32;
    return (hash * 0x9e3779b97f4a7c15u) >> 40 < sample;
}

/*
 * Puts the texts one after the other, as a record has them: ID, method, host, target, the last without its query, which
 * is never logged. They move to the front of where the framer kept them, which needs them no more.
 */
static void pack(struct octo_exchange *x)
{
    const char *query = memchr(x->text.target, '?', x->target_len);
    char method[sizeof(x->text.method)];
    char *at = x->words;

    if (query)
        x->target_len = (uint16_t)(query - x->text.target);
    memcpy(method, x->text.method, sizeof(method));
    memcpy(at, octo_exchange_id(x), x->id_len);
    at += x->id_len;
    memcpy(at, method, sizeof(method)); /* up to the host at most */
    at += x->method_len;
    memmove(at, x->text.host, x->host_len);
    at += x->host_len;
    memmove(at, x->text.target, x->target_len);
    x->words_len = (uint16_t)(at + x->target_len - x->words);
}

static uint64_t now_in(struct octo_conn *conn)
{
    if (!conn->in_now_ns)
        conn->in_now_ns = octo_clock_mono_ns();
    return conn->in_now_ns;
}

static uint64_t now_out(struct octo_conn *conn)
{
    if (!conn->out_now_ns)
        conn->out_now_ns = octo_clock_mono_ns();
    return conn->out_now_ns;
}

/* ── requests ──────────────────────────────────────────────────────────────────────────────────────── */

static void in_begin(void *owner, struct octo_framer *f)
{
    struct octo_conn *conn = owner;

    /* What follows CONNECT before its answer is the tunnel's. After a refusal it is HTTP again. */
    if (conn->connecting) {
        octo_framer_opaque(f, OCTO_OPAQUE_UPGRADED);
        return;
    }
    if (!conn->building) {
        conn->building = octo_exchange_new();
        if (!conn->building) {
            octo_framer_opaque(f, OCTO_OPAQUE_MEMORY);
            return;
        }
        conn->building->in_start = conn->in.passed;
        if (conn->in.tapped)
            octo_rules_begin(conn->building);
    }
    f->text = &conn->building->text;
}

static const char *in_insertion(void *owner, const struct octo_framer *f, size_t *len)
{
    struct octo_exchange *x = ((struct octo_conn *)owner)->building;

    decide_id(x, f);
    *len = f->id_state == OCTO_ID_ABSENT && (octo_service.settings.inject & OCTO_INJECT_REQUEST) ? x->line_len : 0;
    return x->line;
}

static void in_head(void *owner, const struct octo_framer *f, bool inserted)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = conn->building;
    struct octo_process *process = octo_process();

    (void)inserted;
    if (queue_full(conn)) {
        conn->broken = OCTO_OPAQUE_PIPELINE;
        return;
    }
    decide_id(x, f);
    x->method = f->method;
    x->minor = f->minor;
    x->method_len = f->method_len;
    x->host_len = f->host_len;
    x->target_len = f->target_len;
    x->target_cut = f->target_len == OCTO_TARGET_MAX;
    pack(x);
    x->number = process ? octo_lone_add(&process->requests, 1) : 0;
    x->head_ns = now_in(conn);
    x->sampled = sampled(x);
    conn->building = NULL;
    conn->reading = x;
    if (x->method == OCTO_METHOD_CONNECT)
        conn->connecting = true;
    octo_emit_started(conn, x);
    octo_measure_started(x);
    if (octo_rules_on_requests())
        octo_rules_head(x, f);
    queue_append(conn, x); /* from here on a response may end it at any time */
}

static void in_end(void *owner, const struct octo_framer *f)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = conn->reading;

    (void)f;
    if (!x)
        return;
    conn->reading = NULL;
    x->bytes_in = conn->in.passed - x->in_start;
    if (octo_rules_on_requests())
        octo_rules_request_over(x);
    octo_exchange_half_over(x, OCTO_REQUEST_OVER);
}

static void in_opaque(void *owner, const struct octo_framer *f)
{
    struct octo_conn *conn = owner;

    conn->in.tapped = false;
    if (!(conn->opaque & OCTO_OUT)) /* one count a connection: the second side follows the first */
        octo_emit_opaque(f->reason);
    in_end(conn, f);
    if (octo_edit_open(&conn->in))
        return; /* the insertion that is half given out is still needed */
    if (conn->building)
        octo_exchange_free(conn->building);
    conn->building = NULL;
    atomic_fetch_or(&conn->opaque, OCTO_IN);
}

static void in_tap(void *owner, const uint8_t *p, uint64_t n)
{
    struct octo_conn *conn = owner;

    if (conn->link)
        conn->in.tapped = octo_link_saw(conn->link, OCTO_IN, p, n);
    else if (conn->building && p)
        octo_rules_head_bytes(conn->building, p, (size_t)n);
    else if (conn->reading)
        octo_rules_request_bytes(conn->reading, p, n);
}

const struct octo_edit_ops octo_conn_in_ops = {in_begin,  in_insertion, in_head, in_end,
                                               in_opaque, NULL,         NULL,    in_tap};

/* ── responses ─────────────────────────────────────────────────────────────────────────────────────── */

static bool is_interim(const struct octo_framer *f)
{
    return f->status < 200 && f->status != 101;
}

static uint64_t bytes_in(struct octo_conn *conn, const struct octo_exchange *x)
{
    return x->over & OCTO_REQUEST_OVER ? x->bytes_in : octo_edit_position(&conn->in) - x->in_start;
}

/* The response is over (or will never be): tell, and let the exchange go. */
static void settle(struct octo_conn *conn, struct octo_exchange *x, bool completed, enum octo_abort_reason reason)
{
    const struct octo_ending ending = {
        .now_ns = now_out(conn),
        .first_ns = x->first_ns,
        .bytes_in = bytes_in(conn, x),
        .bytes_out = x->first_ns ? conn->out.passed - x->out_start : 0,
        .status = x->status,
        .completed = completed,
        .reason = reason,
    };

    octo_measure_ended(x, &ending);
    if (octo_rules_on_requests())
        octo_rules_ended(x, &ending);
    octo_emit_ended(conn, x, &ending);
    queue_take(conn);
    if (x->method == OCTO_METHOD_CONNECT)
        conn->connecting = false;
    octo_exchange_half_over(x, OCTO_RESPONSE_OVER);
}

static void out_begin(void *owner, struct octo_framer *f)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = octo_conn_due(conn);

    if (!x) {
        /* One that speaks before it has read anything (SMTP, MySQL) does not speak HTTP. */
        octo_framer_opaque(f, octo_edit_position(&conn->in) ? OCTO_OPAQUE_UNSOLICITED : OCTO_OPAQUE_NOT_HTTP);
        return;
    }
    f->method = x->method;
    if (!x->first_ns)
        x->out_start = conn->out.passed;
}

static const char *out_insertion(void *owner, const struct octo_framer *f, size_t *len)
{
    struct octo_exchange *x = octo_conn_due(owner);

    *len = x && f->status >= 200 && f->id_state == OCTO_ID_ABSENT &&
                   (octo_service.settings.inject & OCTO_INJECT_RESPONSE)
               ? x->line_len
               : 0;
    return x ? x->line : NULL;
}

static void out_head(void *owner, const struct octo_framer *f, bool inserted)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = octo_conn_due(conn);

    (void)inserted;
    if (!x || is_interim(f))
        return;
    x->status = f->status;
    x->first_ns = now_out(conn);
}

static void out_end(void *owner, const struct octo_framer *f)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = octo_conn_due(conn);

    if (x && !is_interim(f))
        settle(conn, x, true, 0);
}

/* Killed in the call that is about to be made, the service has still told of the end. A clock that is some milliseconds
 * behind will do, see octo_ring_read(). */
static void out_intend(void *owner, const struct octo_framer *f, uint64_t bytes)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = octo_conn_due(conn);
    uint64_t now_ns;

    if (!x || is_interim(f))
        return;
    now_ns = octo_clock_coarse_ns();
    const struct octo_ending ending = {
        .now_ns = now_ns,
        .first_ns = x->first_ns ? x->first_ns : now_ns,
        .bytes_in = bytes_in(conn, x),
        .bytes_out = conn->out.passed + bytes - x->out_start,
        .status = f->status,
        .completed = true,
    };

    octo_measure_intend(x, &ending);
    octo_emit_intend(conn, x, &ending);
}

static void out_forgo(void *owner)
{
    struct octo_exchange *x = octo_conn_due(owner);

    if (!x)
        return;
    octo_measure_forgo(x);
    octo_emit_forgo(x);
}

static void out_opaque(void *owner, const struct octo_framer *f)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = octo_conn_due(conn);

    conn->out.tapped = false;
    if (!(conn->opaque & OCTO_IN))
        octo_emit_opaque(f->reason);
    if (f->reason == OCTO_OPAQUE_UPGRADED && x && x->status)
        settle(conn, x, true, 0); /* the exchange ends where the tunnel begins */
    else
        conn->unframed = true;
    if (f->reason == OCTO_OPAQUE_UPGRADED)
        conn->broken = f->reason;
    if (!octo_edit_open(&conn->out))
        atomic_fetch_or(&conn->opaque, OCTO_OUT);
}

static void out_tap(void *owner, const uint8_t *p, uint64_t n)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = octo_conn_due(conn);

    if (conn->link)
        conn->out.tapped = octo_link_saw(conn->link, OCTO_OUT, p, n);
    else if (x)
        octo_rules_response_bytes(x, p, n);
}

const struct octo_edit_ops octo_conn_out_ops = {out_begin,  out_insertion, out_head,  out_end,
                                                out_opaque, out_intend,    out_forgo, out_tap};

void octo_conn_settle(struct octo_conn *conn, enum octo_abort_reason otherwise)
{
    struct octo_exchange *x;

    if (conn->building) {
        octo_exchange_free(conn->building);
        conn->building = NULL;
    }
    if (!conn->failed && octo_framer_eof(&conn->out.framer) == OCTO_AT_END && (x = octo_conn_due(conn)) != NULL)
        settle(conn, x, true, 0); /* a body until close */
    while ((x = octo_conn_due(conn)) != NULL)
        settle(conn, x, false, conn->unframed ? OCTO_ABORT_UNFRAMED : otherwise);
    if (conn->reading)
        in_end(conn, &conn->in.framer);
}
