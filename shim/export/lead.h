/*
 * A lead: which of a service's threads does what only one may do: drain the rings (the writer), serve the metrics (the
 * exposer). A robust futex in the segment each.
 *
 * For: the writer thread, the exposer thread. The kernel frees the lead of a thread that dies, by whatever cause, and wakes a waiting
 * one: takeover is immediate, waiting costs nothing. Source: futex(2), set_robust_list(2), Documentation/locking/
 * robust-futex-ABI.
 */
#ifndef OCTO_EXPORT_LEAD_H
#define OCTO_EXPORT_LEAD_H

#include <linux/futex.h>
#include <stdbool.h>
#include <stdint.h>

struct octo_lead {
    struct robust_list_head list; /* read by the kernel when this thread dies */
    uint32_t tid;
    bool robust;
};

/* Tells the kernel. By the thread that will lead, once; *l stays valid as long as the thread lives. */
void octo_lead_prepare(struct octo_lead *l, _Atomic uint32_t *lead);

/* Waits for the lead. True: this thread has it. False: *stop became true. before_wait(arg), unless it is NULL, is called before each wait: once at least where
 * another has the lead, and again when all are nudged, and every_ms, unless that is 0. */
bool octo_lead_take(struct octo_lead *l, _Atomic uint32_t *lead, const _Atomic uint32_t *stop, unsigned every_ms,
                    void (*before_wait)(void *arg), void *arg);

/* Gives it up and wakes the next. */
void octo_lead_release(_Atomic uint32_t *lead);

/* True if some thread holds the lead. Any thread; a hint. */
bool octo_lead_held(const _Atomic uint32_t *lead);

/* Wakes every waiting writer to look at its *stop, and at what before_wait() looks at. Any thread. */
void octo_lead_nudge(_Atomic uint32_t *lead);

#endif
