/*
 * The segment's inside: identity, slots and rings. Files and directories are segment_file.c's.
 *
 * Context: claim runs on application threads, also in signal handlers; reap and orphans on the leading writer.
 * Keeps no descriptor and no thread; never frees a mapping that the service may still use.
 */
#include "event/segment.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define RING_BYTES (sizeof(struct octo_ring) + OCTO_SEGMENT_RING_SIZE)
#define RING_STRIDE ((size_t)OCTO_SEGMENT_RING_SIZE + OCTO_SEGMENT_PAGE)

_Static_assert(RING_BYTES <= RING_STRIDE, "a ring fits its stride");

#define METRICS_BYTES                                                                                             \
    ((sizeof(struct octo_metrics) + OCTO_SEGMENT_PAGE - 1) / OCTO_SEGMENT_PAGE * OCTO_SEGMENT_PAGE)
#define RINGS_AT (OCTO_SEGMENT_PAGE + METRICS_BYTES)

#define BOARDS_AT (RINGS_AT + OCTO_SEGMENT_SLOTS * RING_STRIDE)
#define CRASHES_AT (BOARDS_AT + OCTO_SEGMENT_SLOTS * sizeof(struct octo_board))

_Static_assert(sizeof(struct octo_board) % OCTO_SEGMENT_PAGE == 0, "each has its pages");

#define SAMPLES_AT (CRASHES_AT + OCTO_SEGMENT_SLOTS * (size_t)OCTO_CRASH_BYTES)

#define SPARES_AT                                                                                                 \
    (SAMPLES_AT + (sizeof(struct octo_samples) + OCTO_SEGMENT_PAGE - 1) / OCTO_SEGMENT_PAGE * OCTO_SEGMENT_PAGE)
#define SPARE_BYTES (sizeof(struct octo_ring) + OCTO_SEGMENT_SPARE_SIZE)
#define SPARE_STRIDE ((size_t)OCTO_SEGMENT_SPARE_SIZE + OCTO_SEGMENT_PAGE)

_Static_assert(SPARE_BYTES <= SPARE_STRIDE, "a spare ring fits its stride");

const size_t octo_segment_bytes = SPARES_AT + OCTO_SEGMENT_SPARES * SPARE_STRIDE;

/* True if the pages are there, writable for good. must: count a kernel without the call (before 5.14) as no. */
bool octo_segment_populate(void *address, size_t bytes, bool must)
{
    long err = octo_sys(SYS_madvise, address, bytes, MADV_POPULATE_WRITE);

    return err == 0 || (err == -EINVAL && !must);
}

static void copy_name(char *out, const char *name)
{
    size_t n = strlen(name);

    n = n < OCTO_SEGMENT_NAME_MAX - 1 ? n : OCTO_SEGMENT_NAME_MAX - 1;
    memcpy(out, name, n);
    out[n] = 0;
}

static uint64_t secret(void)
{
    struct octo_random random = {0};

    octo_random_seed(&random, 0);
    return octo_random_next(&random);
}

/* Fills the header of a new segment. */
void octo_segment_begin(struct octo_segment *segment, const struct octo_identity *identity, uint32_t pid)
{
    segment->version = OCTO_SEGMENT_VERSION;
    segment->creator_pid = pid;
    segment->size = octo_segment_bytes;
    copy_name(segment->service, identity->service);
    copy_name(segment->environment, identity->environment);
    copy_name(segment->app_version, identity->app_version);
    segment->begun_ns = octo_clock_real_ns();
    segment->instance[0] = secret();
    segment->instance[1] = secret();
    segment->kin = identity->kin;
    segment->listener = identity->listener;
    segment->log_dev = identity->log_dev;
    segment->log_ino = identity->log_ino;
    segment->member[0] = pid;
    octo_metrics_init((struct octo_metrics *)((char *)segment + OCTO_SEGMENT_PAGE), secret(), octo_cpu_count());
    atomic_store(&segment->real_offset_ns, (int64_t)(octo_clock_real_ns() - octo_clock_mono_ns()));
    atomic_store(&segment->magic, OCTO_SEGMENT_MAGIC);
}

struct octo_segment *octo_segment_create(const char *dir, const char *xdg_runtime_dir,
                                         const struct octo_identity *identity, uint32_t pid, char *path,
                                         size_t path_size, bool *joined)
{
    void *map = NULL;

    path[0] = 0;
    if (joined != NULL)
        *joined = false;
    if (octo_segment_file_create(dir, xdg_runtime_dir, identity, pid, path, path_size, joined, &map) < 0) {
        /* Anonymous shared memory has no size limit that could raise SIGBUS, so need not be populated. */
        long at = octo_sys(SYS_mmap, 0, octo_segment_bytes, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        map = at < 0 && at > -4096 ? NULL : (void *)at;
        if (map == NULL)
            return NULL;
        octo_segment_begin(map, identity, pid);
    }
    return map;
}

size_t octo_segment_ring_offset(unsigned i)
{
    return i < OCTO_SEGMENT_SLOTS ? RINGS_AT + i * RING_STRIDE
                                  : SPARES_AT + (i - OCTO_SEGMENT_SLOTS) * SPARE_STRIDE;
}

static struct octo_ring *ring_at(struct octo_segment *segment, unsigned i)
{
    return (struct octo_ring *)((char *)segment + octo_segment_ring_offset(i));
}

struct octo_ring *octo_segment_ring(struct octo_segment *segment, unsigned i)
{
    bool spare = i >= OCTO_SEGMENT_SLOTS;
    struct octo_ring *ring;

    if (i >= OCTO_SEGMENT_RINGS ||
        atomic_load_explicit(spare ? &segment->spare[i - OCTO_SEGMENT_SLOTS].ready : &segment->slot[i].ready,
                             memory_order_acquire) != 1)
        return NULL;
    ring = ring_at(segment, i);
    return ring->size == (spare ? OCTO_SEGMENT_SPARE_SIZE : OCTO_SEGMENT_RING_SIZE) ? ring : NULL;
}

static struct octo_board *board_at(struct octo_segment *segment, unsigned i)
{
    return (struct octo_board *)((char *)segment + BOARDS_AT + i * sizeof(struct octo_board));
}

struct octo_board *octo_segment_board(struct octo_segment *segment, unsigned i)
{
    return i < OCTO_SEGMENT_SLOTS && atomic_load_explicit(&segment->slot[i].ready, memory_order_acquire)
               ? board_at(segment, i)
               : NULL;
}

void octo_segment_ended(struct octo_segment *segment, uint32_t pid)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++)
        if (atomic_load_explicit(&segment->slot[i].pid, memory_order_relaxed) == pid)
            atomic_store(&segment->slot[i].ended, 1);
}

void octo_segment_steadfast(struct octo_segment *segment, uint32_t pid, bool steadfast)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++)
        if (atomic_load_explicit(&segment->slot[i].pid, memory_order_relaxed) == pid)
            atomic_store(&segment->slot[i].steadfast, steadfast);
}

struct octo_board *octo_segment_own_board(struct octo_segment *segment, uint32_t pid, const struct octo_ring *ring)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++)
        if (ring_at(segment, i) == ring)
            return atomic_load(&segment->slot[i].pid) == pid ? octo_segment_board(segment, i) : NULL;
    return NULL;
}

struct octo_crash *octo_segment_crash(struct octo_segment *segment, unsigned i)
{
    return (struct octo_crash *)((char *)segment + CRASHES_AT + (size_t)i * OCTO_CRASH_BYTES);
}

static struct octo_samples *samples_at(struct octo_segment *segment)
{
    return (struct octo_samples *)((char *)segment + SAMPLES_AT);
}

struct octo_samples *octo_segment_samples(struct octo_segment *segment)
{
    return atomic_load_explicit(&segment->samples, memory_order_acquire) ? samples_at(segment) : NULL;
}

struct octo_samples *octo_segment_have_samples(struct octo_segment *segment)
{
    if (!atomic_load_explicit(&segment->samples, memory_order_acquire)) {
        if (!octo_segment_populate(samples_at(segment), octo_samples_head_bytes, false))
            return NULL;
        atomic_store_explicit(&segment->samples, 1, memory_order_release);
    }
    return samples_at(segment);
}

_Atomic uint8_t *octo_segment_crash_state(struct octo_segment *segment, const struct octo_crash *crash)
{
    return &segment->slot[((const char *)crash - (char *)octo_segment_crash(segment, 0)) / OCTO_CRASH_BYTES].crash;
}

struct octo_crash *octo_segment_crash_claim(struct octo_segment *segment, uint32_t pid)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++) {
        uint8_t state = OCTO_CRASH_FREE;
        struct octo_crash *crash = octo_segment_crash(segment, i);

        if (!atomic_compare_exchange_strong(&segment->slot[i].crash, &state, OCTO_CRASH_CLAIMED))
            continue;
        if (octo_segment_populate(crash, OCTO_CRASH_BYTES, false)) {
            memset(crash, 0, sizeof(*crash));
            crash->pid = pid;
            return crash;
        }
        atomic_store(&segment->slot[i].crash, OCTO_CRASH_FREE);
        return NULL;
    }
    return NULL;
}

static bool process_gone(uint32_t pid)
{
    return octo_sys(SYS_kill, pid, 0) == -ESRCH;
}

bool octo_segment_process_over(uint32_t pid)
{
    static const struct timespec now = {0, 0};
    struct pollfd end = {.fd = (int)octo_sys(SYS_pidfd_open, pid, 0), .events = POLLIN};
    bool over;

    if (end.fd < 0) /* no such process; or no such call (before Linux 5.3, sandboxes) */
        return process_gone(pid);
    over = octo_sys(SYS_ppoll, &end, 1, &now, NULL, 0) == 1;
    octo_sys(SYS_close, end.fd);
    return over;
}

/* Makes slot i, held by pid, ready. Returns its ring, or gives the slot back and returns NULL. */
static struct octo_ring *open_slot(struct octo_segment *segment, unsigned i)
{
    struct octo_segment_slot *slot = &segment->slot[i];
    struct octo_ring *ring = ring_at(segment, i);

    atomic_store(&slot->ended, 0);
    atomic_store(&slot->steadfast, 0);
    if (atomic_load_explicit(&slot->ready, memory_order_acquire)) {
        memset(board_at(segment, i), 0, sizeof(struct octo_board));
        return ring; /* of a former owner; it goes on where that one stopped */
    }
    if (!octo_segment_populate(ring, RING_BYTES, false) ||
        !octo_segment_populate(board_at(segment, i), sizeof(struct octo_board), false)) {
        atomic_store(&slot->pid, 0);
        return NULL;
    }
    octo_ring_init(ring, OCTO_SEGMENT_RING_SIZE);
    atomic_store_explicit(&slot->ready, 1, memory_order_release);
    return ring;
}

struct octo_ring *octo_segment_claim(struct octo_segment *segment, uint32_t pid)
{
    struct octo_ring *ring;

    /* First slots that nobody holds, then those of the dead (what is left in such a ring stays in it). */
    for (unsigned dead = 0; dead < 2; dead++)
        for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++) {
            uint32_t owner = atomic_load(&segment->slot[i].pid);

            if (dead ? owner == 0 || owner == pid || !process_gone(owner) : owner != 0)
                continue;
            if (!atomic_compare_exchange_strong(&segment->slot[i].pid, &owner, pid))
                continue;
            ring = open_slot(segment, i);
            if (ring != NULL)
                return ring;
            dead = 1; /* no memory for a new ring: only an existing one can help */
            break;
        }
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++) {
        ring = octo_segment_ring(segment, (pid + i) % OCTO_SEGMENT_SLOTS);
        if (ring != NULL)
            return ring;
    }
    return NULL;
}

void octo_segment_unclaim(struct octo_segment *segment, uint32_t pid, const struct octo_ring *ring)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++) {
        uint32_t owner = pid;

        if (octo_segment_ring(segment, i) == ring)
            atomic_compare_exchange_strong(&segment->slot[i].pid, &owner, 0);
    }
}

bool octo_segment_ring_dead(const struct octo_segment *segment, unsigned i)
{
    uint32_t owner = atomic_load_explicit(i < OCTO_SEGMENT_SLOTS ? &segment->slot[i].pid
                                                                 : &segment->spare[i - OCTO_SEGMENT_SLOTS].pid,
                                          memory_order_relaxed);

    return owner == 0 || octo_segment_process_over(owner);
}

unsigned octo_segment_reap(struct octo_segment *segment)
{
    unsigned used = 0;

    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++) {
        uint32_t owner = atomic_load(&segment->slot[i].pid);
        struct octo_ring *ring = octo_segment_ring(segment, i);

        if (owner == 0)
            continue;
        if (process_gone(owner) && (ring == NULL || octo_ring_empty(ring)))
            atomic_compare_exchange_strong(&segment->slot[i].pid, &owner, 0);
        else
            used++;
    }
    octo_segment_reap_spares(segment);
    return used;
}

bool octo_segment_empty(struct octo_segment *segment)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_RINGS; i++) {
        struct octo_ring *ring = octo_segment_ring(segment, i);

        if (ring != NULL && !octo_ring_empty(ring))
            return false;
    }
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++)
        if (atomic_load_explicit(&segment->slot[i].crash, memory_order_acquire) == OCTO_CRASH_TOLD)
            return false;
    return true;
}

bool octo_segment_slot_matters(struct octo_segment *segment, unsigned i)
{
    struct octo_segment_slot *slot = &segment->slot[i];

    return atomic_load(&slot->pid) != 0 && !atomic_load(&slot->ended) && octo_segment_board(segment, i) != NULL &&
           (atomic_load(&slot->steadfast) || octo_board_in_use(octo_segment_board(segment, i)));
}

bool octo_segment_finished(struct octo_segment *segment)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++)
        if (octo_segment_slot_matters(segment, i) ||
            atomic_load_explicit(&segment->slot[i].crash, memory_order_acquire) >= OCTO_CRASH_BEGUN)
            return false;
    return octo_segment_empty(segment);
}

uint64_t octo_segment_dropped(struct octo_segment *segment)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < OCTO_SEGMENT_RINGS; i++) {
        struct octo_ring *ring = octo_segment_ring(segment, i);

        for (unsigned level = 0; ring != NULL && level < OCTO_LEVELS; level++)
            total += atomic_load_explicit(&ring->dropped[level], memory_order_relaxed);
    }
    return total;
}

void octo_segment_retire(struct octo_segment *segment, const char *path)
{
    if (path[0] != 0 && octo_segment_finished(segment))
        octo_sys(SYS_unlinkat, AT_FDCWD, path, 0);
}
