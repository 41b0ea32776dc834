/*
 * The writer's life: start, lead, work, sleep, stop. See writer.h; the work itself is drain.c's.
 *
 *   NONE ──ensure──> STARTING ──> RUNNING ──stop──> STOPPING ──(thread gone)──> NONE
 *
 * Context: octo_writer_*() on any thread of the service; run() is the writer thread.
 */
#include "export/writer.h"

#include "base/clock.h"
#include "base/sys.h"
#include "export/deaths.h"
#include "export/probe.h"
#include "export/process_context.h"
#include "export/stuck.h"
#include "export/writer_parts.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/prctl.h>

enum { NONE, STARTING, RUNNING, STOPPING };

enum {
    LIVE_HOLE_MS = 1000, /* a reserved record of a living process may stay unfinished so long */
    SAMPLE_MS = 10000,   /* a sample that no record is of is given up then */
    FLUSH_STEP_US = 250,
    STOP_STEP_MS = 2,
};

static struct octo_writer writer;
static _Atomic uint32_t state;
static _Atomic uint64_t not_before_ns; /* no new attempt to start before */

void octo_writer_sleep(struct octo_writer *w, uint32_t seen, unsigned timeout_ms)
{
    struct timespec ts = {timeout_ms / 1000, (long)(timeout_ms % 1000) * (long)OCTO_NS_PER_MS};

    if (!atomic_load(&w->stop))
        octo_sys(SYS_futex, &w->segment->doorbell, FUTEX_WAIT, seen, timeout_ms != 0 ? &ts : NULL, 0, 0);
}

static void take_over_orphans(struct octo_writer *w)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_ORPHANS; i++) {
        struct octo_segment *orphan = octo_segment_orphan(i);
        struct octo_encoder encoder;

        if (orphan == NULL)
            continue;
        orphan->service[OCTO_SEGMENT_NAME_MAX - 1] = orphan->environment[OCTO_SEGMENT_NAME_MAX - 1] =
            orphan->app_version[OCTO_SEGMENT_NAME_MAX - 1] = 0;
        octo_encoder_init(&encoder, w->settings->json, orphan->service, orphan->environment, orphan->app_version);
        octo_drain_recover(w, orphan, &encoder);
        if (w->settings->crash)
            octo_deaths_look(orphan, true);
        while (!atomic_load(&w->stop) && !octo_segment_empty(orphan))
            octo_drain_batch(w, orphan, &encoder, 0);
        if (octo_segment_empty(orphan))
            octo_segment_orphan_done(i);
    }
}

/*
 * Sleeps until there may be something to do. While records come, a nap: they gather to a batch, and nobody has to wake
 * us. After some naps without one, until rung. `asleep` is set one nap ahead of the long sleep, and the rings looked at
 * again after it: by then each record whose writer did not see it is visible, without a fence on the writers' side.
 */
static void rest(struct octo_writer *w, unsigned quiet, uint32_t seen)
{
    bool long_sleep = quiet >= OCTO_QUIET_NAPS;
    /* octoshim-otlp counts without ringing. */
    unsigned most_ms = octo_spans_account(&w->spans, w->segment->spans) ? OCTO_SPANS_LOOK_MS : 0;
    unsigned push_ms = octo_push_wait_ms(&w->push), stuck_ms = octo_stuck_every_ms(w->settings);

    if (most_ms == 0 || (push_ms != 0 && push_ms < most_ms))
        most_ms = push_ms;
    if (stuck_ms != 0 && (most_ms == 0 || stuck_ms < most_ms))
        most_ms = stuck_ms;

    atomic_store(&w->segment->asleep, long_sleep ? OCTO_ASLEEP : OCTO_NAPPING);
    octo_writer_sleep(w, seen, OCTO_NAP_MS);
    if (long_sleep && atomic_load(&w->segment->asleep) == OCTO_ASLEEP && octo_segment_empty(w->segment)) {
        if (w->settings->crash)
            octo_deaths_look(w->segment, false);
        octo_segment_reap(w->segment);
        if (octo_segment_samples(w->segment) != NULL)
            octo_samples_reap(octo_segment_samples(w->segment),
                              octo_clock_coarse_ns() - SAMPLE_MS * OCTO_NS_PER_MS);
        octo_sink_rest(&w->sink);
        octo_writer_sleep(w, seen, atomic_load(&w->segment->muted) ? OCTO_MUTED_NAP_MS : most_ms);
    }
    atomic_store(&w->segment->asleep, OCTO_AWAKE);
}

static void work(struct octo_writer *w)
{
    unsigned quiet = 0;
    bool waiting;

    octo_drain_recover(w, w->segment, &w->encoder);
    take_over_orphans(w);
    while (!atomic_load(&w->stop)) {
        uint32_t seen = atomic_load(&w->segment->doorbell);

        if (atomic_load_explicit(&w->unsettled, memory_order_relaxed)) {
            octo_spans_start(&w->spans, w->segment->spans, &w->sink);
            atomic_store(&w->unsettled, false);
        }
        uint64_t lines = octo_drain_batch(w, w->segment, &w->encoder, LIVE_HOLE_MS * OCTO_NS_PER_MS);

        if (octo_clock_coarse_ns() >= w->deaths_ns) {
            if (w->settings->crash)
                octo_deaths_look(w->segment, false);
            octo_segment_reap_spares(w->segment);
            w->deaths_ns = octo_clock_coarse_ns() + OCTO_DEATHS_MS * OCTO_NS_PER_MS;
        }
        octo_push(&w->push, &w->spans, w->segment, &w->sink, false);
        octo_probe_look(w->settings, w->segment);
        octo_stuck_look(w->settings, w->segment);
        if (lines != 0 && w->more)
            continue;
        waiting = octo_report(w);
        quiet = lines != 0 || waiting ? 0 : quiet + 1;
        rest(w, quiet, seen);
    }
    /* What is there now is not left to chance, if the sink takes it at once. */
    if (!atomic_load(&w->segment->stuck))
        octo_drain_batch(w, w->segment, &w->encoder, LIVE_HOLE_MS * OCTO_NS_PER_MS);
}

static void while_another_leads(void *arg)
{
    struct octo_writer *w = arg;

    octo_probe_meet(w->settings, w->segment);
    octo_stacks_answer_own(&w->stacks, w->settings, w->segment);
    octo_stuck_look(w->settings, w->segment);
}

static void run(void *arg)
{
    struct octo_writer *w = arg;
    const struct octo_settings *settings = w->settings;

    octo_sys(SYS_prctl, PR_SET_NAME, "octoshim");
    octo_sink_init(&w->sink, settings->log, settings->rotate, settings->rotate_bytes);
    int owned = octo_thread_own_descriptors();

    w->sink.own_stderr = owned == 1;
    if (owned >= 0) {
        octo_encoder_init(&w->encoder, settings->json, w->segment->service, w->segment->environment,
                          w->segment->app_version);
        octo_process_context_publish(w->segment->service, w->segment->environment, w->segment->app_version,
                                     w->segment->instance);
        octo_lead_prepare(&w->lead, &w->segment->lead);
        if (octo_lead_take(&w->lead, &w->segment->lead, &w->stop, octo_stuck_every_ms(settings),
                           while_another_leads, w)) {
            atomic_store(&w->segment->asleep, OCTO_AWAKE);
            work(w);
            octo_push(&w->push, &w->spans, w->segment, &w->sink, true);
            octo_push_end(&w->push);
            octo_spans_account(&w->spans, w->segment->spans);
            octo_spans_close(&w->spans);
            atomic_store(&w->segment->stuck, 0);
            octo_lead_release(&w->segment->lead);
        }
    } else {
        /* Nothing can be opened here without the service seeing it. Another process's writer may do better. */
        atomic_fetch_add(&w->segment->start_failures, 1);
    }
    octo_probe_end();
    octo_thread_exit();
}

void octo_writer_ensure(const struct octo_settings *settings, struct octo_segment *segment)
{
    uint32_t was = atomic_load_explicit(&state, memory_order_acquire);

    if (__builtin_expect(was == RUNNING, 1))
        return;
    if (was == STARTING || (was == STOPPING && atomic_load(&writer.thread.tid) != 0) ||
        octo_clock_coarse_ns() < atomic_load_explicit(&not_before_ns, memory_order_relaxed) ||
        !atomic_compare_exchange_strong(&state, &was, STARTING))
        return;
    writer.settings = settings;
    writer.spans.settings = settings;
    writer.spans.instance = segment->instance;
    writer.spans.wanted = octo_settings_export_spans(settings);
    octo_push_init(&writer.push, settings);
    writer.segment = segment;
    memset(&writer.trouble, 0, sizeof writer.trouble);
    writer.lost = false;
    atomic_store(&writer.stop, 0);
    if (octo_thread_start(&writer.thread, run, &writer) == 0) {
        atomic_store_explicit(&state, RUNNING, memory_order_release);
    } else {
        atomic_fetch_add(&segment->start_failures, 1);
        atomic_store(&not_before_ns, octo_clock_coarse_ns() + OCTO_NS_PER_S);
        atomic_store(&state, NONE);
    }
}

void octo_writer_settle(const struct octo_settings *settings, struct octo_segment *segment, uint64_t timeout_ns)
{
    const struct timespec step = {.tv_nsec = FLUSH_STEP_US * 1000};
    uint64_t deadline = octo_clock_mono_ns() + timeout_ns;

    atomic_store(&writer.unsettled,
                 octo_settings_export_spans(settings) || octo_settings_export_metrics(settings));
    octo_writer_ensure(settings, segment);
    octo_writer_wake(segment);
    while (atomic_load(&writer.unsettled) && octo_clock_mono_ns() < deadline)
        octo_sys(SYS_nanosleep, &step, NULL);
}

void octo_writer_wake(struct octo_segment *segment)
{
    atomic_fetch_add(&segment->doorbell, 1);
    octo_sys(SYS_futex, &segment->doorbell, FUTEX_WAKE, INT_MAX, 0, 0, 0);
}

void octo_writer_ring(struct octo_segment *segment, bool urgent)
{
    uint32_t asleep;

    atomic_signal_fence(memory_order_seq_cst); /* not before the record is committed, see rest() */
    asleep = atomic_load_explicit(&segment->asleep, memory_order_relaxed);
    if (__builtin_expect(asleep == OCTO_AWAKE || (asleep == OCTO_NAPPING && !urgent), 1))
        return;
    /* One of those who see it rings. */
    if (atomic_compare_exchange_strong(&segment->asleep, &asleep, OCTO_AWAKE))
        octo_writer_wake(segment);
}

void octo_writer_stop(uint64_t timeout_ns)
{
    uint64_t deadline = octo_clock_mono_ns() + timeout_ns;
    uint32_t was = RUNNING;

    if (!atomic_compare_exchange_strong(&state, &was, STOPPING) && was != STOPPING)
        return;
    atomic_store(&writer.stop, 1);
    /* It may be about to sleep just now: knock until it is gone. */
    do {
        octo_writer_wake(writer.segment);
        octo_lead_nudge(&writer.segment->lead);
    } while (!octo_thread_wait(&writer.thread, STOP_STEP_MS * OCTO_NS_PER_MS) && octo_clock_mono_ns() < deadline);
    if (atomic_load(&writer.thread.tid) == 0) {
        was = STOPPING;
        atomic_compare_exchange_strong(&state, &was, NONE);
    }
}

void octo_writer_flush(struct octo_segment *segment, uint64_t timeout_ns)
{
    const struct timespec step = {.tv_nsec = FLUSH_STEP_US * 1000};
    uint64_t deadline = octo_clock_mono_ns() + timeout_ns;

    if (octo_segment_empty(segment))
        return;
    octo_writer_wake(segment);
    /* Nobody to wait for, or one who cannot write: what is in the rings is for a sibling or the next start. */
    while (!octo_segment_empty(segment) && !atomic_load(&segment->stuck) && octo_clock_mono_ns() < deadline &&
           (octo_lead_held(&segment->lead) || atomic_load(&state) == RUNNING))
        octo_sys(SYS_nanosleep, &step, NULL);
}

void octo_writer_end_spans(uint64_t timeout_ns)
{
    uint64_t deadline = octo_clock_mono_ns() + timeout_ns, now;

    if ((atomic_load(&writer.spans.page) == NULL && writer.push.interval_ns == 0) ||
        atomic_load(&state) != RUNNING)
        return;
    /* With the lead given up first: what others still write is for a writer whose octoshim-otlp goes on. */
    octo_writer_stop(timeout_ns);
    now = octo_clock_mono_ns();
    if (atomic_load(&writer.thread.tid) != 0 || now >= deadline)
        return;
    octo_spans_wait(&writer.spans, deadline - now);
    octo_spans_account(&writer.spans, writer.segment->spans);
}

void octo_writer_forked(void)
{
    octo_spans_init(&writer.spans, NULL);
    octo_probe_forked();
    octo_stuck_forked();
    octo_process_context_forked();
    writer.push = (struct octo_push){0}; /* its memory may have been just moving */
    /* Memory for the stack stays, as a copy; the thread did not come along. */
    atomic_store(&writer.thread.tid, 0);
    atomic_store(&not_before_ns, 0);
    atomic_store(&state, NONE);
}
