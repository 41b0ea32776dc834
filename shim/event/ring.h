/*
 * The ring: a lossless-or-counted queue of records in shared memory, many writers, one drainer.
 *
 * For: conn/ (reserve, commit) and export/ (drain). Shared by processes: holds no pointers. Lock-free:
 * a writer that is interrupted (signal, SIGKILL, SIGSTOP) between reserve and commit never stops
 * another writer; the drainer stops there, and goes past a hole that stays one.
 *
 *      tail (freed)   cursor (read)     head (reserved)
 *        v              v                 v
 *   ....[rec A|committed][rec B|reserved…][ free …                ]
 *
 * Positions are 64-bit and only grow; position modulo size is the place. They are multiples of 32, so the
 * first word of a place can hold its own position and a mark, and what a former lap left behind is never
 * taken for a record: position | 1 complete, | 2 reserved (size is valid), | 4 nothing up to the ring's end,
 * | 8 intended, | 10 claimed, | 16 void (size is valid).
 *
 * An intended record says what will have happened once the call that its writer is in has returned. It is whole, so
 * that the drainer can take it if the writer's process is killed meanwhile, and it keeps nobody waiting for long:
 *
 *      RESERVED ──intend──> INTENDED ──claim──> CLAIMED ──commit──> COMPLETE
 *                              ├──forgo──> VOID                     it did not happen
 *                              └──(drainer, after a while)──> VOID  claim() says so: write it anew
 *
 * Source: LTTng's reserve/commit scheme.
 */
#ifndef OCTO_EVENT_RING_H
#define OCTO_EVENT_RING_H

#include "octoshim/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct octo_ring {
    _Atomic uint64_t head __attribute__((aligned(64))); /* next position to reserve */
    _Atomic uint64_t dropped[OCTO_LEVELS];              /* records refused because the ring was full */
    _Atomic uint64_t tail __attribute__((aligned(64))); /* everything before it is free */
    uint64_t hole_at;                                   /* drainer: the hole it waits at */
    uint64_t hole_since_ns;                             /* drainer: mono time it first met this hole */
    uint32_t size;                                      /* bytes of data, a power of two >= 8 KiB */
    _Atomic uint32_t turn; /* of a process's rings, the one with the lower is the older; outlet.c's */
    uint8_t data[] __attribute__((aligned(64)));
};

/* Makes an empty ring over zeroed memory of sizeof(struct octo_ring) + size bytes; size is a power of two
 * >= 2 * OCTO_RECORD_MAX. */
void octo_ring_init(struct octo_ring *ring, uint32_t size);

/*
 * Reserves room for a record with text_bytes (<= OCTO_RECORD_TEXT_MAX) of text. Returns it, with size set,
 * the rest of its head zeroed and commit unset, or NULL if there is no room (dropped[level] is counted; nothing is
 * where level is OCTO_LEVELS).
 * Any thread, any process, signal-safe, wait-free but for contending writers. The record belongs to the
 * caller until octo_ring_commit(), which has to come soon: the drainer waits for it (but not for ever).
 */
struct octo_record *octo_ring_reserve(struct octo_ring *ring, size_t text_bytes, enum octo_level level);

/* Publishes a reserved record. Any thread, signal-safe. Does nothing if the drainer has given it up. */
void octo_ring_commit(struct octo_ring *ring, struct octo_record *record);

/* True if the record is this ring's; ring may be NULL. Any thread. */
static inline bool octo_ring_holds(const struct octo_ring *ring, const struct octo_record *record)
{
    return ring && (uintptr_t)record - (uintptr_t)ring->data < ring->size;
}

/* A filled record becomes an intended one. Its pid and mono_ns must be set. Returns what claim() and forgo() know it by.
 * Any thread, signal-safe. */
uint64_t octo_ring_intend(struct octo_record *record);

/* Takes an intended record back, to be brought up to date and committed; it stays whole meanwhile. False if the drainer has voided it. Any thread. */
bool octo_ring_claim(struct octo_record *record, uint64_t intent);

/* What a record intended has not happened, or others tell of it. Any thread, signal-safe. */
void octo_ring_forgo(struct octo_record *record, uint64_t intent);

/* True if more than half of the ring waits to be drained. Any thread; a hint. */
bool octo_ring_half_full(const struct octo_ring *ring);

/* Bytes that wait to be drained. Any thread; a hint. */
uint64_t octo_ring_used(const struct octo_ring *ring);

/* True if nothing waits. Any thread; a hint. */
bool octo_ring_empty(const struct octo_ring *ring);

/* Who reads, and how patiently. */
struct octo_ring_reader {
    /* What to do with a record: a copy of the reader's own, sizes and lengths checked. False: stop before it. */
    bool (*take)(const struct octo_record *record, void *arg);
    void *arg;
    uint64_t now_ns;            /* monotonic */
    uint64_t hole_ns;           /* how long a reserved record may stay unfinished */
    uint64_t intent_ns;         /* how old an intended one may grow, by its mono_ns */
    bool (*gone)(uint32_t pid); /* whether the process of one so old has ended, and left it for good */
};

/*
 * Calls take(record, arg) on every complete record from *cursor on, in order, up to about max_bytes of them,
 * and moves *cursor past them; frees nothing. Start with *cursor = octo_ring_tail(). A damaged record is
 * skipped and added to *lost, never followed. A hole (reserved, not committed) ends the reading; one that
 * is older than hole_ns is added to *lost and skipped to the next record. An intended record ends the reading; one
 * that is old is taken, with OCTO_RECORD_KILLED set, if its process is gone, else voided.
 * Returns the number taken. The single drainer only (holder of the lead).
 */
size_t octo_ring_read(struct octo_ring *ring, uint64_t *cursor, size_t max_bytes,
                      const struct octo_ring_reader *reader, uint64_t *lost);

/* Where the next octo_ring_read() starts; giving everything before cursor back to the writers, `lost` records of it
 * counted as dropped. Drainer. */
uint64_t octo_ring_tail(const struct octo_ring *ring);
uint64_t octo_ring_head(const struct octo_ring *ring); /* the end of what is reserved now */
void octo_ring_free(struct octo_ring *ring, uint64_t cursor, uint64_t lost);

/* octo_ring_read() from the tail and octo_ring_free() in one. */
size_t octo_ring_drain(struct octo_ring *ring, size_t max_bytes, const struct octo_ring_reader *reader);

#endif
