/* Owners: see owners.h. */
#include "event/owners.h"

#include "base/clock.h"
#include "base/lone.h"
#include "base/sys.h"
#include "event/segment.h"

#include <errno.h>
#include <string.h>

enum { PROBES = 4 }; /* pending places that are tried */

_Static_assert(OCTO_METRICS_PAGE % sizeof(struct octo_pending[OCTO_PENDING]) == 0, "a process's are in one page");
_Static_assert(OCTO_METRICS_PAGE % sizeof(struct octo_addition[OCTO_PENDING][OCTO_ALSO]) == 0, "likewise");

#define TAKING_NS (2 * OCTO_NS_PER_S)    /* who takes a place back and has not done so by then is dead */
static const uint32_t taking = 1u << 31; /* in pid: somebody takes the place back */

static bool fetch(struct octo_metrics *m, const struct octo_owner *owner)
{
    size_t i = (size_t)(owner - m->owner);
    size_t pending = i * sizeof(m->pending[i]) / OCTO_METRICS_PAGE;
    size_t also = i * sizeof(m->also[i]) / OCTO_METRICS_PAGE;

    return octo_segment_populate((char *)m->pending + pending * OCTO_METRICS_PAGE, OCTO_METRICS_PAGE, false) &&
           octo_segment_populate((char *)m->also + also * OCTO_METRICS_PAGE, OCTO_METRICS_PAGE, false) &&
           octo_segment_populate(m->share[i], (size_t)m->share_lanes * OCTO_METRICS_PAGE, false);
}

/* What rules add: the state goes on by two for each, by one after a histogram's sum. */
static __attribute__((noinline)) void add_on(struct octo_metrics *m, struct octo_pending *p)
{
    size_t i = (size_t)(p - m->pending[0]);
    const struct octo_addition *also = m->also[i / OCTO_PENDING][i % OCTO_PENDING];
    _Atomic uint64_t *lane = octo_lane(m);
    uint32_t step = atomic_load_explicit(&p->state, memory_order_acquire) - OCTO_PENDING_COUNTED;

    while (step < 2 * p->also) {
        const struct octo_addition *a = &also[step / 2];
        uint64_t amount = a->kind == OCTO_ADD_VALUE ? p->value : a->amount;

        if (a->kind == OCTO_ADD_COUNT) {
            atomic_fetch_add_explicit(lane + a->word, amount, memory_order_relaxed);
            step += 2;
        } else if (step % 2 == 0) {
            atomic_fetch_add_explicit(lane + a->word, amount, memory_order_relaxed);
            step++;
        } else {
            atomic_fetch_add_explicit(lane + a->word + 1 + octo_bucket(&m->family[a->family], amount), 1,
                                      memory_order_relaxed);
            step++;
        }
        atomic_store_explicit(&p->state, OCTO_PENDING_COUNTED + step, memory_order_release);
    }
}

/* Counts from where the state is. Returns the word of the histogram's bucket. */
static inline uint32_t count_on(struct octo_metrics *m, struct octo_pending *p)
{
    _Atomic uint64_t *lane = octo_lane(m);
    uint32_t bucket = p->histogram_word + 1 + octo_bucket(&m->family[p->family], p->value);

    switch (atomic_load_explicit(&p->state, memory_order_acquire)) {
    case OCTO_PENDING_INTENDED:
        atomic_fetch_add_explicit(lane + p->histogram_word, p->value, memory_order_relaxed);
        atomic_store_explicit(&p->state, OCTO_PENDING_SUMMED, memory_order_release);
        __attribute__((fallthrough));
    case OCTO_PENDING_SUMMED:
        atomic_fetch_add_explicit(lane + bucket, 1, memory_order_relaxed);
        atomic_store_explicit(&p->state, OCTO_PENDING_PLACED, memory_order_release);
        __attribute__((fallthrough));
    case OCTO_PENDING_PLACED:
        atomic_fetch_add_explicit(lane + p->count_word, 1, memory_order_relaxed);
        if (__builtin_expect(p->also == 0, 1))
            break;
        atomic_store_explicit(&p->state, OCTO_PENDING_COUNTED, memory_order_release);
        add_on(m, p);
        break;
    case OCTO_PENDING_FREE:
    case OCTO_PENDING_FILLING:
        break;
    default:
        add_on(m, p);
    }
    atomic_store_explicit(&p->state, OCTO_PENDING_FREE, memory_order_release);
    return bucket;
}

/* Counts and clears what the last owner has left. */
static void clear(struct octo_metrics *m, struct octo_owner *owner)
{
    size_t i = (size_t)(owner - m->owner);

    for (unsigned k = 0; k < OCTO_PENDING; k++)
        if (m->pending[i][k].state != OCTO_PENDING_FREE)
            count_on(m, &m->pending[i][k]);
    for (unsigned lane = 0; lane < m->share_lanes; lane++)
        for (unsigned k = 0; k < OCTO_SHARES; k++)
            if (atomic_load_explicit(&m->share[i][lane][k], memory_order_relaxed) != 0)
                atomic_store_explicit(&m->share[i][lane][k], 0, memory_order_relaxed);
}

/*
 * Takes back the place of a dead process, which had been there since since_ns. Of several who try at once one does:
 * the one that can change since_ns. False: it is another's.
 */
static bool take_back(struct octo_metrics *m, struct octo_owner *owner, uint32_t pid, uint64_t since_ns)
{
    uint64_t now = octo_clock_mono_ns();

    if (((pid & taking) && now - since_ns < TAKING_NS) ||
        !atomic_compare_exchange_strong(&owner->since_ns, &since_ns, now))
        return false;
    if (!(pid & taking) && !atomic_compare_exchange_strong(&owner->pid, &pid, pid | taking))
        return false;
    clear(m, owner);
    atomic_store(&owner->pid, 0);
    return true;
}

static bool no_process(uint32_t pid)
{
    return octo_sys(SYS_kill, pid, 0) == -ESRCH;
}

static struct octo_owner *settle_in(struct octo_metrics *m, struct octo_owner *owner, uint32_t pid)
{
    uint32_t free = 0;

    if (!atomic_compare_exchange_strong(&owner->pid, &free, pid | taking))
        return NULL;
    if (!fetch(m, owner)) {
        atomic_store(&owner->pid, 0);
        return NULL;
    }
    atomic_store(&owner->since_ns, octo_clock_mono_ns());
    atomic_store(&owner->pid, pid);
    return owner;
}

/* Takes back the places of our own number, which an earlier process had; dead: those of all dead ones. */
static void make_room(struct octo_metrics *m, uint32_t pid, bool dead)
{
    for (unsigned i = 0; i < OCTO_OWNERS; i++) {
        struct octo_owner *owner = &m->owner[i];
        uint64_t since_ns = atomic_load(&owner->since_ns);
        uint32_t was = atomic_load(&owner->pid);

        if (was != 0 && ((was & ~taking) == pid || (dead && no_process(was & ~taking))))
            take_back(m, owner, was, since_ns);
    }
}

struct octo_owner *octo_owner_claim(struct octo_metrics *m, uint32_t pid)
{
    struct octo_owner *owner;

    for (unsigned dead = 0; dead < 2; dead++) {
        make_room(m, pid, dead);
        for (unsigned i = 0; i < OCTO_OWNERS; i++)
            if (atomic_load(&m->owner[i].pid) == 0 && (owner = settle_in(m, &m->owner[i], pid)) != NULL)
                return owner;
    }
    return NULL;
}

void octo_owner_reap(struct octo_metrics *m, bool (*over)(uint32_t pid, uint64_t since_ns))
{
    for (unsigned i = 0; i < OCTO_OWNERS; i++) {
        struct octo_owner *owner = &m->owner[i];
        uint64_t since_ns = atomic_load(&owner->since_ns);
        uint32_t pid = atomic_load(&owner->pid);

        if (pid != 0 && ((pid & taking) || over(pid, since_ns)))
            take_back(m, owner, pid, since_ns);
    }
}

int64_t octo_share_of(const struct octo_metrics *m, unsigned owner, uint32_t share)
{
    int64_t sum = 0;

    for (unsigned lane = 0; lane < m->share_lanes; lane++)
        sum += atomic_load_explicit(&m->share[owner][lane][share], memory_order_relaxed);
    return sum;
}

static bool take(struct octo_pending *p)
{
    uint32_t state = OCTO_PENDING_FREE;

    if (atomic_load_explicit(&p->state, memory_order_acquire) != OCTO_PENDING_FREE)
        return false;
    if (octo_is_lone()) {
        atomic_store_explicit(&p->state, OCTO_PENDING_FILLING, memory_order_relaxed);
        return true;
    }
    return atomic_compare_exchange_strong(&p->state, &state, OCTO_PENDING_FILLING);
}

struct octo_pending *octo_owner_intend(struct octo_metrics *m, const struct octo_owner *owner, uint32_t hint,
                                       uint32_t count_word, unsigned family, uint32_t histogram_word,
                                       uint64_t value, const struct octo_addition *also, unsigned n)
{
    struct octo_pending *own = m->pending[owner - m->owner];

    for (unsigned i = 0; i < PROBES; i++) {
        struct octo_pending *p = &own[(hint + i) % OCTO_PENDING];

        if (!take(p))
            continue;
        p->count_word = count_word;
        p->histogram_word = histogram_word;
        p->family = family;
        p->value = value;
        p->also = n;
        if (n > 0)
            memcpy(m->also[owner - m->owner][p - own], also, n * sizeof(*also));
        atomic_store_explicit(&p->state, OCTO_PENDING_INTENDED, memory_order_release);
        return p;
    }
    return NULL;
}

uint32_t octo_owner_settle(struct octo_metrics *m, struct octo_pending *p, uint64_t value)
{
    p->value = value;
    return count_on(m, p);
}
