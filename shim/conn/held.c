/* What requests take of threads: see held.h. */
#include "conn/held.h"

#include "base/clock.h"
#include "base/sys.h"
#include "conn/process.h"
#include "conn/slab.h"
#include "export/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct sums {
    uint32_t threads; /* that are on the request, and have seats */
    uint64_t calls, run_queue_ns, class_ns[OCTO_SEAT_CLASSES];
    struct octo_seat_call call[OCTO_SEAT_CALLS];
};

/* Of a request. Its memory may be another's by the time a thread leaves it: `owner` tells, and keeps others away from the sums for the few
 * instructions of an addition. Who finds it kept goes without, rather than wait in a signal handler for whom it has interrupted. */
struct octo_held {
    uint32_t slab_link, handle;
    _Atomic uint64_t owner; /* number of the exchange, | KEPT; 0: nobody's */
    _Atomic bool broken;    /* it was left, or taken by another thread than the one that has read its head */
    uint32_t pid;           /* of the process whose thread that is */
    uint64_t cpu_ns, run_queue_ns; /* of the thread, at the head; OCTO_NS_UNKNOWN */
    struct sums sums;
};
#define KEPT (UINT64_C(1) << 63)
#define ABANDONED UINT64_MAX /* while it was kept: who keeps it gives it back */

static struct octo_slab helds = {.object_size = (sizeof(struct octo_held) + 63) / 64 * 64};

/* ── processor time ────────────────────────────────────────────────────────────────────────────────── */

static uint64_t cpu_now(void)
{
    struct timespec ts;

    if (octo_sys(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &ts) != 0)
        return OCTO_NS_UNKNOWN;
    return (uint64_t)ts.tv_sec * OCTO_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* How long this thread has been ready to run and did not, in all its life: the second number there (proc(5), sched-stats). */
static uint64_t run_queue_now(void)
{
    char text[64], *p = text, *end;
    uint64_t value = 0;
    long fd = octo_sys(SYS_openat, AT_FDCWD, "/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC), n;

    if (fd < 0)
        return OCTO_NS_UNKNOWN;
    n = octo_sys(SYS_read, fd, text, sizeof(text));
    octo_sys(SYS_close, fd);
    end = text + (n > 0 ? n : 0);
    while (p < end && *p != ' ')
        p++;
    if (p == end)
        return OCTO_NS_UNKNOWN;
    while (++p < end && *p >= '0' && *p <= '9')
        value = value * 10 + (uint64_t)(*p - '0');
    return value;
}

static uint64_t since(uint64_t then_ns, uint64_t now_ns)
{
    return then_ns == OCTO_NS_UNKNOWN || now_ns == OCTO_NS_UNKNOWN || now_ns < then_ns ? OCTO_NS_UNKNOWN
                                                                                       : now_ns - then_ns;
}

/* ── seats ─────────────────────────────────────────────────────────────────────────────────────────── */

static struct octo_seat *place(struct octo_seat *seats, uint32_t tid, unsigned i)
{
    return &seats[1 + (tid + i) % (OCTO_SEATS - 1)];
}

/* One of this thread's own, from its last life with that number or free; or that of a thread which has ended. 0: there is none. */
static uint8_t claim(struct octo_seat *seats)
{
    uint32_t tid = (uint32_t)octo_sys(SYS_gettid), pid = octo_process()->pid;

    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < OCTO_SEAT_WINDOW; i++) {
            struct octo_seat *seat = place(seats, tid, i);
            uint32_t whose = __atomic_load_n(&seat->tid, __ATOMIC_RELAXED);

            if (whose != tid && whose != 0 && (pass == 0 || octo_sys(SYS_tgkill, pid, whose, 0) != -ESRCH))
                continue;
            if (whose != tid &&
                !__atomic_compare_exchange_n(&seat->tid, &whose, tid, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
                continue;
            __atomic_fetch_add(&seats[0].tid, 1, __ATOMIC_RELAXED);
            octo_sys(SYS_getpid); /* the first call that is counted there: run_queue_ns is known from now on */
            return (uint8_t)(seat - seats);
        }
    return 0;
}

/* This thread's, while octoprobe counts there. NULL: none. */
static struct octo_seat *seat_of_thread(void)
{
    struct octo_seat *seats = octo_process() ? octo_probe_seats(octo_service.segment) : NULL;
    uint8_t life;

    if (__builtin_expect(seats == NULL, 1) || octo_service.sandboxed)
        return NULL;
    life = octo_probe_life();
    if (octo_this_thread.seat_life != life) {
        octo_this_thread.seat = claim(seats);
        octo_this_thread.seat_life = life;
    }
    return octo_this_thread.seat ? &seats[octo_this_thread.seat] : NULL;
}

/* ── stretches ─────────────────────────────────────────────────────────────────────────────────────── */

static bool keep(struct octo_held *h, uint64_t number)
{
    return atomic_compare_exchange_strong_explicit(&h->owner, &number, number | KEPT, memory_order_acquire,
                                                   memory_order_relaxed);
}

static void keep_no_more(struct octo_held *h, uint64_t number)
{
    uint64_t kept = number | KEPT;

    if (!atomic_compare_exchange_strong_explicit(&h->owner, &kept, number, memory_order_release,
                                                 memory_order_relaxed))
        octo_slab_give(&helds, h->handle);
}

static struct octo_seat_call *smallest(struct octo_seat_call *calls)
{
    struct octo_seat_call *least = calls;

    for (unsigned i = 1; i < OCTO_SEAT_CALLS; i++)
        if (calls[i].count == 0 || (least->count != 0 && calls[i].ns < least->ns))
            least = &calls[i];
    return least;
}

static void add_call(struct octo_seat_call *calls, const struct octo_seat_call *more)
{
    struct octo_seat_call *at = NULL;

    for (unsigned i = 0; i < OCTO_SEAT_CALLS; i++)
        if (calls[i].count != 0 && calls[i].nr == more->nr)
            at = &calls[i];
    if (at) {
        at->count += more->count;
        at->ns += more->ns;
    } else if ((at = smallest(calls))->count == 0 || at->ns < more->ns) {
        *at = *more;
    }
}

/* The stretch that this thread's seat knows. */
static void add_stretch(struct sums *sums, const struct octo_seat *seat)
{
    unsigned used = seat->used < OCTO_SEAT_CALLS ? seat->used : OCTO_SEAT_CALLS;

    sums->calls += seat->count;
    for (unsigned i = 0; i < OCTO_SEAT_CLASSES; i++)
        sums->class_ns[i] += seat->ns[i];
    if (seat->run_queue_at_ns == 0 || seat->run_queue_ns < seat->run_queue_at_ns)
        sums->run_queue_ns = OCTO_NS_UNKNOWN;
    else if (sums->run_queue_ns != OCTO_NS_UNKNOWN)
        sums->run_queue_ns += seat->run_queue_ns - seat->run_queue_at_ns;
    for (unsigned i = 0; i < used; i++)
        if (seat->call[i].count != 0)
            add_call(sums->call, &seat->call[i]);
}

void octo_held_measure(struct octo_exchange *x)
{
    bool cpu = octo_service.settings.cpu && !octo_service.sandboxed;
    struct octo_held *h;
    uint32_t handle;

    if (!octo_process() || (!cpu && seat_of_thread() == NULL))
        return;
    h = octo_slab_take(&helds, &handle);
    if (!h)
        return;
    memset(&h->sums, 0, sizeof(h->sums));
    h->handle = handle;
    h->cpu_ns = cpu ? cpu_now() : OCTO_NS_UNKNOWN;
    h->run_queue_ns = cpu ? run_queue_now() : OCTO_NS_UNKNOWN;
    h->pid = octo_process()->pid;
    h->broken = x->pipelined; /* the thread is not on it yet */
    atomic_store_explicit(&h->owner, x->number, memory_order_release);
    x->held = h;
}

void octo_held_take(const struct octo_exchange *x)
{
    struct octo_held *h = x->held;
    uint64_t number = x->number;
    struct octo_seat *seat;

    if (__builtin_expect(h == NULL, 1) || (seat = seat_of_thread()) == NULL)
        return;
    seat->number = 0;
    if (!keep(h, number))
        return;
    h->sums.threads++;
    keep_no_more(h, number);
    seat->used = 0;
    seat->count = 0;
    memset(seat->ns, 0, sizeof(seat->ns));
    seat->run_queue_at_ns = seat->run_queue_ns;
    seat->number = number;
}

void octo_held_leave(const struct octo_exchange *x)
{
    struct octo_held *h = x->held;
    struct octo_seat *seat;
    uint64_t number;

    if (__builtin_expect(h == NULL, 1))
        return;
    h->broken = true;
    seat = seat_of_thread();
    if (!seat || (number = seat->number) == 0)
        return;
    seat->number = 0;
    if (!keep(h, number))
        return;
    h->sums.threads--;
    add_stretch(&h->sums, seat);
    keep_no_more(h, number);
}

/* ── the whole ─────────────────────────────────────────────────────────────────────────────────────── */

/* The longest first. */
static void pick_top(const struct sums *sums, struct octo_held_facts *facts)
{
    for (unsigned i = 0; i < OCTO_SEAT_CALLS; i++) {
        struct octo_seat_call call = sums->call[i];

        for (unsigned k = 0; k < OCTO_TOP_CALLS && call.count != 0; k++)
            if (facts->top[k].count == 0 || facts->top[k].ns < call.ns) {
                struct octo_seat_call less = facts->top[k];

                facts->top[k] = call;
                call = less;
            }
    }
}

void octo_held_facts(const struct octo_exchange *x, bool here, struct octo_held_facts *facts)
{
    struct octo_held *h = x->held;
    struct sums sums;
    const struct octo_seat *seat;
    uint64_t number = x->number;

    *facts = (struct octo_held_facts){.cpu_ns = OCTO_NS_UNKNOWN, .run_queue_ns = OCTO_NS_UNKNOWN};
    if (here && !h->broken && h->cpu_ns != OCTO_NS_UNKNOWN && !octo_service.sandboxed && octo_process() &&
        octo_process()->pid == h->pid) { /* a fork's child has a clock of its own */
        facts->cpu_ns = since(h->cpu_ns, cpu_now());
        facts->run_queue_ns = since(h->run_queue_ns, run_queue_now());
    }
    seat = here ? seat_of_thread() : NULL;
    here = seat && seat->number == number;
    if (keep(h, number)) {
        sums = h->sums;
        keep_no_more(h, number);
        if (here)
            add_stretch(&sums, seat);
        if (sums.threads == here) { /* else a stretch is not over: another thread has not left it */
            facts->calls = sums.calls;
            memcpy(facts->class_ns, sums.class_ns, sizeof(facts->class_ns));
            facts->calls_run_queue_ns = sums.run_queue_ns;
            pick_top(&sums, facts);
        }
    }
}

void octo_held_forget(struct octo_exchange *x)
{
    struct octo_held *h = x->held;

    x->held = NULL;
    if (!(atomic_exchange(&h->owner, ABANDONED) & KEPT))
        octo_slab_give(&helds, h->handle);
}
