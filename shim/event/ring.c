/*
 * The ring: reserve and commit for the writers, read and free for the drainer. See ring.h.
 *
 * Context: reserve and commit run on application threads, also inside signal handlers and in a fork's child:
 * no lock, no system call, no thread-local storage. Read and free run on the one thread that holds the lead.
 * Never trusts what it reads back: another process, or one killed half-way, may have left it.
 */
#include "event/ring.h"

#include <stdatomic.h>
#include <string.h>

enum {
    COMPLETE = 1,
    RESERVED = 2,
    PAD = 4,
    INTENDED = 8,
    CLAIMED = INTENDED |
              RESERVED, /* an intended one that its writer brings up to date: whole, and about to be complete */
    VOID = 16,
    MARKS = OCTO_RECORD_ALIGN - 1,
};

#define SMALLEST (((uint32_t)sizeof(struct octo_record) + OCTO_RECORD_ALIGN - 1) & ~(OCTO_RECORD_ALIGN - 1))

_Static_assert(OCTO_RECORD_HEAD == 142, "the layout is a promise to readers of a segment");

void octo_ring_init(struct octo_ring *ring, uint32_t size)
{
    ring->size = size;
    ring->hole_at = UINT64_MAX;
    atomic_store_explicit(&ring->tail, 0, memory_order_relaxed);
    atomic_store_explicit(&ring->head, 0, memory_order_release);
}

static struct octo_record *record_at(const struct octo_ring *ring, uint64_t position)
{
    return (struct octo_record *)(uintptr_t)(ring->data + (position & (ring->size - 1)));
}

struct octo_record *octo_ring_reserve(struct octo_ring *ring, size_t text_bytes, enum octo_level level)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint32_t size, pad;

    if (text_bytes > OCTO_RECORD_TEXT_MAX)
        goto refuse;
    size = (OCTO_RECORD_HEAD + (uint32_t)text_bytes + OCTO_RECORD_ALIGN - 1) & ~(OCTO_RECORD_ALIGN - 1);
    do {
        uint32_t to_end = ring->size - (uint32_t)(head & (ring->size - 1));
        uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);

        pad = to_end < size ? to_end : 0;
        /* Signed: a head that was overtaken by the tail meanwhile is not "full"; the exchange refuses it. */
        if ((int64_t)(head + pad + size - tail) > (int64_t)ring->size)
            goto refuse;
    } while (!atomic_compare_exchange_weak_explicit(&ring->head, &head, head + pad + size, memory_order_relaxed,
                                                    memory_order_relaxed));

    if (pad != 0) {
        atomic_store_explicit(&record_at(ring, head)->commit, head | PAD, memory_order_release);
        head += pad;
    }
    struct octo_record *record = record_at(ring, head);

    record->size = size;
    atomic_store_explicit(&record->commit, head | RESERVED, memory_order_release);
    memset((char *)record + 12, 0, OCTO_RECORD_HEAD - 12);
    return record;

refuse:
    if (level < OCTO_LEVELS)
        atomic_fetch_add_explicit(&ring->dropped[level], 1, memory_order_relaxed);
    return NULL;
}

void octo_ring_commit(struct octo_ring *ring, struct octo_record *record)
{
    uint64_t mark = atomic_load_explicit(&record->commit, memory_order_relaxed);

    (void)ring;
    if ((mark & RESERVED) != 0)
        atomic_store_explicit(&record->commit, (mark & ~(uint64_t)MARKS) | COMPLETE, memory_order_release);
}

uint64_t octo_ring_intend(struct octo_record *record)
{
    uint64_t mark = atomic_load_explicit(&record->commit, memory_order_relaxed) ^ (RESERVED | INTENDED);

    atomic_store_explicit(&record->commit, mark, memory_order_release);
    return mark;
}

/* The place may have been voided and hold another record's text by now. The word there is then not this intent (a
 * position never comes again), so the comparison fails; to ThreadSanitizer it is a race. */
#define LATE __attribute__((no_sanitize("thread")))

LATE bool octo_ring_claim(struct octo_record *record, uint64_t intent)
{
    return atomic_compare_exchange_strong(&record->commit, &intent, intent | CLAIMED);
}

LATE void octo_ring_forgo(struct octo_record *record, uint64_t intent)
{
    atomic_compare_exchange_strong(&record->commit, &intent, intent ^ (INTENDED | VOID));
}

bool octo_ring_half_full(const struct octo_ring *ring)
{
    return octo_ring_used(ring) > ring->size / 2;
}

uint64_t octo_ring_used(const struct octo_ring *ring)
{
    return atomic_load_explicit(&ring->head, memory_order_relaxed) -
           atomic_load_explicit(&ring->tail, memory_order_relaxed);
}

bool octo_ring_empty(const struct octo_ring *ring)
{
    return atomic_load_explicit(&ring->tail, memory_order_acquire) ==
           atomic_load_explicit(&ring->head, memory_order_acquire);
}

uint64_t octo_ring_tail(const struct octo_ring *ring)
{
    return atomic_load_explicit(&ring->tail, memory_order_relaxed);
}

uint64_t octo_ring_head(const struct octo_ring *ring)
{
    return atomic_load_explicit(&ring->head, memory_order_acquire);
}

void octo_ring_free(struct octo_ring *ring, uint64_t cursor, uint64_t lost)
{
    if (lost != 0)
        atomic_fetch_add_explicit(&ring->dropped[OCTO_INFO], lost, memory_order_relaxed);
    atomic_store_explicit(&ring->tail, cursor, memory_order_release);
}

/* The next position after `at`, up to head, that bears a mark of its own; head if there is none. */
static uint64_t next_mark(const struct octo_ring *ring, uint64_t at, uint64_t head)
{
    for (at += OCTO_RECORD_ALIGN; at < head; at += OCTO_RECORD_ALIGN) {
        uint64_t word = atomic_load_explicit(&record_at(ring, at)->commit, memory_order_acquire);

        if ((word & ~(uint64_t)MARKS) == at && (word & MARKS) != 0)
            return at;
    }
    return head;
}

/* True if a record of this size can stand at `at`, below head. */
static bool size_fits(const struct octo_ring *ring, uint32_t size, uint64_t at, uint64_t head)
{
    return size >= SMALLEST && size <= OCTO_RECORD_MAX && size % OCTO_RECORD_ALIGN == 0 && size <= head - at &&
           size <= ring->size - (uint32_t)(at & (ring->size - 1));
}

static bool lengths_fit(const struct octo_record *r)
{
    return r->kind < OCTO_EVENT_KINDS && r->level < OCTO_LEVELS &&
           (uint32_t)r->id_len + r->method_len + r->host_len + r->target_len +
                   (r->family == OCTO_PEER_UNIX ? r->port : 0) <=
               r->size - OCTO_RECORD_HEAD;
}

/*
 * At a hole. Returns the position to go on from: at itself if it is to be waited for, or has just been
 * committed (*word is then fresh).
 */
static uint64_t pass_hole(struct octo_ring *ring, uint64_t at, uint64_t head, uint64_t *word,
                          const struct octo_ring_reader *reader)
{
    struct octo_record *record = record_at(ring, at);

    if (ring->hole_at != at) {
        ring->hole_at = at;
        ring->hole_since_ns = reader->now_ns;
    }
    if (reader->now_ns - ring->hole_since_ns < reader->hole_ns)
        return at;
    if (*word == (at | RESERVED)) {
        uint32_t size = record->size;

        /* Take it from its writer, which may only be slow: commit() finds the mark gone. */
        if (!atomic_compare_exchange_strong(&record->commit, word, 0))
            return at;
        if (size_fits(ring, size, at, head))
            return at + size;
    }
    return next_mark(ring, at, head);
}

enum verdict {
    WAIT,
    TAKE,
    SKIP, /* nothing is lost: its writer tells of it anew, or there is nothing to tell */
    LOSE,
    LOOK_AGAIN,
};

/* A time that is yet to come (the drainer's now is some moments old) is young. */
static bool is_young(const struct octo_record *record, uint64_t patience_ns, const struct octo_ring_reader *reader)
{
    uint64_t age_ns = reader->now_ns - record->mono_ns;

    return patience_ns != 0 && (age_ns < patience_ns || (int64_t)age_ns < 0);
}

/* What to do about an intended or claimed record: wait for its writer, take it from the dead, or take it away from one that
 * has been at it for too long. */
static enum verdict judge_intent(struct octo_record *record, uint64_t word, const struct octo_ring_reader *reader)
{
    bool claimed = (word & MARKS) == CLAIMED;
    uint64_t at = word & ~(uint64_t)MARKS;

    if (is_young(record, reader->intent_ns, reader))
        return WAIT;
    if (reader->gone(record->pid))
        return TAKE;
    if (claimed && is_young(record, reader->hole_ns, reader))
        return WAIT;
    if (!atomic_compare_exchange_strong(&record->commit, &word, at | VOID))
        return LOOK_AGAIN;
    return claimed ? LOSE : SKIP;
}

size_t octo_ring_read(struct octo_ring *ring, uint64_t *cursor, size_t max_bytes,
                      const struct octo_ring_reader *reader, uint64_t *lost_in_all)
{
    /* A copy, so that a writer which wakes up after its record was given up cannot change it under take(). */
    uint64_t room[OCTO_RECORD_MAX / sizeof(uint64_t)];
    struct octo_record *copy = (struct octo_record *)room;
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    uint64_t at = *cursor;
    size_t taken = 0, lost = 0;

    if (head - at > ring->size) { /* scribbled over */
        at = head;
        lost++;
    }
    while (at != head && at - *cursor < max_bytes) {
        struct octo_record *record = record_at(ring, at);
        uint64_t word = atomic_load_explicit(&record->commit, memory_order_acquire);
        uint8_t killed = 0;

        if (word == (at | PAD)) {
            uint64_t to_end = ring->size - (at & (ring->size - 1));

            at = to_end <= head - at ? at + to_end : head;
            continue;
        }
        if (word == (at | INTENDED) || word == (at | CLAIMED)) {
            enum verdict verdict = judge_intent(record, word, reader);

            if (verdict == WAIT)
                break;
            lost += verdict == LOSE;
            if (verdict != TAKE)
                continue; /* void now, or complete */
            killed = OCTO_RECORD_KILLED;
        } else if (word != (at | COMPLETE) && word != (at | VOID)) {
            uint64_t next = pass_hole(ring, at, head, &word, reader);

            if (next == at && word != (at | COMPLETE))
                break;
            lost += next != at;
            at = next;
            continue;
        }
        uint32_t size = record->size;

        if (!size_fits(ring, size, at, head)) {
            at = next_mark(ring, at, head);
            lost++;
            continue;
        }
        if (word == (at | VOID)) {
            at += size;
            continue;
        }
        memcpy(copy, record, size);
        copy->size = size;
        copy->flags |= killed;
        if (!lengths_fit(copy)) {
            lost++;
        } else {
            if (!reader->take(copy, reader->arg))
                break;
            taken++;
        }
        at += size;
    }
    *lost_in_all += lost;
    *cursor = at;
    return taken;
}

size_t octo_ring_drain(struct octo_ring *ring, size_t max_bytes, const struct octo_ring_reader *reader)
{
    uint64_t cursor = octo_ring_tail(ring), lost = 0;
    size_t taken = octo_ring_read(ring, &cursor, max_bytes, reader, &lost);

    octo_ring_free(ring, cursor, lost);
    return taken;
}
