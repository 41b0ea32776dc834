/*
 * The outlet of a process: the ring that its records go to now.
 *
 *      own ring, 1 MiB ──(full)──> spare ring, 4 MiB ──(both empty, or this one full)──> own ring …
 *
 * One megabyte is what a writer can leave behind while it waits for a disk, or for a processor, some ten milliseconds long at
 * 100,000 requests a second. The service gets a spare ring when it comes to that, and not before; eight of them are
 * shared by the processes of a segment.
 *
 * Each change gives the ring that is turned to the next number, and it is turned to only when it is empty. So a reader
 * who begins with the ring of the lower number has each thread's records in their order.
 *
 * Context: any thread, signal-safe; the fast path is the caller's, on `ring`.
 */
#ifndef OCTO_EVENT_OUTLET_H
#define OCTO_EVENT_OUTLET_H

#include "event/segment.h"

struct octo_outlet {
    struct octo_ring *_Atomic ring;  /* where records go; NULL: not open */
    struct octo_ring *_Atomic own;   /* that of the process's slot */
    struct octo_ring *_Atomic spare; /* the last one that it had; NULL: none yet */
    _Atomic bool prepared;           /* a spare one has been asked for, since it last turned back */
};

/* Gives it the process's ring. False if another thread was first. */
bool octo_outlet_open(struct octo_outlet *outlet, struct octo_ring *own);

/*
 * As octo_ring_reserve(), where the outlet's ring has just refused that, uncounted: in the other ring, if there can be one. NULL: dropped,
 * counted for this level.
 */
struct octo_record *octo_outlet_reserve(struct octo_outlet *outlet, struct octo_segment *segment, uint32_t pid,
                                        size_t text_bytes, enum octo_level level);

/* The process's own ring is filling up: has memory for a spare one before it must be waited for. */
void octo_outlet_prepare(struct octo_outlet *outlet, struct octo_segment *segment, uint32_t pid);

/* The ring to write to, where it is not the process's own: turns back to that one if it can. */
struct octo_ring *octo_outlet_turn_back(struct octo_outlet *outlet);

/* True if the record is in one of the outlet's rings. */
static inline bool octo_outlet_holds(const struct octo_outlet *outlet, const struct octo_record *record)
{
    return octo_ring_holds(outlet->own, record) || octo_ring_holds(outlet->spare, record);
}

#endif
