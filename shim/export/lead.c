/* The lead. See lead.h. */
#include "export/lead.h"

#include "base/sys.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <time.h>

void octo_lead_prepare(struct octo_lead *l, _Atomic uint32_t *lead)
{
    l->tid = (uint32_t)octo_sys(SYS_gettid);
    /* An empty list, and one lock that is "about to be taken or released" all the time: the kernel looks at that one
     * too, acts only if this thread holds it, and follows no pointer in shared memory. */
    l->list.list.next = &l->list.list;
    l->list.futex_offset = 0;
    l->list.list_op_pending = (struct robust_list *)(void *)lead;
    l->robust = octo_sys(SYS_set_robust_list, &l->list, sizeof l->list) == 0;
}

/* Without robust futexes: a holder that died has to be noticed. */
static bool holder_gone(const struct octo_lead *l, uint32_t word)
{
    uint32_t tid = word & FUTEX_TID_MASK;

    return !l->robust && (tid == l->tid || octo_sys(SYS_tkill, tid, 0) == -ESRCH);
}

bool octo_lead_take(struct octo_lead *l, _Atomic uint32_t *lead, const _Atomic uint32_t *stop, unsigned every_ms,
                    void (*before_wait)(void *arg), void *arg)
{
    const struct timespec every = {every_ms / 1000, (long)(every_ms % 1000) * 1000000}, second = {.tv_sec = 1};
    const struct timespec *patience = every_ms != 0 ? &every : l->robust ? NULL : &second;
    uint32_t waited = 0;

    while (!atomic_load(stop)) {
        uint32_t word = atomic_load(lead);

        if ((word & FUTEX_TID_MASK) == 0 || holder_gone(l, word)) {
            /* One who has waited does not know who else does: it leaves the mark for them. */
            uint32_t mine = l->tid | (word & FUTEX_WAITERS) | waited;

            if (atomic_compare_exchange_strong(lead, &word, mine))
                return true;
            continue;
        }
        if ((word & FUTEX_WAITERS) == 0 && !atomic_compare_exchange_strong(lead, &word, word | FUTEX_WAITERS))
            continue;
        waited = FUTEX_WAITERS;
        if (before_wait)
            before_wait(arg);
        octo_sys(SYS_futex, lead, FUTEX_WAIT, word | FUTEX_WAITERS, patience, 0, 0);
    }
    if (waited != 0)
        octo_lead_nudge(lead); /* what woke this thread may have been meant for another */
    return false;
}

void octo_lead_release(_Atomic uint32_t *lead)
{
    if ((atomic_exchange(lead, 0) & FUTEX_WAITERS) != 0)
        octo_sys(SYS_futex, lead, FUTEX_WAKE, 1, 0, 0, 0);
}

bool octo_lead_held(const _Atomic uint32_t *lead)
{
    return (atomic_load(lead) & FUTEX_TID_MASK) != 0;
}

void octo_lead_nudge(_Atomic uint32_t *lead)
{
    octo_sys(SYS_futex, lead, FUTEX_WAKE, INT_MAX, 0, 0, 0);
}
