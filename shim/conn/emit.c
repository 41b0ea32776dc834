/* Emit: see emit.h. */
#include "conn/emit.h"
#include "conn/process.h"
#include "base/clock.h"
#include "export/writer.h"

#include <stddef.h>
#include <string.h>

static bool wanted(enum octo_level level)
{
    return level >= octo_service.settings.level;
}

/* This process's ring, claimed at its first record. NULL: no memory for one. */
static struct octo_ring *ring_of(struct octo_process *process)
{
    struct octo_ring *ring = atomic_load_explicit(&process->ring, memory_order_acquire);

    if (ring || process->ringless || !octo_service.segment || octo_service.sandboxed)
        return ring;
    ring = octo_segment_claim(octo_service.segment, process->pid);
    if (ring)
        atomic_store_explicit(&process->ring, ring, memory_order_release);
    else
        process->ringless = true;
    return ring;
}

/* The texts of a record, one after the other. */
struct words {
    const char *at;
    uint32_t len;
    uint8_t id_len, method_len, host_len;
    uint16_t target_len;
};

static const struct words none = {.at = ""};

/* Everything between the size and the text, to start from. */
enum { RECORD_FROM = offsetof(struct octo_record, kind) };

/* Reserves a record and fills what all have in common. NULL: dropped (and counted), or nobody wants it. */
static struct octo_record *begin(enum octo_event_kind kind, enum octo_level level, uint64_t now_ns,
                                 const struct words *words)
{
    struct octo_process *process = octo_process();
    struct octo_ring *ring = process ? ring_of(process) : NULL;
    struct octo_record *r;

    if (!ring)
        return NULL;
    r = octo_ring_reserve(ring, words->len, level);
    if (!r)
        return NULL;
    memset((char *)r + RECORD_FROM, 0, sizeof(*r) - RECORD_FROM);
    r->kind = kind;
    r->level = level;
    r->mono_ns = now_ns;
    r->pid = process->pid;
    r->id_len = words->id_len;
    r->method_len = words->method_len;
    r->host_len = words->host_len;
    r->target_len = words->target_len;
    memcpy(r->text, words->at, words->len);
    return r;
}

static void finish(struct octo_record *r)
{
    struct octo_ring *ring = octo_process()->ring;

    octo_ring_commit(ring, r);
    if (octo_service.sandboxed)
        return;
    octo_writer_ring(octo_service.segment, octo_ring_half_full(ring));
}

static void set_peer(struct octo_record *r, const struct octo_conn *conn)
{
    r->family = conn->family;
    memcpy(r->peer, conn->peer, sizeof(r->peer));
}

static void set_request(struct octo_record *r, const struct octo_conn *conn, const struct octo_exchange *x)
{
    set_peer(r, conn);
    r->protocol = x->minor ? 11 : 10;
    r->request_no = x->number;
    if (x->target_cut)
        r->flags |= OCTO_RECORD_TARGET_CUT;
}

static struct words words_of(const struct octo_exchange *x)
{
    return (struct words){x->words, x->words_len, x->id_len, x->method_len, x->host_len, x->target_len};
}

void octo_emit_started(const struct octo_conn *conn, const struct octo_exchange *x)
{
    struct words words = words_of(x);
    struct octo_record *r;

    if (!x->sampled || !wanted(OCTO_INFO))
        return;
    r = begin(OCTO_EV_REQUEST_STARTED, OCTO_INFO, x->head_ns, &words);
    if (!r)
        return;
    set_request(r, conn, x);
    finish(r);
}

void octo_emit_ended(const struct octo_conn *conn, const struct octo_exchange *x, uint64_t now_ns,
                     uint64_t bytes_in, uint64_t bytes_out, bool completed, enum octo_abort_reason reason)
{
    uint64_t duration_ns = now_ns - x->head_ns;
    bool slow = duration_ns > octo_service.settings.slow_ns;
    enum octo_level level = x->status >= 500 ? OCTO_ERROR : slow || !completed ? OCTO_WARNING : OCTO_INFO;
    struct words words = words_of(x);
    struct octo_record *r;

    if (!wanted(level) || (!x->sampled && level == OCTO_INFO))
        return;
    r = begin(completed ? OCTO_EV_REQUEST_COMPLETED : OCTO_EV_REQUEST_ABORTED, level, now_ns, &words);
    if (r) {
        set_request(r, conn, x);
        r->duration_ns = duration_ns;
        r->ttfb_ns = x->first_ns ? x->first_ns - x->head_ns : 0;
        r->bytes_in = bytes_in;
        r->bytes_out = bytes_out;
        r->status = x->status;
        r->reason = reason;
        if (x->status)
            r->flags |= OCTO_RECORD_HAS_STATUS;
        if (slow)
            r->flags |= OCTO_RECORD_SLOW;
        finish(r);
    }
    /* A service that has locked itself in must not make a thread: its siblings or its next start write. */
    if (!octo_service.sandboxed && octo_service.segment)
        octo_writer_ensure(&octo_service.settings, octo_service.segment);
}

void octo_emit_connection(const struct octo_conn *conn, bool opened, uint64_t now_ns)
{
    struct octo_record *r;

    if (!wanted(OCTO_DEBUG))
        return;
    r = begin(opened ? OCTO_EV_CONNECTION_OPENED : OCTO_EV_CONNECTION_CLOSED, OCTO_DEBUG, now_ns, &none);
    if (!r)
        return;
    set_peer(r, conn);
    if (!opened) {
        r->duration_ns = now_ns - conn->opened_ns;
        r->protocol = octo_framer_is_opaque(&conn->in.framer) ? 0 : conn->in.framer.minor ? 11 : 10;
    }
    finish(r);
}

void octo_emit_service(bool started, const char *argv0, int exit_code)
{
    struct octo_record *r;

    if (!wanted(OCTO_INFO))
        return;
    r = begin(started ? OCTO_EV_SERVICE_STARTED : OCTO_EV_SERVICE_STOPPED, OCTO_INFO, octo_clock_mono_ns(),
              &(struct words){.at = argv0, .len = (uint32_t)strlen(argv0), .target_len = (uint16_t)strlen(argv0)});
    if (!r)
        return;
    r->status = (uint16_t)(exit_code & 0xff);
    finish(r);
}

void octo_emit_prepare(void)
{
    struct octo_process *process = octo_process();

    if (process)
        ring_of(process);
}

void octo_emit_opaque(enum octo_opaque_reason reason)
{
    if (octo_service.segment)
        atomic_fetch_add_explicit(&octo_service.segment->opaque[reason], 1, memory_order_relaxed);
}
