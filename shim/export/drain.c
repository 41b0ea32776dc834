/*
 * From the rings to the sink, batch by batch, no line lost or doubled even if this thread is killed.
 *
 *   1  read records into lines, freeing nothing      segment->batch: where each ring's part ends, length,
 *   2  state = WRITING                               file and its size
 *   3  write
 *   4  state = WRITTEN
 *   5  free the records and crashes, state = NONE
 *
 * A leader that finds WRITING makes the same bytes again and looks in the file how many of them are there. Where
 * it cannot look (a pipe, a terminal) it writes them again: rather twice than never.
 *
 * Context: the writer thread, holding the lead.
 */
#include "export/writer_parts.h"

#include "base/clock.h"

#include <errno.h>
#include <stdatomic.h>

struct fill {
    struct octo_writer *w;
    struct octo_encoder *encoder;
    struct octo_segment *segment;
    int64_t real_offset_ns;
    size_t room;
    bool full;
};

static size_t encode(struct fill *f, const struct octo_record *record, char *out, uint64_t *sample)
{
    struct octo_writer *w = f->w;
    struct octo_line_stack stack;

    *sample = 0;
    if (__builtin_expect(record->stack != OCTO_RECORD_STACK_NONE, 0) &&
        octo_stacks_find(&w->stacks, w->settings, f->segment, f->segment == w->segment, record, &stack)) {
        *sample = stack.sample;
        return octo_encode_stacked(f->encoder, record, &stack, f->real_offset_ns, out);
    }
    return octo_encode(f->encoder, record, f->real_offset_ns, out);
}

static bool take(const struct octo_record *record, void *arg)
{
    struct fill *f = arg;
    struct octo_writer *w = f->w;
    uint64_t sample = 0;
    size_t n = 0;

    if (w->length + OCTO_LINE_ROOM > sizeof w->batch) {
        f->full = true;
        return false;
    }
    if (!(record->flags & OCTO_RECORD_UNLOGGED))
        n = encode(f, record, w->batch + w->length, &sample);
    if ((w->length != 0 && w->length + n > f->room) ||
        (octo_spans_wants(&w->spans, record) && !octo_spans_add(&w->spans, record, f->real_offset_ns))) {
        f->full = true;
        return false;
    }
    if (n == 0)
        return true;
    w->stacks.used |= sample;
    w->length += n;
    w->lines++;
    w->by_level[record->level < OCTO_LEVELS ? record->level : OCTO_CRITICAL]++;
    return true;
}

/* The lines of crashes that were told: those of these bits. They come when all records that were there before are in; or not now. */
static void take_crashes(struct octo_segment *segment, uint64_t wanted, struct fill *f)
{
    struct octo_writer *w = f->w;

    segment->batch.crashes = 0;
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS && !f->full; i++) {
        size_t n;

        if (!(wanted >> i & 1) ||
            atomic_load_explicit(&segment->slot[i].crash, memory_order_acquire) != OCTO_CRASH_TOLD)
            continue;
        f->full = w->length + OCTO_LINE_ROOM > sizeof w->batch;
        if (f->full)
            return;
        n = octo_encode_death(f->encoder, octo_segment_crash(segment, i), f->real_offset_ns, w->batch + w->length);
        f->full = w->length != 0 && w->length + n > f->room;
        if (f->full)
            return;
        segment->batch.crashes |= UINT64_C(1) << i;
        w->length += n;
        w->lines++;
        w->by_level[OCTO_CRITICAL]++;
    }
}

/* A death counts where it is written: that of a former life in this one. */
static void count_death(struct octo_writer *w, struct octo_segment *segment, int signal)
{
    unsigned kind = octo_death_kind(signal);
    uint32_t word = w->segment->death_word[kind];

    if (segment == w->segment)
        atomic_fetch_add(&segment->died[kind], 1);
    if (word != 0 && octo_segment_metrics(w->segment) != NULL)
        octo_count(octo_segment_metrics(w->segment), word, 1);
}

static void free_crashes(struct octo_writer *w, struct octo_segment *segment)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++)
        if (segment->batch.crashes >> i & 1) {
            count_death(w, segment, octo_segment_crash(segment, i)->signal);
            atomic_store_explicit(&segment->slot[i].crash, OCTO_CRASH_FREE, memory_order_release);
        }
    segment->batch.crashes = 0;
}

void octo_drain_begin(struct octo_writer *w)
{
    w->length = w->lines = w->spans.length = 0;
    w->stacks.used = 0;
    memset(w->by_level, 0, sizeof w->by_level);
}

static size_t line_start(const char *batch, size_t at)
{
    while (at > 0 && batch[at - 1] != '\n')
        at--;
    return at;
}

static uint64_t count_lines(const char *p, size_t n)
{
    uint64_t lines = 0;

    for (size_t i = 0; i < n; i++)
        lines += p[i] == '\n';
    return lines;
}

/* Whether a stream, having failed with this, may take lines another time: not if its reader is gone. */
static bool hopeless(const struct octo_writer *w, int error)
{
    return w->sink.stream && error != -EAGAIN && error != -ENOSPC && error != -ENOMEM && error != -ENOBUFS;
}

/*
 * Writes batch[done..length). segment: whose `batch` is to say so, or NULL. torn_at: where the file ended when a
 * line of it was left unfinished (done is within that line).
 * Returns true when it is done with (written, or lost and counted); false if the writer is to stop.
 */
static bool write_out(struct octo_writer *w, struct octo_segment *segment, size_t done, uint64_t torn_at)
{
    struct octo_sink *sink = &w->sink;
    uint64_t dev = sink->dev, ino = sink->ino;
    bool announced = false;

    while (done < w->length) {
        int err = octo_sink_ready(sink, w->length - done);
        ssize_t r;

        if (err != 0)
            goto failed;
        if (sink->fallback && w->trouble.error != sink->open_error) {
            atomic_fetch_add_explicit(&w->segment->sink_errors, 1, memory_order_relaxed);
            octo_report_trouble(w, sink->open_error, true);
        }
        if (done > 0 && w->batch[done - 1] != '\n') {
            /* Inside a line. It can only be finished where it was begun, and if nothing came after it. */
            if (sink->stream || sink->dev != dev || sink->ino != ino || sink->size != torn_at) {
                done = line_start(w->batch, done);
                if (!sink->stream && sink->dev == dev && sink->ino == ino && (sink->size > torn_at || ino == 0))
                    octo_sink_write(sink, "\n", 1);
            }
        }
        dev = sink->dev;
        ino = sink->ino;
        if (segment != NULL && !announced) {
            segment->batch.dev = dev;
            segment->batch.ino = sink->stream ? 0 : ino;
            segment->batch.offset = sink->size;
            segment->batch.length = w->length;
            atomic_store_explicit(&segment->batch.state, OCTO_BATCH_WRITING, memory_order_release);
            announced = true;
        }
        r = octo_sink_write(sink, w->batch + done, w->length - done);
        if (r > 0) {
            done += (size_t)r;
            torn_at = sink->size + (uint64_t)r;
            w->lost = false;
            continue;
        }
        err = (int)r;
    failed:
        if (err == -EINTR)
            continue;
        if (hopeless(w, err) || (sink->fd < 0 && sink->open_error == 0)) {
            /* No stderr, or nobody reads it: nothing to wait for. */
            uint64_t lost = count_lines(w->batch + done, w->length - done);

            if (segment != NULL)
                atomic_fetch_add(&w->segment->sink_dropped, lost);
            w->lines -= lost;
            w->lost = true;
            octo_sink_close(sink);
            return true;
        }
        atomic_store(&w->segment->stuck, 1);
        if (err != -EAGAIN) {
            atomic_fetch_add_explicit(&w->segment->sink_errors, 1, memory_order_relaxed);
            octo_report_trouble(w, err, sink->fd < 0);
            octo_writer_sleep(w, atomic_load(&w->segment->doorbell), OCTO_RETRY_MS);
        }
        if (atomic_load(&w->stop))
            return false;
    }
    return true;
}

void octo_drain_count(struct octo_writer *w)
{
    if (w->lost)
        return; /* with what little of the batch was written before */
    for (unsigned i = 0; i < OCTO_LEVELS; i++)
        if (w->by_level[i] != 0)
            atomic_fetch_add_explicit(&w->segment->written[i], w->by_level[i], memory_order_relaxed);
    atomic_fetch_add_explicit(&w->segment->written_bytes, w->length, memory_order_relaxed);
}

/* Before the rings are free, by which an exiting service knows that all is done. */
static void hand_over_spans(struct octo_writer *w, const struct octo_segment *segment)
{
    if (strcmp(segment->service, w->segment->service) == 0)
        octo_spans_hand_over(&w->spans, w->segment->spans);
    else
        octo_spans_drop(&w->spans, w->segment->spans);
}

/* After write_out(). */
static void settle(struct octo_writer *w, struct octo_segment *segment)
{
    atomic_store_explicit(&segment->batch.state, OCTO_BATCH_WRITTEN, memory_order_release);
    hand_over_spans(w, segment);
    octo_rings_free(w, segment);
    free_crashes(w, segment);
    octo_stacks_settle(&w->stacks, segment);
    atomic_store_explicit(&segment->batch.state, OCTO_BATCH_NONE, memory_order_release);
    octo_drain_count(w);
    atomic_store(&w->segment->stuck, 0);
}

uint64_t octo_drain_batch(struct octo_writer *w, struct octo_segment *segment, struct octo_encoder *encoder,
                          uint64_t hole_ns)
{
    struct octo_segment_batch *batch = &segment->batch;
    struct fill f = {.w = w, .encoder = encoder, .segment = segment};

    octo_drain_begin(w);
    w->more = false;
    if (octo_segment_empty(segment))
        return 0;
    /* The sink first: a stream takes small batches, so that each is one write. */
    octo_sink_ready(&w->sink, 0);
    f.room = w->sink.stream ? OCTO_SINK_ATOMIC : OCTO_BATCH_BYTES;
    f.real_offset_ns = segment == w->segment ? (int64_t)(octo_clock_real_ns() - octo_clock_mono_ns())
                                             : atomic_load(&segment->real_offset_ns);
    batch->real_offset_ns = f.real_offset_ns;
    atomic_store_explicit(&segment->real_offset_ns, f.real_offset_ns, memory_order_relaxed);
    octo_rings_read(w, segment, hole_ns, take, &f);
    take_crashes(segment, ~UINT64_C(0), &f);
    w->more = f.full;
    octo_spans_prepare(&w->spans, w->segment->spans,
                       &w->sink); /* now: to be killed while handing over costs spans */
    if (w->length == 0) {         /* only spans, padding, or holes given up */
        bool spans = w->spans.length != 0;

        settle(w, segment);
        return spans;
    }
    if (!write_out(w, segment, 0, 0))
        return 0;
    settle(w, segment);
    return w->lines;
}

void octo_drain_recover(struct octo_writer *w, struct octo_segment *segment, struct octo_encoder *encoder)
{
    struct octo_segment_batch *batch = &segment->batch;
    uint32_t state = atomic_load_explicit(&batch->state, memory_order_acquire);
    struct fill f = {.w = w,
                     .encoder = encoder,
                     .segment = segment,
                     .real_offset_ns = batch->real_offset_ns,
                     .room = OCTO_BATCH_BYTES};
    bool at_end = false;
    size_t done;

    memset(w->lost_records, 0, sizeof w->lost_records);
    octo_drain_begin(w);
    if (state == OCTO_BATCH_WRITING && batch->ino != 0) {
        octo_rings_read_again(w, segment, take, &f);
        take_crashes(segment, batch->crashes, &f);
        /* Other bytes than announced: another version or form. Then they are written as if they were new. */
        if (w->length == batch->length && octo_sink_ready(&w->sink, 0) == 0) {
            done = octo_sink_found(&w->sink, batch->dev, batch->ino, batch->offset, w->batch, w->length, &at_end);
            if (!at_end)
                done = line_start(w->batch, done);
            if (done != 0) {
                octo_spans_prepare(&w->spans, w->segment->spans, &w->sink);
                if (!write_out(w, NULL, done, w->sink.size))
                    return;
                state = OCTO_BATCH_WRITTEN;
            }
        }
    }
    if (state == OCTO_BATCH_WRITTEN)
        settle(w, segment);
    else
        atomic_store(&batch->state, OCTO_BATCH_NONE);
}

bool octo_drain_write_plain(struct octo_writer *w)
{
    if (!write_out(w, NULL, 0, 0))
        return false;
    atomic_store(&w->segment->stuck, 0);
    return !w->lost;
}
