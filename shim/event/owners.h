/*
 * Owners: each process's part in the shared gauges, and the requests whose end it is about to count.
 *
 * For: conn/. A gauge like "requests in progress" is the sum of what each living process has added and taken away; what a
 * dead one left is not looked at, so its part is taken back by itself.
 *
 * A client may have a response before the call that sent it has returned to the service, so a service that is killed
 * then would not have counted it. Therefore the end of a request is written down here before that call:
 *
 *     FREE ─take─> FILLING ─> INTENDED ─settle: sum─> SUMMED ─bucket─> PLACED ─count─> COUNTED ─what rules add─> FREE
 *                                └─ forgo ─> FREE            (that call did not end it)
 *
 * What a dead process has left in INTENDED or beyond has happened, and is counted on from there by who takes its
 * place back. The states are one instruction away from what they tell of, so that nothing is counted twice or not at all,
 * wherever a process is killed.
 *
 * Context: any thread, signal-safe. More than OCTO_OWNERS processes at once: the rest have no place, and so no gauges.
 */
#ifndef OCTO_EVENT_OWNERS_H
#define OCTO_EVENT_OWNERS_H

#include "event/metrics.h"

enum octo_pending_state {
    OCTO_PENDING_FREE,
    OCTO_PENDING_FILLING,
    OCTO_PENDING_INTENDED,
    OCTO_PENDING_SUMMED,  /* the sum is added */
    OCTO_PENDING_PLACED,  /* and the bucket */
    OCTO_PENDING_COUNTED, /* and the counter; from here on two steps for each addition of rules */
};

/* A place for process pid, or NULL: none free, or no memory. Costs system calls: once a process. */
struct octo_owner *octo_owner_claim(struct octo_metrics *m, uint32_t pid);

/* Adds n to the process's part of a shared gauge. */
static inline void octo_share_add(struct octo_metrics *m, const struct octo_owner *owner, uint32_t share,
                                  int32_t n)
{
    size_t i = (size_t)(owner - m->owner);

    atomic_fetch_add_explicit(&m->share[i][octo_cpu() & (m->share_lanes - 1)][share], n, memory_order_relaxed);
}

/* A process's part of a shared gauge. */
int64_t octo_share_of(const struct octo_metrics *m, unsigned owner, uint32_t share);

/* Writes down what is about to be counted: one into a counter, a value into a histogram, and also[0..n), n at most OCTO_ALSO. hint: any number, of which
 * few are in use at once. NULL: no room; then it is only counted at its end. */
struct octo_pending *octo_owner_intend(struct octo_metrics *m, const struct octo_owner *owner, uint32_t hint,
                                       uint32_t count_word, unsigned family, uint32_t histogram_word,
                                       uint64_t value, const struct octo_addition *also, unsigned n);

/* True if p is one of owner's. */
static inline bool octo_owner_has(const struct octo_metrics *m, const struct octo_owner *owner,
                                  const struct octo_pending *p)
{
    const struct octo_pending *own = m->pending[owner - m->owner];

    return p >= own && p < own + OCTO_PENDING;
}

/* It has happened, with this value: counts. Returns the word of the histogram's bucket. */
uint32_t octo_owner_settle(struct octo_metrics *m, struct octo_pending *p, uint64_t value);

/* It has not. */
static inline void octo_owner_forgo(struct octo_pending *p)
{
    atomic_store_explicit(&p->state, OCTO_PENDING_FREE, memory_order_release);
}

/* Counts what dead processes had written down, and takes their parts of the gauges back. over: whether the process of that
 * number, which had its place at since_ns (monotonic), is over. Any thread, also several at once; for who may wait. */
void octo_owner_reap(struct octo_metrics *m, bool (*over)(uint32_t pid, uint64_t since_ns));

#endif
