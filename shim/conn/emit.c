/* Emit: see emit.h. */
#include "conn/emit.h"
#include "conn/context.h"
#include "conn/disposition.h"
#include "conn/link.h"
#include "conn/llm.h"
#include "conn/process.h"
#include "conn/sampling.h"
#include "base/clock.h"
#include "export/writer.h"

#include <string.h>

static bool wanted(enum octo_level level)
{
    return level >= octo_service.settings.level;
}

/* ring_of(), where there is none yet, or it is a spare one. */
static __attribute__((noinline, cold)) struct octo_ring *claim_or_turn_back(struct octo_process *process)
{
    struct octo_ring *ring = process->outlet.ring;

    if (ring != process->outlet.own)
        return octo_outlet_turn_back(&process->outlet);
    if (ring || process->ringless || !octo_service.segment || octo_service.sandboxed)
        return ring;
    ring = octo_segment_claim(octo_service.segment, process->pid);
    if (!ring)
        process->ringless = true;
    else if (!octo_outlet_open(&process->outlet, ring)) {
        /* Another thread was first. */
        if (ring != process->outlet.ring)
            octo_segment_unclaim(octo_service.segment, process->pid, ring);
        ring = process->outlet.ring;
    }
    if (ring)
        octo_segment_steadfast(octo_service.segment, process->pid, !octo_disposition_is_deadly(SIGTERM));
    if (ring && !process->board)
        process->board = octo_segment_own_board(octo_service.segment, process->pid, ring);
    return ring;
}

/* This process's ring, claimed at its first record. NULL: no memory for one. */
static inline struct octo_ring *ring_of(struct octo_process *process)
{
    struct octo_ring *ring = atomic_load_explicit(&process->outlet.ring, memory_order_acquire);

    return __builtin_expect(ring && ring == atomic_load_explicit(&process->outlet.own, memory_order_relaxed), 1)
               ? ring
               : claim_or_turn_back(process);
}

/* The texts of a record, one after the other. */
struct words {
    const char *at;
    uint32_t len;
    uint8_t id_len, method_len, host_len;
    uint16_t target_len;
    const char *path; /* of a Unix socket, and facts: what comes last */
    uint16_t path_len;
};

static const struct words none = {.at = ""};

/* A record where the ring had no room for it. No memory is asked for where only the service's own calls are allowed. */
static __attribute__((noinline, cold)) struct octo_record *
beside(struct octo_process *process, struct octo_ring *ring, size_t text_bytes, enum octo_level level)
{
    if (octo_service.sandboxed)
        return octo_ring_reserve(ring, text_bytes, level);
    return octo_outlet_reserve(&process->outlet, octo_service.segment, process->pid, text_bytes, level);
}

/* Reserves a record and fills what all have in common. NULL: dropped (and counted), or nobody wants it. */
static struct octo_record *begin(enum octo_event_kind kind, enum octo_level level, uint64_t now_ns,
                                 struct words words)
{
    struct octo_process *process = octo_process();
    struct octo_ring *ring = process ? ring_of(process) : NULL;
    struct octo_record *r;

    if (!ring && process && process->ringless && level < OCTO_LEVELS)
        atomic_fetch_add_explicit(&octo_service.segment->homeless, 1, memory_order_relaxed);
    if (!ring)
        return NULL;
    r = octo_ring_reserve(ring, words.len + words.path_len, OCTO_LEVELS);
    if (__builtin_expect(!r, 0))
        r = beside(process, ring, words.len + words.path_len, level);
    if (!r)
        return NULL;
    r->kind = kind;
    r->level = level;
    r->mono_ns = now_ns;
    r->pid = process->pid;
    r->id_len = words.id_len;
    r->method_len = words.method_len;
    r->host_len = words.host_len;
    r->target_len = words.target_len;
    memcpy(r->text, words.at, words.len);
    if (__builtin_expect(words.path_len, 0))
        memcpy(r->text + words.len, words.path, words.path_len);
    return r;
}

static void finish(struct octo_record *r)
{
    struct octo_process *process = octo_process();
    struct octo_ring *ring = atomic_load_explicit(&process->outlet.ring, memory_order_relaxed);
    uint64_t used;

    octo_ring_commit(ring, r);
    if (octo_service.sandboxed)
        return;
    used = octo_ring_used(ring);
    octo_writer_ring(octo_service.segment, used > ring->size / 4);
    if (__builtin_expect(used > ring->size / 4 * 3, 0))
        octo_outlet_prepare(&process->outlet, octo_service.segment, process->pid);
}

/* Of an error: where in the service it comes from. */
static struct octo_sampled sample_if(bool error)
{
    static const struct octo_sampled nothing;

    return __builtin_expect(error, 0) ? octo_sampling_here() : nothing;
}

/* r: NULL if it was dropped. */
static void finish_sampled(struct octo_record *r, struct octo_sampled sampled)
{
    if (!r) {
        octo_sampling_forget(sampled);
        return;
    }
    r->stack = sampled.stack;
    r->count = sampled.count;
    finish(r);
}

static void set_peer(struct octo_record *r, const struct octo_conn *conn)
{
    r->family = conn->family;
    memcpy(r->peer, conn->peer, sizeof(r->peer));
}

static void set_trace(struct octo_record *r, const struct octo_trace *t)
{
    r->trace[0] = t->id[0];
    r->trace[1] = t->id[1];
    r->span = t->span;
    r->parent = t->parent;
    r->trace_flags = t->flags;
}

static void set_request(struct octo_record *r, const struct octo_conn *conn, const struct octo_exchange *x)
{
    set_peer(r, conn);
    r->protocol = x->minor ? 11 : 10;
    r->request_no = x->number;
    set_trace(r, &x->trace);
    r->flags = x->target_cut ? OCTO_RECORD_TARGET_CUT : 0;
}

/* Behind the words: what the request has taken, if it is over. True if there is anything to tell. */
static bool add_held(struct words *words, const struct octo_exchange *x, bool over, struct octo_held_facts *facts)
{
    if (__builtin_expect(x->held == NULL, 1))
        return false;
    if (over)
        octo_context_facts(x, facts);
    else
        *facts = (struct octo_held_facts){.cpu_ns = OCTO_NS_UNKNOWN, .run_queue_ns = OCTO_NS_UNKNOWN};
    words->path = (const char *)facts;
    words->path_len = sizeof(*facts);
    return true;
}

static struct words words_of(const struct octo_exchange *x)
{
    return (struct words){x->words, x->words_len, x->id_len, x->method_len, x->host_len, x->target_len, NULL, 0};
}

void octo_emit_started(const struct octo_conn *conn, const struct octo_exchange *x)
{
    struct octo_record *r;

    if (!x->sampled || !wanted(OCTO_INFO))
        return;
    r = begin(OCTO_EV_REQUEST_STARTED, OCTO_INFO, x->head_ns, words_of(x));
    if (!r)
        return;
    set_request(r, conn, x);
    finish(r);
}

static uint64_t since(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? to_ns - from_ns : 0; /* one of them may be of a coarse clock */
}

static bool is_slow(const struct octo_exchange *x, const struct octo_ending *ending)
{
    return since(x->head_ns, ending->now_ns) > octo_service.settings.slow_ns;
}

static enum octo_level level_of(const struct octo_exchange *x, const struct octo_ending *ending)
{
    if (!ending->completed)
        return OCTO_WARNING;
    if (ending->status >= 500)
        return OCTO_ERROR;
    return is_slow(x, ending) ? OCTO_WARNING : OCTO_INFO;
}

/* Errors and slow ones are not left to the sample. */
static bool line_wanted(const struct octo_exchange *x, enum octo_level level)
{
    return wanted(level) && (x->sampled || level != OCTO_INFO);
}

static bool span_wanted(const struct octo_trace *t)
{
    return octo_service.spans && (t->flags & OCTO_TRACE_SAMPLED);
}

/* The span of a call of a model is that of its own event. */
static bool end_wanted(const struct octo_exchange *x, enum octo_level level)
{
    return line_wanted(x, level) || (span_wanted(&x->trace) && !x->llm);
}

static void set_ending(struct octo_record *r, const struct octo_exchange *x, const struct octo_ending *ending,
                       enum octo_level level)
{
    r->level = level;
    r->mono_ns = ending->now_ns > x->head_ns ? ending->now_ns : x->head_ns; /* as since() */
    r->duration_ns = since(x->head_ns, ending->now_ns);
    r->ttfb_ns = ending->first_ns ? since(x->head_ns, ending->first_ns) : 0;
    r->bytes_in = ending->bytes_in;
    r->bytes_out = ending->bytes_out;
    r->status = ending->status;
    r->reason = ending->reason;
    r->flags =
        (uint8_t)((r->flags & (OCTO_RECORD_CERTAIN | OCTO_RECORD_INFERRED | OCTO_RECORD_HELD)) |
                  (x->target_cut ? OCTO_RECORD_TARGET_CUT : 0) | (ending->status ? OCTO_RECORD_HAS_STATUS : 0) |
                  (is_slow(x, ending) ? OCTO_RECORD_SLOW : 0) |
                  (line_wanted(x, level) ? 0 : OCTO_RECORD_UNLOGGED));
}

/* The record that was intended for the end of x, to be made what it is; NULL if there is none, or not any more. In a
 * fork's child it is the parent's. */
static struct octo_record *take_intent(struct octo_exchange *x)
{
    struct octo_process *process = octo_process();
    struct octo_record *r = x->intent;

    x->intent = NULL;
    if (!r || !process || !octo_outlet_holds(&process->outlet, r) || !octo_ring_claim(r, x->intent_mark))
        return NULL;
    return r;
}

void octo_emit_intend(const struct octo_conn *conn, struct octo_exchange *x, const struct octo_ending *ending)
{
    enum octo_level level = level_of(x, ending);
    struct words words = words_of(x);
    struct octo_held_facts facts;
    struct octo_record *r;
    bool held;

    if (!end_wanted(x, level))
        return;
    held = add_held(&words, x, false, &facts);
    r = begin(OCTO_EV_REQUEST_COMPLETED, OCTO_LEVELS, ending->now_ns, words);
    if (!r)
        return; /* no room now; it counts as dropped if there is none then either */
    set_request(r, conn, x);
    r->flags |= held ? OCTO_RECORD_HELD : 0;
    r->kind = OCTO_EV_REQUEST_COMPLETED;
    set_ending(r, x, ending, level);
    x->intent = r;
    x->intent_mark = octo_ring_intend(r);
}

void octo_emit_forgo(struct octo_exchange *x)
{
    if (x->intent)
        octo_ring_forgo(x->intent, x->intent_mark);
    x->intent = NULL;
}

/* A service that has locked itself in must not make a thread: its siblings or its next start write. */
static void have_it_written(void)
{
    if (!octo_service.sandboxed && octo_service.segment)
        octo_writer_ensure(&octo_service.settings, octo_service.segment);
    octo_process_expose();
}

void octo_emit_ended(const struct octo_conn *conn, struct octo_exchange *x, const struct octo_ending *ending)
{
    enum octo_level level = level_of(x, ending);
    struct words words = words_of(x);
    struct octo_held_facts facts;
    struct octo_sampled sampled;
    struct octo_record *r;
    bool held;

    if (!end_wanted(x, level)) {
        octo_emit_forgo(x);
        if (octo_service.pushes)
            have_it_written(); /* metrics go by the writer, whatever the events' level */
        return;
    }
    held = add_held(&words, x, true, &facts);
    sampled = sample_if(level == OCTO_ERROR && line_wanted(x, level));
    r = take_intent(x);
    if (r && held && r->flags & OCTO_RECORD_HELD) {
        memcpy((char *)octo_record_behind(r), &facts, sizeof(facts));
    } else if (!r && (r = begin(OCTO_EV_REQUEST_COMPLETED, level, ending->now_ns, words)) != NULL) {
        set_request(r, conn, x);
        r->flags |= held ? OCTO_RECORD_HELD : 0;
    }
    if (r) {
        r->kind = ending->completed ? OCTO_EV_REQUEST_COMPLETED : OCTO_EV_REQUEST_ABORTED;
        set_ending(r, x, ending, level);
    }
    finish_sampled(r, sampled);
    have_it_written();
}

/* ── requests that the service makes ───────────────────────────────────────────────────────────────── */

static void set_asked(struct octo_record *r, const struct octo_conn *conn)
{
    set_peer(r, conn);
    r->port = conn->family == OCTO_PEER_UNIX ? conn->link->address_len : conn->link->port_number;
}

/* The texts of x, and where it goes. */
static struct words words_to(const struct octo_conn *conn, struct words words)
{
    if (conn->family == OCTO_PEER_UNIX) {
        words.path = conn->link->address;
        words.path_len = conn->link->address_len;
    }
    return words;
}

static struct octo_record *begin_client(enum octo_event_kind kind, enum octo_level level, uint64_t now_ns,
                                        const struct octo_conn *conn, const struct octo_exchange *x)
{
    struct octo_record *r = begin(kind, level, now_ns, words_to(conn, words_of(x)));

    if (!r)
        return NULL;
    set_request(r, conn, x);
    set_asked(r, conn);
    r->flags |= x->shows;
    return r;
}

void octo_emit_client_started(const struct octo_conn *conn, const struct octo_exchange *x)
{
    struct octo_record *r;

    if (!x->sampled || !wanted(OCTO_DEBUG))
        return;
    r = begin_client(OCTO_EV_CLIENT_REQUEST_STARTED, OCTO_DEBUG, x->head_ns, conn, x);
    if (r)
        finish(r);
}

void octo_emit_client_ended(const struct octo_conn *conn, const struct octo_exchange *x,
                            const struct octo_ending *ending)
{
    enum octo_level level = ending->completed ? level_of(x, ending) : OCTO_ERROR;
    struct octo_sampled sampled;
    struct octo_record *r;

    if (!end_wanted(x, level))
        return;
    sampled = sample_if(level == OCTO_ERROR && line_wanted(x, level));
    r = begin_client(ending->completed ? OCTO_EV_CLIENT_REQUEST_COMPLETED : OCTO_EV_CLIENT_REQUEST_FAILED, level,
                     ending->now_ns, conn, x);
    if (r) {
        set_ending(r, x, ending, level);
        if (x->llm)
            r->trace_flags &= (uint8_t)~OCTO_TRACE_SAMPLED;
    }
    finish_sampled(r, sampled);
    have_it_written();
}

void octo_emit_llm_ended(const struct octo_conn *conn, const struct octo_exchange *x,
                         const struct octo_llm_report *report)
{
    const struct octo_ending *ending = &x->ending;
    const struct octo_llm_facts *facts = &report->facts;
    bool failed = !ending->completed || ending->status >= 400;
    enum octo_level level = failed ? OCTO_ERROR : is_slow(x, ending) ? OCTO_WARNING : OCTO_INFO;
    char behind[sizeof(conn->link->address) + sizeof(*facts) + OCTO_LLM_PROVIDER_MAX + 2 * OCTO_LLM_MODEL_MAX],
        *p = behind;
    struct words words = words_to(conn, words_of(x));
    struct octo_record *r;

    if (!line_wanted(x, level) && !span_wanted(&x->trace))
        return;
    if (words.path_len)
        p = mempcpy(p, words.path, words.path_len);
    p = mempcpy(p, facts, sizeof(*facts));
    p = mempcpy(p, report->provider, facts->provider_len);
    p = mempcpy(p, report->model, facts->model_len);
    p = mempcpy(p, report->answer_model, facts->answer_model_len);
    words.path = behind;
    words.path_len = (uint16_t)(p - behind);
    r = begin(failed ? OCTO_EV_LLM_CALL_FAILED : OCTO_EV_LLM_CALL_COMPLETED, level, ending->now_ns, words);
    if (r) {
        set_request(r, conn, x);
        set_asked(r, conn);
        r->flags |= x->shows;
        set_ending(r, x, ending, level);
        if (ending->completed)
            r->reason = OCTO_FAILURE_KINDS; /* its status tells */
        finish(r);
    }
    have_it_written();
}

void octo_emit_unconnected(const struct octo_unconnected *u)
{
    bool logged = wanted(OCTO_ERROR);
    struct octo_sampled sampled;
    struct octo_record *r;

    if (!logged && !span_wanted(&u->trace))
        return;
    sampled = sample_if(logged);
    r = begin(OCTO_EV_CLIENT_REQUEST_FAILED, OCTO_ERROR, u->now_ns,
              (struct words){
                  .at = u->id, .len = u->id_len, .id_len = u->id_len, .path = u->path, .path_len = u->path_len});
    if (r) {
        r->family = u->family;
        memcpy(r->peer, u->peer, sizeof(r->peer));
        r->port = u->family == OCTO_PEER_UNIX ? u->path_len : u->port;
        r->flags = (uint8_t)(u->shows | (logged ? 0 : OCTO_RECORD_UNLOGGED));
        set_trace(r, &u->trace);
        r->duration_ns = u->since_ns ? since(u->since_ns, u->now_ns) : 0;
        r->reason = u->failure;
    }
    finish_sampled(r, sampled);
    have_it_written();
}

void octo_emit_connection(const struct octo_conn *conn, bool opened, uint64_t now_ns)
{
    struct octo_record *r;

    if (!wanted(OCTO_DEBUG))
        return;
    r = begin(opened ? OCTO_EV_CONNECTION_OPENED : OCTO_EV_CONNECTION_CLOSED, OCTO_DEBUG, now_ns, none);
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
              (struct words){.at = argv0, .len = (uint32_t)strlen(argv0), .target_len = (uint16_t)strlen(argv0)});
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
