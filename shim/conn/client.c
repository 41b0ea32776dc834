/*
 * Requests that the service makes: what passes on a connection of its own becomes exchanges, events, counts.
 *
 *      out: request  -> building -> announced: queued -> head -> reading (its body) -> over
 *      in:  response -> the queue's first -> head -> end: completed (or failed)
 *
 * A peer may have answered, and another thread have read that, before the call that has sent the request returns. So a request is
 * queued before its head is sent, and told of by whoever comes second: the one that has sent the head, or the one that has
 * read the answer.
 *
 * For: ops.c, which calls these for every connection that has a link. Context: whoever has taken that side; signal-safe.
 */
#include "conn/client.h"

#include "conn/context.h"
#include "conn/emit.h"
#include "conn/host.h"
#include "conn/link.h"
#include "conn/llm.h"
#include "conn/measure.h"
#include "conn/ops.h"
#include "conn/process.h"
#include "conn/unconnected.h"
#include "base/lone.h"

#include <errno.h>

/* ── requests ──────────────────────────────────────────────────────────────────────────────────────── */

static void out_begin(void *owner, struct octo_framer *f)
{
    struct octo_conn *conn = owner;

    if (conn->connecting) { /* what follows CONNECT before its answer is the tunnel's */
        octo_framer_opaque(f, OCTO_OPAQUE_UPGRADED);
        return;
    }
    if (!conn->building) {
        conn->building = octo_exchange_new();
        if (!conn->building) {
            octo_framer_opaque(f, OCTO_OPAQUE_MEMORY);
            return;
        }
        conn->building->out_start = conn->out.passed;
    }
    f->text = &conn->building->text;
}

/* For which inbound request is it made? Where this thread does not know, a connection may that was opened for one. */
static struct octo_cause cause_of(struct octo_conn *conn)
{
    struct octo_link *link = conn->link;
    struct octo_cause cause = octo_context_now(), opened = link->cause, host;

    link->cause = (struct octo_cause){0};
    if (!cause.certain && (host = octo_host_cause(conn)).number != 0 && octo_context_lasts(host))
        return host;
    if (cause.number == 0 && opened.number != 0 && octo_context_lasts(opened)) {
        cause = opened;
        cause.certain = false;
    }
    return cause;
}

/* Its ID and trace, in events and perhaps in its head: those of its cause if that is certain; else what the service itself has
 * sent; else those of its cause, as far as can be told. */
static void decide(struct octo_exchange *x, const struct octo_framer *f)
{
    bool infers = octo_service.settings.context == OCTO_CONTEXT_INFERRED;
    bool inserts = (x->cause.certain || infers) && (octo_service.settings.inject & OCTO_INJECT_REQUEST);
    struct octo_origin origin;

    if (!x->cause.number || !octo_context_origin(x->cause, &origin)) {
        octo_propagate_ask(x, f, NULL, false);
        if (f->id_state == OCTO_ID_USABLE)
            octo_exchange_set_id(x, x->text.id, f->id_len);
        return;
    }
    if (x->cause.certain || f->id_state != OCTO_ID_USABLE) {
        octo_exchange_set_id(x, origin.id, origin.id_len);
        x->shows = x->cause.certain ? OCTO_RECORD_CERTAIN : OCTO_RECORD_INFERRED;
    } else {
        octo_exchange_set_id(x, x->text.id, f->id_len);
    }
    octo_propagate_ask(x, f, &origin, inserts);
}

/* The head of the request is known, and about to be sent. Once. */
static void announce(struct octo_conn *conn, struct octo_exchange *x, const struct octo_framer *f)
{
    if (x->queued)
        return;
    if (octo_conn_queue_is_full(conn)) {
        conn->broken = OCTO_OPAQUE_PIPELINE;
        return;
    }
    octo_unconnected_goes_on();
    x->method = f->method;
    x->head_ns = octo_conn_now_out(conn);
    if (octo_service_awake()) {
        if (octo_service.settings.context != OCTO_CONTEXT_OFF)
            x->cause = cause_of(conn);
        decide(x, f);
        octo_llm_begin(x, f, octo_edit_position(&conn->out) - x->out_start);
        if (x->llm)
            conn->out.tapped = true;
    } else {
        x->mute = true;
    }
    if (x->method == OCTO_METHOD_CONNECT)
        conn->connecting = true;
    x->queued = true;
    octo_conn_queue(conn, x);
}

static const char *out_insertion(void *owner, const struct octo_framer *f, size_t *len)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = conn->building;

    announce(conn, x, f);
    *len = x->block_len;
    return x->block;
}

static void tell_call(struct octo_conn *conn, struct octo_exchange *x)
{
    struct octo_llm_report report;

    octo_llm_report(x, &report);
    octo_measure_llm_ended(x, &report);
    octo_emit_llm_ended(conn, x, &report);
}

static void tell_end(struct octo_conn *conn, struct octo_exchange *x)
{
    if (!x->mute) {
        octo_measure_client_ended(x, &x->ending);
        octo_emit_client_ended(conn, x, &x->ending);
        if (x->llm)
            tell_call(conn, x);
    }
    octo_exchange_half_over(x, OCTO_RESPONSE_OVER);
}

/* One of two is over, the head and the answer; who comes second tells of the end. May free x. */
static void one_of_two(struct octo_conn *conn, struct octo_exchange *x, enum octo_exchange_over one)
{
    if (octo_lone_or(&x->over, one) & (OCTO_HEAD_OVER | OCTO_ANSWER_OVER) & ~(unsigned)one)
        tell_end(conn, x);
}

static void out_head(void *owner, const struct octo_framer *f, bool inserted)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = conn->building;

    (void)inserted;
    announce(conn, x, f);
    if (!x->queued)
        return;
    conn->link->established = true;
    octo_exchange_head_over(x, f);
    conn->building = NULL;
    conn->reading = x;
    if (!x->mute)
        octo_emit_client_started(conn, x);
    one_of_two(conn, x, OCTO_HEAD_OVER);
}

static void out_end(void *owner, const struct octo_framer *f)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = conn->reading;

    (void)f;
    if (!x)
        return;
    conn->reading = NULL;
    x->request_bytes = conn->out.passed - x->out_start;
    octo_exchange_half_over(x, OCTO_REQUEST_OVER);
}

/* No more of the request that is being built will be seen. */
static void abandon(struct octo_conn *conn)
{
    struct octo_exchange *x = conn->building;

    conn->building = NULL;
    if (!x)
        return;
    if (!x->queued) {
        octo_exchange_free(x);
        return;
    }
    x->mute = true;
    conn->reading = x;
    one_of_two(conn, x, OCTO_HEAD_OVER);
}

/* A connection that is none of HTTP is not worth counting: the service has a database. */
static void became_opaque(struct octo_conn *conn, const struct octo_framer *f, enum octo_side side)
{
    conn->link->established = true; /* bytes have passed */
    if (!(conn->opaque & ~(uint32_t)side) && f->reason != OCTO_OPAQUE_NOT_HTTP && octo_service_awake())
        octo_emit_opaque(f->reason);
    if (f->reason == OCTO_OPAQUE_NOT_HTTP || f->reason == OCTO_OPAQUE_UPGRADED)
        conn->broken = f->reason; /* the other side follows */
    atomic_fetch_or(&conn->opaque, f->reason == OCTO_OPAQUE_NOT_HTTP ? OCTO_IN | OCTO_OUT : side);
}

static void out_opaque(void *owner, const struct octo_framer *f)
{
    struct octo_conn *conn = owner;

    abandon(conn);
    out_end(conn, f);
    if (octo_edit_open(&conn->out))
        return; /* the insertion that is half sent is still needed */
    became_opaque(conn, f, OCTO_OUT);
}

static void out_intend(void *owner, const struct octo_framer *f, uint64_t bytes)
{
    (void)owner, (void)f, (void)bytes;
}

static void out_forgo(void *owner)
{
    (void)owner;
}

static void out_tap(void *owner, const uint8_t *p, uint64_t n)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = conn->building ? conn->building : conn->reading;
    bool call = x && x->llm;

    if (call)
        octo_llm_request_bytes(x, p, n);
    conn->out.tapped = octo_link_saw(conn->link, OCTO_OUT, p, n) || call;
}

const struct octo_edit_ops octo_client_out_ops = {out_begin,  out_insertion, out_head,  out_end,
                                                  out_opaque, out_intend,    out_forgo, out_tap};

/* ── responses ─────────────────────────────────────────────────────────────────────────────────────── */

/* The response is over, or will never be. */
static void settle(struct octo_conn *conn, struct octo_exchange *x, bool completed, enum octo_failure failure)
{
    x->ending = (struct octo_ending){
        .now_ns = octo_conn_now_in(conn),
        .first_ns = x->first_ns,
        .bytes_in = x->first_ns ? conn->in.passed - x->in_start : 0,
        .bytes_out =
            x->over & OCTO_REQUEST_OVER ? x->request_bytes : octo_edit_position(&conn->out) - x->out_start,
        .status = x->status,
        .completed = completed,
        .reason = (uint8_t)failure,
    };
    octo_conn_unqueue(conn);
    if (x->method == OCTO_METHOD_CONNECT)
        conn->connecting = false;
    one_of_two(conn, x, OCTO_ANSWER_OVER);
}

static void in_begin(void *owner, struct octo_framer *f)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = octo_conn_due(conn);

    conn->link->established = true;
    if (!x) {
        octo_framer_opaque(f, octo_edit_position(&conn->out) ? OCTO_OPAQUE_UNSOLICITED : OCTO_OPAQUE_NOT_HTTP);
        return;
    }
    f->method = x->method;
    if (!x->first_ns)
        x->in_start = conn->in.passed;
    if (x->llm)
        conn->in.tapped = true;
}

/* The stream is quiet. */
static const char *in_insertion(void *owner, const struct octo_framer *f, size_t *len)
{
    (void)owner, (void)f;
    *len = 0;
    return NULL;
}

static void in_head(void *owner, const struct octo_framer *f, bool inserted)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = octo_conn_due(conn);

    (void)inserted;
    if (!x)
        return;
    octo_context_hears(x->cause);
    if (octo_framer_is_interim(f))
        return;
    x->status = f->status;
    x->first_ns = octo_conn_now_in(conn);
}

static void in_end(void *owner, const struct octo_framer *f)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = octo_conn_due(conn);

    if (x && !octo_framer_is_interim(f))
        settle(conn, x, true, 0);
}

static void in_opaque(void *owner, const struct octo_framer *f)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = octo_conn_due(conn);

    if (f->reason == OCTO_OPAQUE_UPGRADED && x && x->status)
        settle(conn, x, true, 0); /* the exchange ends where the tunnel begins */
    else
        conn->unframed = true;
    became_opaque(conn, f, OCTO_IN);
}

static void in_tap(void *owner, const uint8_t *p, uint64_t n)
{
    struct octo_conn *conn = owner;
    struct octo_exchange *x = octo_conn_due(conn);
    bool call = x && x->llm;

    if (call)
        octo_llm_response_bytes(x, p, n, octo_conn_now_in(conn));
    conn->in.tapped = octo_link_saw(conn->link, OCTO_IN, p, n) || call;
}

const struct octo_edit_ops octo_client_in_ops = {in_begin,  in_insertion, in_head, in_end,
                                                 in_opaque, NULL,         NULL,    in_tap};

/* ── the end ───────────────────────────────────────────────────────────────────────────────────────── */

enum octo_failure octo_client_failure(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return OCTO_FAILURE_REFUSED;
    case ECONNRESET:
        return OCTO_FAILURE_RESET;
    case EPIPE:
        return OCTO_FAILURE_BROKEN;
    case ETIMEDOUT:
        return OCTO_FAILURE_TIMED_OUT;
    case EHOSTUNREACH:
        return OCTO_FAILURE_HOST_UNREACHABLE;
    case EHOSTDOWN:
        return OCTO_FAILURE_HOST_DOWN;
    case ENETUNREACH:
        return OCTO_FAILURE_NET_UNREACHABLE;
    case ENETDOWN:
        return OCTO_FAILURE_NET_DOWN;
    case ECONNABORTED:
        return OCTO_FAILURE_ABORTED;
    default:
        return OCTO_FAILURE_KINDS;
    }
}

static void fail_all(struct octo_conn *conn, enum octo_failure failure)
{
    for (struct octo_exchange *x; (x = octo_conn_due(conn)) != NULL;)
        settle(conn, x, false, conn->unframed ? OCTO_FAILURE_UNFRAMED : failure);
}

void octo_client_saw_eof(struct octo_conn *conn)
{
    struct octo_exchange *x;

    if (octo_framer_eof(&conn->in.framer) == OCTO_AT_END && (x = octo_conn_due(conn)) != NULL)
        settle(conn, x, true, 0); /* a body until close */
    fail_all(conn, OCTO_FAILURE_CLOSED_EARLY);
}

void octo_client_saw_error(struct octo_conn *conn, enum octo_side side, int error)
{
    enum octo_failure failure = octo_client_failure(error);

    if (failure == OCTO_FAILURE_KINDS)
        return;
    if (!conn->failed && !conn->link->established)
        octo_unconnected_link(conn, failure);
    conn->abort_reason = failure;
    conn->failed = true;
    if (side == OCTO_IN) /* what was sent may have been answered before the connection broke: the reader knows */
        fail_all(conn, failure);
}

void octo_client_settle(struct octo_conn *conn, enum octo_failure otherwise)
{
    struct octo_exchange *x;

    conn->in_now_ns = 0;
    abandon(conn);
    if (!conn->failed && octo_framer_eof(&conn->in.framer) == OCTO_AT_END && (x = octo_conn_due(conn)) != NULL)
        settle(conn, x, true, 0); /* a body until close of which the service wants no more */
    fail_all(conn, conn->failed ? conn->abort_reason : otherwise);
    if (conn->reading)
        out_end(conn, &conn->out.framer);
}
