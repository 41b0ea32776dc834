/*
 * What a batch takes from which ring, and in which order: each process's records as it made them, and none that is not
 * whole.
 *
 * Context: the writer thread, holding the lead.
 */
#include "export/writer_parts.h"

#include "base/clock.h"

#include <stdatomic.h>

enum {
    DEAD_HOLE_MS = 10,
    INTENT_MS = 200,                 /* how long an intended record may hold up those behind it */
    INTENT_CROWDED_MS = OCTO_NAP_MS, /* the same where the ring fills up meanwhile, or its process is dead */
};

/* Whoever has its number now. */
static bool always(uint32_t pid)
{
    (void)pid;
    return true;
}

/* hole_ns 0: nobody lives who could still finish a record. */
static struct octo_ring_reader reader_for(uint64_t hole_ns, octo_take *take, void *arg)
{
    bool alive = hole_ns != 0;

    return (struct octo_ring_reader){
        .take = take,
        .arg = arg,
        .now_ns = octo_clock_mono_ns(),
        .hole_ns = hole_ns,
        .intent_ns = alive ? INTENT_MS * OCTO_NS_PER_MS : 0,
        .gone = alive ? octo_segment_process_over : always,
    };
}

/* One batch's reading. Where take() says no, it ends. */
struct reading {
    struct octo_writer *w;
    struct octo_segment *segment;
    uint64_t hole_ns;
    octo_take *take;
    void *arg;
    bool ended;
};

static bool take_or_end(const struct octo_record *record, void *arg)
{
    struct reading *r = arg;

    r->ended = !r->take(record, r->arg);
    return !r->ended;
}

/* Reads ring i as far as `end`. True if it got there. */
static bool read_ring(struct reading *r, unsigned i, uint64_t end)
{
    struct octo_segment_batch *batch = &r->segment->batch;
    uint64_t *cursor = &batch->cursor[i], *lost = &r->w->lost_records[i], start = *cursor;
    struct octo_ring *ring = octo_segment_ring(r->segment, i);
    struct octo_ring_reader reader = reader_for(r->hole_ns, take_or_end, r);

    if (start == end)
        return true;
    batch->order[batch->rings++] = (uint8_t)i;
    if (r->hole_ns != 0 && octo_ring_half_full(ring))
        reader.intent_ns = INTENT_CROWDED_MS * OCTO_NS_PER_MS;
    octo_ring_read(ring, cursor, end - start, &reader, lost);
    /* A hole comes first: no need to wait long for a writer that is dead. */
    if (*cursor == start && !r->ended && octo_segment_ring_dead(r->segment, i)) {
        reader.hole_ns = DEAD_HOLE_MS * OCTO_NS_PER_MS;
        reader.intent_ns = INTENT_CROWDED_MS * OCTO_NS_PER_MS;
        octo_ring_read(ring, cursor, end - start, &reader, lost);
    }
    return (int64_t)(*cursor - end) >= 0;
}

/*
 * A process's own ring and its spare one: first what was written first. What is looked at are two ends, the later one's taken
 * before the earlier one's, of which it is certain that their rings were not turned to meanwhile (outlet.h).
 */
static void read_pair(struct reading *r, unsigned own, unsigned spare)
{
    struct octo_ring *a = octo_segment_ring(r->segment, own), *b = octo_segment_ring(r->segment, spare);
    uint32_t turn_a = atomic_load(&a->turn), turn_b = atomic_load(&b->turn);
    bool own_first = (int32_t)(turn_b - turn_a) > 0;
    uint64_t second_end = octo_ring_head(own_first ? b : a), first_end = octo_ring_head(own_first ? a : b);

    if (atomic_load(&a->turn) != turn_a || atomic_load(&b->turn) != turn_b)
        return; /* another time */
    if (read_ring(r, own_first ? own : spare, first_end) && !r->ended)
        read_ring(r, own_first ? spare : own, second_end);
}

/* Bits: the spare rings that somebody has, or has left something in. */
static uint64_t spares_in_use(struct octo_segment *segment)
{
    uint64_t bits = 0;

    for (unsigned k = 0; k < OCTO_SEGMENT_SPARES; k++) {
        struct octo_ring *ring = octo_segment_ring(segment, OCTO_SEGMENT_SLOTS + k);

        if (ring != NULL && (atomic_load(&segment->spare[k].pid) != 0 || !octo_ring_empty(ring)))
            bits |= UINT64_C(1) << k;
    }
    return bits;
}

/* What former owners left in a spare ring comes first. */
static void read_slot(struct reading *r, unsigned slot, uint64_t spares)
{
    struct octo_ring *own = octo_segment_ring(r->segment, slot);
    uint32_t owner = atomic_load(&r->segment->slot[slot].pid);
    unsigned pair = 0;

    for (unsigned k = 0; spares >> k != 0; k++) {
        const struct octo_segment_spare *spare = &r->segment->spare[k];
        unsigned i = OCTO_SEGMENT_SLOTS + k;

        if (!(spares >> k & 1) || atomic_load(&spare->slot) % OCTO_SEGMENT_SLOTS != slot)
            continue;
        if (pair == 0 && own != NULL && owner != 0 && atomic_load(&spare->pid) == owner)
            pair = i;
        else if (!r->ended)
            read_ring(r, i, octo_ring_head(octo_segment_ring(r->segment, i)));
    }
    if (own == NULL || r->ended)
        return;
    if (pair != 0)
        read_pair(r, slot, pair);
    else
        read_ring(r, slot, octo_ring_head(own));
}

void octo_rings_read(struct octo_writer *w, struct octo_segment *segment, uint64_t hole_ns, octo_take *take,
                     void *arg)
{
    struct reading r = {w, segment, hole_ns, take, arg, false};
    uint64_t spares = spares_in_use(segment);

    segment->batch.rings = 0;
    for (unsigned i = 0; i < OCTO_SEGMENT_RINGS; i++) {
        struct octo_ring *ring = octo_segment_ring(segment, i);

        segment->batch.cursor[i] = ring != NULL ? octo_ring_tail(ring) : 0;
        w->lost_records[i] = 0;
    }
    for (unsigned i = 0, first = w->first; i < OCTO_SEGMENT_SLOTS && !r.ended; i++) {
        unsigned slot = (first + i) % OCTO_SEGMENT_SLOTS;

        read_slot(&r, slot, spares);
        if (r.ended)
            w->first = (slot + 1) % OCTO_SEGMENT_SLOTS; /* each gets its turn */
    }
}

void octo_rings_read_again(struct octo_writer *w, struct octo_segment *segment, octo_take *take, void *arg)
{
    const struct octo_segment_batch *batch = &segment->batch;
    struct octo_ring_reader reader = reader_for(0, take, arg);

    for (unsigned n = 0; n < batch->rings && n < OCTO_SEGMENT_RINGS; n++) {
        unsigned i = batch->order[n] % OCTO_SEGMENT_RINGS;
        struct octo_ring *ring = octo_segment_ring(segment, i);
        uint64_t cursor = ring != NULL ? octo_ring_tail(ring) : 0;

        if (ring != NULL && cursor != batch->cursor[i])
            octo_ring_read(ring, &cursor, batch->cursor[i] - cursor, &reader, &w->lost_records[i]);
    }
}

void octo_rings_free(struct octo_writer *w, struct octo_segment *segment)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_RINGS; i++) {
        struct octo_ring *ring = octo_segment_ring(segment, i);

        if (ring != NULL)
            octo_ring_free(ring, segment->batch.cursor[i], w->lost_records[i]);
        w->lost_records[i] = 0;
    }
}
