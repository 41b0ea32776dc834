/*
 * Histogram: how long a call took, as the number of a slot. Compiled for the kernel and for the host.
 *
 * Four slots an octave, their bounds powers of 2^(1/4) of a second: slot i holds
 *
 *      2^(FIRST + i/4) s  <  duration  <=  2^(FIRST + (i+1)/4) s
 *
 * and the first and the last what is shorter and longer. So they are Prometheus' native histograms of schema 2 and
 * OpenTelemetry's exponential ones of scale 2 (OpenTelemetry's index of slot i is 4 * FIRST + i), and each fourth bound
 * is a bound of a classic histogram, too. Durations are whole nanoseconds, and the bounds are in tables, rounded down: each
 * duration is in its slot, not only nearly so.
 *
 * Source: OpenTelemetry metrics data model, "Exponential Scale"; Prometheus, "Native Histograms".
 */
#ifndef OCTO_BPF_HISTOGRAM_H
#define OCTO_BPF_HISTOGRAM_H

enum {
    OCTO_OCTAVE_FIRST = -24, /* 60 ns */
    OCTO_OCTAVES = 30,       /* to 64 s */
    OCTO_SLOTS = 4 * OCTO_OCTAVES,
};

/* Filled by octo_slot_tables() (slots.h); the kernel has a copy. */
struct octo_slot_tables {
    unsigned long long most[OCTO_SLOTS + 4]; /* ns in the slot; of the last, and behind it, all */
    unsigned char first[64];                 /* slot of 2^n ns */
};

/* floor(log2(n)), n > 0. */
static inline __attribute__((always_inline)) unsigned octo_log2(unsigned long long n)
{
    unsigned log = 0;

#define OCTO_LOG2_STEP(bits)                                                                                      \
    if (n >> (bits)) {                                                                                            \
        n >>= (bits);                                                                                             \
        log += (bits);                                                                                            \
    }
    OCTO_LOG2_STEP(32)
    OCTO_LOG2_STEP(16)
    OCTO_LOG2_STEP(8)
    OCTO_LOG2_STEP(4)
    OCTO_LOG2_STEP(2)
    OCTO_LOG2_STEP(1)
#undef OCTO_LOG2_STEP
    return log;
}

/* 0 to OCTO_SLOTS - 1. */
static inline __attribute__((always_inline)) unsigned octo_slot(const volatile struct octo_slot_tables *t,
                                                                unsigned long long ns)
{
    unsigned slot = t->first[octo_log2(ns | 1) & 63];

    if (slot >= OCTO_SLOTS) /* never; for the verifier */
        return 0;
    /* An octave of nanoseconds has parts of five slots at most. */
    return slot + (ns > t->most[slot]) + (ns > t->most[slot + 1]) + (ns > t->most[slot + 2]) +
           (ns > t->most[slot + 3]);
}

/* What a call returned: errors are -4095 to -1, but for those with which the kernel has a signal handled first. */
enum octo_outcome { OCTO_CALL_DONE, OCTO_CALL_FAILED, OCTO_CALL_INTERRUPTED };

static inline __attribute__((always_inline)) enum octo_outcome octo_outcome(long returned)
{
    if (returned >= 0 || returned < -4095)
        return OCTO_CALL_DONE;
    return returned <= -512 && returned >= -516 ? OCTO_CALL_INTERRUPTED : OCTO_CALL_FAILED;
}

#endif
