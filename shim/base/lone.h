/*
 * What one thread alone needs no locked instruction for.
 *
 * For: words that only this process touches, on the path of every request. While libc knows of one thread, the only
 * other user of such a word is a signal handler of that thread, and to it a single instruction is whole without a lock;
 * a locked one costs 6 ns and empties the store buffer. Not for shared memory.
 * Context: any thread, signal-safe. Source: glibc 2.32 sys/single_threaded.h; musl and older ones do not say, and lock.
 */
#ifndef OCTO_BASE_LONE_H
#define OCTO_BASE_LONE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

extern char __libc_single_threaded __attribute__((weak));

/* True while libc knows of one thread only. */
static inline bool octo_is_lone(void)
{
    return &__libc_single_threaded && __libc_single_threaded;
}

/* Compare and exchange; on failure *expected is what was there. Acquires and releases. */
static inline bool octo_lone_exchange(_Atomic uint64_t *word, uint64_t *expected, uint64_t desired)
{
#if defined(__x86_64__)
    if (octo_is_lone()) {
        bool done = false;

        __asm__ volatile("cmpxchgq %3, %1"
                         : "=@ccz"(done), "+m"(*word), "+a"(*expected)
                         : "r"(desired)
                         : "memory");
        return done;
    }
#endif
    return atomic_compare_exchange_strong_explicit(word, expected, desired, memory_order_acq_rel,
                                                   memory_order_acquire);
}

/* Adds n; returns what was there. No order with anything else. */
static inline uint64_t octo_lone_add(_Atomic uint64_t *word, uint64_t n)
{
#if defined(__x86_64__)
    if (octo_is_lone()) {
        __asm__ volatile("xaddq %0, %1" : "+r"(n), "+m"(*word));
        return n;
    }
#endif
    return atomic_fetch_add_explicit(word, n, memory_order_relaxed);
}

/* Sets bits; returns what was there. Acquires and releases. */
static inline uint32_t octo_lone_or(_Atomic uint32_t *word, uint32_t bits)
{
#if defined(__x86_64__)
    if (octo_is_lone()) {
        uint32_t old = atomic_load_explicit(word, memory_order_relaxed);
        bool done = false;

        do
            __asm__ volatile("cmpxchgl %3, %1"
                             : "=@ccz"(done), "+m"(*word), "+a"(old)
                             : "r"(old | bits)
                             : "memory");
        while (!done);
        return old;
    }
#endif
    return atomic_fetch_or(word, bits);
}

#endif
