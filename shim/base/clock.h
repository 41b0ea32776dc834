/*
 * Clocks, in nanoseconds.
 *
 * Context: any thread, signal-safe (vDSO, no system call on the usual clock sources).
 * Source: clock_gettime(2).
 */
#ifndef OCTO_BASE_CLOCK_H
#define OCTO_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define OCTO_NS_PER_S 1000000000ull
#define OCTO_NS_PER_MS 1000000ull

static inline uint64_t octo_clock_ns(clockid_t clock)
{
    struct timespec ts = {0, 0};

    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * OCTO_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* Time since boot, for durations. About 19 ns. */
static inline uint64_t octo_clock_mono_ns(void)
{
    return octo_clock_ns(CLOCK_MONOTONIC);
}

/* The same clock, one scheduler tick (1 to 10 ms) behind at most. About 5 ns. */
static inline uint64_t octo_clock_coarse_ns(void)
{
    return octo_clock_ns(CLOCK_MONOTONIC_COARSE);
}

/* Time since 1970-01-01 UTC, for timestamps. */
static inline uint64_t octo_clock_real_ns(void)
{
    return octo_clock_ns(CLOCK_REALTIME);
}

/* What that clock showed at a time of the first one. */
static inline uint64_t octo_clock_real_of(uint64_t mono_ns)
{
    return octo_clock_real_ns() - octo_clock_mono_ns() + mono_ns;
}

#endif
