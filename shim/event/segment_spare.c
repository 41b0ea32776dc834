/*
 * Spare rings: who has which. What they are for is outlet.h's.
 *
 * Context: asked for on application threads, also in signal handlers; taken back by the leading writer.
 */
#include "event/segment.h"

#include "base/sys.h"

#include <errno.h>
#include <stdatomic.h>

enum { NEVER_USED, BEGUN = OCTO_SPARE_READY + 1, NO_MEMORY }; /* octo_segment_spare.ready */

static struct octo_ring *ring_at(struct octo_segment *segment, unsigned i)
{
    return (struct octo_ring *)((char *)segment + octo_segment_ring_offset(i));
}

/* The slot that this process has to itself and whose ring this is, or OCTO_SEGMENT_SLOTS. */
static unsigned slot_of(struct octo_segment *segment, const struct octo_ring *ring, uint32_t pid)
{
    unsigned i = 0;

    while (i < OCTO_SEGMENT_SLOTS && (ring_at(segment, i) != ring || atomic_load(&segment->slot[i].pid) != pid))
        i++;
    return i;
}

/* Several threads may be at it: each does what another has not done yet, rather than wait. */
static struct octo_ring *open_spare(struct octo_segment *segment, unsigned k, unsigned slot)
{
    struct octo_segment_spare *spare = &segment->spare[k];
    struct octo_ring *ring = ring_at(segment, OCTO_SEGMENT_SLOTS + k);
    uint8_t state = NEVER_USED;

    atomic_store(&spare->slot, (uint8_t)slot);
    if (atomic_load_explicit(&spare->ready, memory_order_acquire) == NEVER_USED) {
        bool populated = octo_segment_populate(ring, sizeof(*ring) + OCTO_SEGMENT_SPARE_SIZE, false);

        if (atomic_compare_exchange_strong(&spare->ready, &state, populated ? BEGUN : NO_MEMORY) && populated) {
            octo_ring_init(ring, OCTO_SEGMENT_SPARE_SIZE);
            atomic_store_explicit(&spare->ready, OCTO_SPARE_READY, memory_order_release);
        }
    }
    return octo_segment_ring(segment, OCTO_SEGMENT_SLOTS + k);
}

/* The spare ring that process pid has, or OCTO_SEGMENT_SPARES. */
static unsigned spare_of(struct octo_segment *segment, uint32_t pid)
{
    unsigned k = 0;

    while (k < OCTO_SEGMENT_SPARES && atomic_load(&segment->spare[k].pid) != pid)
        k++;
    return k;
}

struct octo_ring *octo_segment_spare(struct octo_segment *segment, const struct octo_ring *ring, uint32_t pid)
{
    unsigned slot = slot_of(segment, ring, pid), k = spare_of(segment, pid);

    if (slot == OCTO_SEGMENT_SLOTS || pid == 0)
        return NULL;
    for (unsigned i = 0; k == OCTO_SEGMENT_SPARES && i < OCTO_SEGMENT_SPARES; i++) {
        struct octo_ring *left = octo_segment_ring(segment, OCTO_SEGMENT_SLOTS + i);
        uint32_t nobody = 0;
        uint8_t failed = NO_MEMORY;

        if ((left != NULL && !octo_ring_empty(left)) ||
            !atomic_compare_exchange_strong(&segment->spare[i].pid, &nobody, pid))
            continue;
        k = spare_of(segment, pid);
        if (k == i)
            atomic_compare_exchange_strong(&segment->spare[i].ready, &failed, NEVER_USED);
        else
            atomic_store(&segment->spare[i].pid, 0); /* another thread was first */
    }
    return k < OCTO_SEGMENT_SPARES ? open_spare(segment, k, slot) : NULL;
}

void octo_segment_keep_spare(struct octo_segment *segment, const struct octo_ring *spare, uint32_t pid)
{
    uint32_t nobody = 0;

    for (unsigned k = 0; k < OCTO_SEGMENT_SPARES; k++)
        if (ring_at(segment, OCTO_SEGMENT_SLOTS + k) == spare)
            atomic_compare_exchange_strong(&segment->spare[k].pid, &nobody, pid);
}

/* Spare rings are for whoever needs them next, once empty, when their owner is gone or has its own ring again. */
void octo_segment_reap_spares(struct octo_segment *segment)
{
    for (unsigned k = 0; k < OCTO_SEGMENT_SPARES; k++) {
        uint32_t owner = atomic_load(&segment->spare[k].pid);
        struct octo_ring *spare = octo_segment_ring(segment, OCTO_SEGMENT_SLOTS + k);
        struct octo_ring *own = octo_segment_ring(segment, atomic_load(&segment->spare[k].slot));

        if (owner == 0 || (spare != NULL && !octo_ring_empty(spare)))
            continue;
        if (atomic_load(&segment->spare[k].ready) == NO_MEMORY || octo_sys(SYS_kill, owner, 0) == -ESRCH ||
            (spare != NULL && own != NULL && (int32_t)(atomic_load(&own->turn) - atomic_load(&spare->turn)) >= 0))
            atomic_compare_exchange_strong(&segment->spare[k].pid, &owner, 0);
    }
}
