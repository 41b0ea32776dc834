/*
 * The service's side of requests that come: what passes on an accepted connection becomes exchanges, events, counts.
 *
 *      in:  request  -> building -> head: queued, started -> reading -> over
 *      out: response -> the queue's first -> head -> end: completed (or aborted)
 *
 * For: ops.c, which calls these for every connection that is not a link. Context: whoever has taken that side; signal-safe.
 */
#include "conn/ops.h"

#include "conn/context.h"
#include "conn/emit.h"
#include "conn/host.h"
#include "conn/inflight.h"
#include "conn/measure.h"
#include "conn/process.h"
#include "conn/propagate.h"
#include "conn/rules_request.h"
#include "conn/unconnected.h"
#include "base/clock.h"

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
        octo_context_turns(conn);
        octo_unconnected_goes_on();
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

/* Once its head is complete; once. */
static void decide(struct octo_exchange *x, const struct octo_framer *f)
{
    if (x->line_len)
        return;
    octo_exchange_decide_id(x, f);
    octo_propagate_serve(x, f);
}

static const char *in_insertion(void *owner, const struct octo_framer *f, size_t *len)
{
    struct octo_exchange *x = ((struct octo_conn *)owner)->building;

    decide(x, f);
    *len = x->block_len;
    return x->block;
}

static void in_head(void *owner, const struct octo_framer *f, bool inserted)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = conn->building;

    (void)inserted;
    if (octo_conn_queue_is_full(conn)) {
        conn->broken = OCTO_OPAQUE_PIPELINE;
        return;
    }
    decide(x, f);
    octo_exchange_head_over(x, f);
    x->head_ns = octo_conn_now_in(conn);
    conn->building = NULL;
    conn->reading = x;
    if (x->method == OCTO_METHOD_CONNECT)
        conn->connecting = true;
    octo_emit_started(conn, x);
    octo_measure_started(x);
    if (octo_rules_on_requests())
        octo_rules_head(x, f);
    x->pipelined = octo_conn_due(conn) != NULL;
    octo_inflight_begin(x);
    octo_context_serves(conn, x);
    octo_host_reads(conn, x);
    octo_conn_queue(conn, x); /* from here on a response may end it at any time */
}

static void in_end(void *owner, const struct octo_framer *f)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = conn->reading;

    (void)f;
    if (!x)
        return;
    conn->reading = NULL;
    x->request_bytes = conn->in.passed - x->in_start;
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

    if (conn->building && p)
        octo_rules_head_bytes(conn->building, p, (size_t)n);
    else if (conn->reading)
        octo_rules_request_bytes(conn->reading, p, n);
}

const struct octo_edit_ops octo_server_in_ops = {in_begin,  in_insertion, in_head, in_end,
                                                 in_opaque, NULL,         NULL,    in_tap};

/* ── responses ─────────────────────────────────────────────────────────────────────────────────────── */

static uint64_t bytes_in(struct octo_conn *conn, const struct octo_exchange *x)
{
    return x->over & OCTO_REQUEST_OVER ? x->request_bytes : octo_edit_position(&conn->in) - x->in_start;
}

/* The response is over (or will never be): tell, and let the exchange go. */
static void settle(struct octo_conn *conn, struct octo_exchange *x, bool completed, enum octo_abort_reason reason)
{
    const struct octo_ending ending = {
        .now_ns = octo_conn_now_out(conn),
        .first_ns = x->first_ns,
        .bytes_in = bytes_in(conn, x),
        .bytes_out = x->first_ns ? conn->out.passed - x->out_start : 0,
        .status = x->status,
        .completed = completed,
        .reason = reason,
    };

    octo_unconnected_goes_on();
    octo_measure_ended(x, &ending);
    if (octo_rules_on_requests())
        octo_rules_ended(x, &ending);
    octo_emit_ended(conn, x, &ending);
    octo_inflight_end(x);
    octo_conn_unqueue(conn);
    octo_context_ended(conn, x);
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
    if (!x || octo_framer_is_interim(f))
        return;
    x->status = f->status;
    x->first_ns = octo_conn_now_out(conn);
}

static void out_end(void *owner, const struct octo_framer *f)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = octo_conn_due(conn);

    if (x && !octo_framer_is_interim(f))
        settle(conn, x, true, 0);
}

/* Killed in the call that is about to be made, the service has still told of the end. A clock that is some milliseconds
 * behind will do, see octo_ring_read(). */
static void out_intend(void *owner, const struct octo_framer *f, uint64_t bytes)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = octo_conn_due(conn);
    uint64_t now_ns;

    if (!x || octo_framer_is_interim(f))
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
    struct octo_exchange *x = octo_conn_due(owner);

    if (x)
        octo_rules_response_bytes(x, p, n);
}

const struct octo_edit_ops octo_server_out_ops = {out_begin,  out_insertion, out_head,  out_end,
                                                  out_opaque, out_intend,    out_forgo, out_tap};

void octo_server_settle(struct octo_conn *conn, enum octo_abort_reason otherwise)
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
