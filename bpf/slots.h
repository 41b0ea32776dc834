/*
 * Slots: the bounds of histogram.h, and what many durations in them say together.
 *
 * Pure computation, any thread.
 */
#ifndef OCTO_BPF_SLOTS_H
#define OCTO_BPF_SLOTS_H

#include <stdint.h>

#include "histogram.h"
#include "probe.h"

/* Calls of one kind. */
struct octo_tally {
    uint64_t slot[OCTO_SLOTS];
    uint64_t sum_ns, max_ns, failed, interrupted;
};

void octo_slot_fill(struct octo_slot_tables *t);

/* Upper bound of slot 0 to OCTO_SLOTS - 1, in seconds; of the last it is 64, though it holds what is longer. */
double octo_slot_bound(unsigned slot);

uint64_t octo_tally_count(const struct octo_tally *t);
/* What is in slots below the bound of octave n, that is, took at most 2^(OCTO_OCTAVE_FIRST + n) s. 0 <= n <= OCTO_OCTAVES. */
uint64_t octo_tally_upto(const struct octo_tally *t, unsigned octaves);
/* The duration in ns that this fraction of the calls, 0 to 1, did not exceed: interpolated within its slot, so at most 19 % off; never
 * more than the longest. 0 without calls. */
double octo_tally_quantile(const struct octo_tally *t, double fraction);
void octo_tally_add(struct octo_tally *to, const struct octo_tally *more);
/* What `now` has that `before` had not. The longest is the longest that can have been: exact if it is a new one. */
void octo_tally_since(struct octo_tally *out, const struct octo_tally *now, const struct octo_tally *before);

#endif
