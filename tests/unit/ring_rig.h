/*
 * A rig for tests of the ring: records that tell who wrote them, and a reader that checks what it is given.
 *
 * For: test_ring.c and test_ring_intents.c.
 */
#ifndef OCTO_TESTS_RING_RIG_H
#define OCTO_TESTS_RING_RIG_H

#include "event/ring.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = 1 << 14, WRITERS = 4, EACH = 20000, INTENT_NS = 1000 };

static inline struct octo_ring *make(uint32_t size)
{
    struct octo_ring *ring =
        mmap(NULL, sizeof *ring + size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(ring, MAP_FAILED);
    octo_ring_init(ring, size);
    return ring;
}

static inline void drop(struct octo_ring *ring)
{
    munmap(ring, sizeof *ring + ring->size);
}

/* A record that carries who wrote it, its number, and text that follows from both. */
static inline void fill(struct octo_record *r, uint32_t who, uint64_t number, size_t text)
{
    r->kind = OCTO_EV_REQUEST_STARTED;
    r->level = OCTO_INFO;
    r->pid = who;
    r->count = number;
    r->target_len = (uint16_t)text;
    memset(r->text, (int)('a' + (who + number) % 26), text);
}

static inline bool put(struct octo_ring *ring, uint32_t who, uint64_t number, size_t text)
{
    struct octo_record *r = octo_ring_reserve(ring, text, OCTO_INFO);

    if (r == NULL)
        return false;
    fill(r, who, number, text);
    octo_ring_commit(ring, r);
    return true;
}

struct seen {
    uint64_t next[WRITERS]; /* number expected from each */
    uint64_t total, bad, killed, lost;
    uint64_t stop_after;
};

enum { NOBODY = 1000 };
static uint32_t gone_pid = NOBODY; /* whose process counts as dead */

static inline bool is_gone(uint32_t pid)
{
    return pid == gone_pid;
}

static inline bool check(const struct octo_record *r, void *arg)
{
    struct seen *seen = arg;

    if (seen->stop_after != 0 && seen->total == seen->stop_after)
        return false;
    seen->total++;
    seen->killed += (r->flags & OCTO_RECORD_KILLED) != 0;
    if (r->pid >= WRITERS || r->count < seen->next[r->pid]) {
        seen->bad++; /* of nobody, or a second time */
        return true;
    }
    seen->next[r->pid] = r->count + 1;
    for (unsigned i = 0; i < r->target_len; i++)
        seen->bad += r->text[i] != (char)('a' + (r->pid + r->count) % 26);
    return true;
}

static inline struct octo_ring_reader reader(uint64_t now_ns, uint64_t hole_ns, struct seen *seen)
{
    return (struct octo_ring_reader){check, seen, now_ns, hole_ns, INTENT_NS, is_gone};
}

static inline size_t drain(struct octo_ring *ring, size_t max_bytes, uint64_t now_ns, uint64_t hole_ns,
                           struct seen *seen)
{
    struct octo_ring_reader r = reader(now_ns, hole_ns, seen);

    return octo_ring_drain(ring, max_bytes, &r);
}

static inline size_t read_on(struct octo_ring *ring, uint64_t *cursor, size_t max_bytes, uint64_t now_ns,
                             uint64_t hole_ns, struct seen *seen)
{
    struct octo_ring_reader r = reader(now_ns, hole_ns, seen);
    uint64_t lost = 0;
    size_t taken = octo_ring_read(ring, cursor, max_bytes, &r, &lost);

    seen->lost += lost;
    return taken;
}

static inline uint64_t all_dropped(const struct octo_ring *ring)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < OCTO_LEVELS; i++)
        n += ring->dropped[i];
    return n;
}

struct job {
    struct octo_ring *ring;
    uint32_t who;
    uint64_t refused;
};

#endif
