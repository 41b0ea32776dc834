/*
 * What the shim says about itself: dropped events, a failing sink, connections it cannot follow. At most one event
 * a second of each kind (and reason); what is counted meanwhile goes into the next.
 *
 * Context: the writer thread, holding the lead. What has been said is kept in the segment, so that the next leader
 * does not repeat it.
 */
#include "export/writer_parts.h"

#include "base/clock.h"
#include "base/sys.h"
#include "base/text.h"
#include "export/error.h"
#include "proto/framer.h"

#include <errno.h>
#include <stdatomic.h>

_Static_assert((int)OCTO_OPAQUE_REASONS <= (int)OCTO_SEGMENT_OPAQUE, "the segment counts every reason");

enum { REASON_MAX = 1400 };

/* One line about the shim, at out. */
static size_t make(struct octo_writer *w, enum octo_event_kind kind, const char *reason, uint64_t count, char *out)
{
    uint64_t room[(sizeof(struct octo_record) + REASON_MAX) / sizeof(uint64_t) + 1];
    struct octo_record *r = (struct octo_record *)room;
    size_t n = strlen(reason);

    memset(r, 0, sizeof *r);
    r->kind = (uint8_t)kind;
    r->level = kind == OCTO_EV_SHIM_SINK_FAILED ? OCTO_ERROR : OCTO_WARNING;
    r->mono_ns = octo_clock_mono_ns();
    r->pid = (uint32_t)octo_sys(SYS_getpid);
    r->count = count;
    r->target_len = (uint16_t)(n < REASON_MAX ? n : REASON_MAX);
    memcpy(r->text, reason, r->target_len);
    return octo_encode(&w->encoder, r, (int64_t)(octo_clock_real_ns() - octo_clock_mono_ns()), out);
}

static void add(struct octo_writer *w, enum octo_event_kind kind, const char *reason, uint64_t count)
{
    if (w->length + OCTO_LINE_ROOM > sizeof w->batch ||
        (kind == OCTO_EV_SHIM_SINK_FAILED ? OCTO_ERROR : OCTO_WARNING) < w->settings->level)
        return;
    w->length += make(w, kind, reason, count, w->batch + w->length);
    w->lines++;
    w->by_level[kind == OCTO_EV_SHIM_SINK_FAILED ? OCTO_ERROR : OCTO_WARNING]++;
}

/* True, and *last_ns = now, if a second has passed since *last_ns. */
static bool due(uint64_t *last_ns, uint64_t now)
{
    if (*last_ns != 0 && now - *last_ns < OCTO_REPORT_MS * OCTO_NS_PER_MS)
        return false;
    *last_ns = now;
    return true;
}

static void trouble_text(const struct octo_writer *w, char *out, size_t size)
{
    const struct octo_trouble *trouble = &w->trouble;
    struct octo_text t;

    octo_text_begin(&t, out, size);
    octo_text_str(&t, trouble->opening ? "cannot open " : "cannot write ");
    octo_text_str(&t, w->sink.path);
    octo_text_str(&t, ": ");
    octo_text_str(&t, octo_error_name(trouble->error));
    octo_text_str(&t,
                  trouble->opening ? "; events go to stderr meanwhile" : "; events wait, the newest are dropped");
}

void octo_report_trouble(struct octo_writer *w, int error, bool opening)
{
    static char line[OCTO_LINE_ROOM]; /* one writer a process; the stack is small */
    struct octo_sink to = w->sink;    /* only its view of stderr is used */
    char reason[REASON_MAX];

    if (w->trouble.error != error || w->trouble.opening != opening)
        w->trouble.told = false;
    w->trouble.error = error;
    w->trouble.opening = opening;
    w->trouble.failures += !opening;
    if (w->trouble.told || w->settings->level > OCTO_ERROR)
        return;
    w->trouble.told = true;
    /* The file does not take it, so stderr has to; and the file hears of it when it works again. */
    trouble_text(w, reason, sizeof reason);
    size_t n =
        make(w, OCTO_EV_SHIM_SINK_FAILED, reason, opening ? w->sink.open_failures : w->trouble.failures, line);

    to.fd = octo_sink_stderr(&to);
    if (to.fd < 0)
        return;
    octo_sink_write(&to, line, n);
    if (to.fd != 2)
        octo_sys(SYS_close, to.fd);
}

/* Protocols of their own, and upgrades, are no fault. */
static bool noteworthy(unsigned reason)
{
    return reason != OCTO_OPAQUE_NONE && reason != OCTO_OPAQUE_NOT_HTTP && reason != OCTO_OPAQUE_UPGRADED;
}

/* A line about a counter that differs from what was said of it, if its second is over. True: it is not yet. */
static bool say(struct octo_writer *w, enum octo_event_kind kind, const char *reason, uint64_t count,
                uint64_t *said, uint64_t *last_ns, uint64_t now)
{
    bool waiting = false;

    if (count != *said) {
        waiting = !due(last_ns, now);
        if (!waiting) {
            add(w, kind, reason, count - *said);
            *said = count;
        }
    }
    return waiting;
}

/* Lost spans come by the thousand: what has gone wrong last is told at once, then once a minute. */
static void say_of_spans(struct octo_writer *w, struct octo_reported *said, uint64_t now)
{
    const _Atomic uint64_t *spans = w->segment->spans;
    char reason[OCTO_SPANS_TROUBLE_MAX];
    uint64_t lost = 0;

    for (unsigned i = OCTO_SPAN_EXPORTED + 1; i < OCTO_SPAN_RESULT_COUNT; i++)
        lost += atomic_load(&spans[i]);
    if ((!w->spans.wanted && w->push.interval_ns == 0) ||
        (w->spans_ns != 0 && now - w->spans_ns < OCTO_SPANS_REPORT_MS * OCTO_NS_PER_MS))
        return;
    if (octo_spans_trouble(&w->spans, reason))
        add(w, OCTO_EV_SHIM_DEGRADED, reason, lost - said->spans);
    else if (lost != said->spans)
        add(w, OCTO_EV_SHIM_DEGRADED, "spans_lost", lost - said->spans);
    else
        return;
    said->spans = lost;
    w->spans_ns = now;
}

bool octo_report(struct octo_writer *w)
{
    struct octo_segment *s = w->segment;
    struct octo_reported said = s->reported;
    uint64_t now = octo_clock_mono_ns();
    bool failed = w->trouble.error != 0 && !w->sink.fallback, tell = failed && due(&w->sink_ns, now);
    bool waiting = failed && !tell;

    if (w->lost)
        return false; /* nobody hears us; the counters wait */
    octo_drain_begin(w);
    if (tell && w->trouble.failures + w->sink.open_failures != 0) {
        char reason[REASON_MAX];

        trouble_text(w, reason, sizeof reason);
        add(w, OCTO_EV_SHIM_SINK_FAILED, reason, w->trouble.failures + w->sink.open_failures);
    }
    waiting |= say(w, OCTO_EV_SHIM_EVENTS_DROPPED, "ring_full", octo_segment_dropped(s), &said.dropped,
                   &w->dropped_ns, now);
    waiting |= say(w, OCTO_EV_SHIM_EVENTS_DROPPED, "no_memory", atomic_load(&s->homeless), &said.homeless,
                   &w->homeless_ns, now);
    waiting |= say(w, OCTO_EV_SHIM_EVENTS_DROPPED, "sink_failed", atomic_load(&s->sink_dropped),
                   &said.sink_dropped, &w->lost_ns, now);
    waiting |= say(w, OCTO_EV_SHIM_DEGRADED, "writer_not_started", atomic_load(&s->start_failures),
                   &said.start_failures, &w->degraded_ns[OCTO_OPAQUE_NONE], now);
    if (octo_segment_metrics(s))
        waiting |= say(w, OCTO_EV_SHIM_DEGRADED, "series_limit", atomic_load(&octo_segment_metrics(s)->refused),
                       &said.refused, &w->series_ns, now);
    say_of_spans(w, &said, now);
    for (unsigned i = 0; i < OCTO_OPAQUE_REASONS; i++)
        if (noteworthy(i))
            waiting |= say(w, OCTO_EV_SHIM_DEGRADED, octo_opaque_reason_name(i),
                           atomic_load_explicit(&s->opaque[i], memory_order_relaxed), &said.opaque[i],
                           &w->degraded_ns[i], now);
    if (w->length != 0 && !octo_drain_write_plain(w))
        return true; /* not said: once more, when their second is over again */
    if (w->length != 0)
        octo_drain_count(w);
    s->reported = said;
    if (tell) {
        memset(&w->trouble, 0, sizeof w->trouble);
        w->sink.open_failures = 0;
    }
    return waiting;
}
