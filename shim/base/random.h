/*
 * Numbers that do not repeat: request IDs, sampling, names of segments.
 *
 * For: conn, event, export. A counter behind a keyed one-to-one mixing: within one seed no number comes twice
 * (in 2^64), and without the key the next one does not show in those before. Not for secrets.
 *
 *      counter ──(+1, atomic)──> xor key[0] ─ mix ─> xor key[1] ─ mix ─> number
 */
#ifndef OCTO_BASE_RANDOM_H
#define OCTO_BASE_RANDOM_H

#include <stdint.h>

struct octo_random {
    _Atomic uint64_t counter;
    uint64_t key[2];
};

/* Seeds from the kernel (getrandom, never waits), or where that is refused from AT_RANDOM, the clocks, the process
 * and thread, and what r held before. entropy_extra: anything the caller has, 0 if nothing.
 * *r holds zeros or an earlier seed. Must be called again in a fork child, whose copy would go on like its
 * parent's. Any context, signal-safe; no other thread may be in octo_random_next on the same r. */
void octo_random_seed(struct octo_random *r, uint64_t entropy_extra);

/* The next number. Any thread, signal-safe, no system call; a few nanoseconds. */
uint64_t octo_random_next(struct octo_random *r);

#endif
