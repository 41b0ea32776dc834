/* Outlet: see outlet.h. */
#include "event/outlet.h"

#include <stdatomic.h>

bool octo_outlet_open(struct octo_outlet *outlet, struct octo_ring *own)
{
    struct octo_ring *none = NULL;

    if (!atomic_compare_exchange_strong(&outlet->ring, &none, own))
        return false;
    outlet->own = own; /* until then it has no other to turn to */
    return true;
}

/* Nothing comes of it where another thread was first. The number comes before the first record that is of that turn. */
static void turn(struct octo_outlet *outlet, struct octo_ring *from, struct octo_ring *to)
{
    uint32_t was = atomic_load(&to->turn);

    if (octo_ring_empty(to) && atomic_compare_exchange_strong(&to->turn, &was, atomic_load(&from->turn) + 1))
        atomic_compare_exchange_strong(&outlet->ring, &from, to);
}

struct octo_record *octo_outlet_reserve(struct octo_outlet *outlet, struct octo_segment *segment, uint32_t pid,
                                        size_t text_bytes, enum octo_level level)
{
    struct octo_ring *ring = outlet->ring, *own = outlet->own, *other = own;

    if (ring == own && (other = octo_segment_spare(segment, own, pid)) != NULL)
        outlet->spare = other;
    if (other != NULL)
        turn(outlet, ring, other);
    if (outlet->ring != own)
        octo_segment_keep_spare(segment, outlet->ring, pid);
    return octo_ring_reserve(outlet->ring, text_bytes, level);
}

void octo_outlet_prepare(struct octo_outlet *outlet, struct octo_segment *segment, uint32_t pid)
{
    if (!atomic_exchange(&outlet->prepared, true))
        octo_segment_spare(segment, outlet->own, pid);
}

struct octo_ring *octo_outlet_turn_back(struct octo_outlet *outlet)
{
    struct octo_ring *ring = outlet->ring, *own = outlet->own;

    if (own != NULL && ring != own && octo_ring_empty(ring)) {
        turn(outlet, ring, own);
        outlet->prepared = false;
    }
    return outlet->ring;
}
