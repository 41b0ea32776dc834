/*
 * Which processor this thread is on: a hint that may be stale at once, for spreading counters.
 *
 * Context: any thread, signal-safe; two loads where glibc has registered restartable sequences (2.35 and later), which
 * keep the number in the thread's own memory. Elsewhere a number that is the same for a thread all its life.
 * Source: glibc sys/rseq.h, linux/rseq.h (cpu_id, 4 bytes into the area, negative while not registered).
 */
#ifndef OCTO_BASE_CPU_H
#define OCTO_BASE_CPU_H

#include <stddef.h>
#include <stdint.h>

/* Where a thread's area is, from its thread pointer; 0: there is none. */
extern ptrdiff_t octo_cpu_area;

/* Looks for the areas. Once, before the service has threads that use them; allocates nothing. */
void octo_cpu_prepare(void);

/* How many processors this process may use, at least 1. One system call. */
unsigned octo_cpu_count(void);

static inline unsigned octo_cpu(void)
{
    const char *self = __builtin_thread_pointer();
    int32_t cpu;

    if (octo_cpu_area) {
        cpu = *(const volatile int32_t *)(const void *)(self + octo_cpu_area + 4);
        if (cpu >= 0)
            return (unsigned)cpu;
    }
    return (unsigned)((uintptr_t)self >> 12);
}

#endif
