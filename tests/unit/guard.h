/*
 * Guard pages: memory before and behind which every access is a crash.
 *
 * For: tests of code that reads buffers. guard_tail() puts the bytes flush against the page behind them,
 * guard_front() flush against the page before them, so reading one byte too many, or too early, is SIGSEGV.
 */
#ifndef OCTO_TESTS_GUARD_H
#define OCTO_TESTS_GUARD_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct guard {
    uint8_t *front; /* first usable byte */
    uint8_t *end;   /* first byte of the page behind */
};

enum { GUARD_PAGE = 4096 };

/* Room for at least `bytes`, between two pages without access. */
static inline struct guard guard_new(size_t bytes)
{
    size_t room = (bytes + GUARD_PAGE - 1) / GUARD_PAGE * GUARD_PAGE;
    uint8_t *p = mmap(NULL, room + 2 * GUARD_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED || mprotect(p + GUARD_PAGE, room, PROT_READ | PROT_WRITE) != 0)
        abort();
    return (struct guard){p + GUARD_PAGE, p + GUARD_PAGE + room};
}

static inline uint8_t *guard_tail(const struct guard *g, const void *data, size_t n)
{
    return memcpy(g->end - n, data, n);
}

static inline uint8_t *guard_front(const struct guard *g, const void *data, size_t n)
{
    return memcpy(g->front, data, n);
}

static inline void guard_free(struct guard *g)
{
    munmap(g->front - GUARD_PAGE, (size_t)(g->end - g->front) + 2 * GUARD_PAGE);
}

#endif
