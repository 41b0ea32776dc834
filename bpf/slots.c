/* The bounds of slots, and sums of them: see slots.h. */
#include "slots.h"

#include <math.h>
#include <string.h>

double octo_slot_bound(unsigned slot)
{
    return (double)exp2l(OCTO_OCTAVE_FIRST + (long double)(slot + 1) / 4);
}

void octo_slot_fill(struct octo_slot_tables *t)
{
    unsigned slot = 0;

    for (unsigned i = 0; i < OCTO_SLOTS - 1; i++)
        t->most[i] = (unsigned long long)floorl(exp2l(OCTO_OCTAVE_FIRST + (long double)(i + 1) / 4) * 1e9L);
    for (unsigned i = OCTO_SLOTS - 1; i < sizeof t->most / sizeof *t->most; i++)
        t->most[i] = ~0ULL;
    for (unsigned n = 0; n < 64; n++) {
        while (1ULL << n > t->most[slot])
            slot++;
        t->first[n] = (unsigned char)slot;
    }
}

uint64_t octo_tally_count(const struct octo_tally *t)
{
    return octo_tally_upto(t, OCTO_OCTAVES);
}

uint64_t octo_tally_upto(const struct octo_tally *t, unsigned octaves)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < 4 * octaves; i++)
        count += t->slot[i];
    return count;
}

double octo_tally_quantile(const struct octo_tally *t, double fraction)
{
    double rank = fraction * (double)octo_tally_count(t), before = 0;

    for (unsigned i = 0; i < OCTO_SLOTS; i++) {
        double in = (double)t->slot[i];

        if (in > 0 && before + in >= rank) {
            double low = i > 0 ? octo_slot_bound(i - 1) : 0, high = octo_slot_bound(i), ns;

            ns = 1e9 * (low + (high - low) * (rank - before) / in);
            return i == OCTO_SLOTS - 1 || ns > (double)t->max_ns ? (double)t->max_ns : ns;
        }
        before += in;
    }
    return 0;
}

void octo_tally_add(struct octo_tally *to, const struct octo_tally *more)
{
    for (unsigned i = 0; i < OCTO_SLOTS; i++)
        to->slot[i] += more->slot[i];
    to->sum_ns += more->sum_ns;
    to->max_ns = more->max_ns > to->max_ns ? more->max_ns : to->max_ns;
    to->failed += more->failed;
    to->interrupted += more->interrupted;
}

void octo_tally_since(struct octo_tally *out, const struct octo_tally *now, const struct octo_tally *before)
{
    unsigned highest = 0;
    double bound;

    for (unsigned i = 0; i < OCTO_SLOTS; i++) {
        out->slot[i] = now->slot[i] - before->slot[i];
        highest = out->slot[i] != 0 ? i : highest;
    }
    out->sum_ns = now->sum_ns - before->sum_ns;
    out->failed = now->failed - before->failed;
    out->interrupted = now->interrupted - before->interrupted;
    out->max_ns = now->max_ns;
    bound = 1e9 * octo_slot_bound(highest);
    if (now->max_ns == before->max_ns && highest < OCTO_SLOTS - 1 && bound < (double)now->max_ns)
        out->max_ns = (uint64_t)bound;
}
