/*
 * The lead: which of a service's writers drains the rings. A robust futex in the segment.
 *
 * For: the writer thread. The kernel frees the lead of a thread that dies, by whatever cause, and wakes a waiting
 * one: takeover is immediate, waiting costs nothing. Source: futex(2), set_robust_list(2), Documentation/locking/
 * robust-futex-ABI.
 */
#ifndef OCTO_EXPORT_LEAD_H
#define OCTO_EXPORT_LEAD_H

#include "event/segment.h"

#include <linux/futex.h>

struct octo_lead {
    struct robust_list_head list; /* read by the kernel when this thread dies */
    uint32_t tid;
    bool robust;
};

/* Tells the kernel. By the thread that will lead, once; *l stays valid as long as the thread lives. */
void octo_lead_prepare(struct octo_lead *l, struct octo_segment *segment);

/* Waits for the lead. True: this thread has it. False: *stop became true. */
bool octo_lead_take(struct octo_lead *l, struct octo_segment *segment, const _Atomic uint32_t *stop);

/* Gives it up and wakes the next. */
void octo_lead_release(struct octo_segment *segment);

/* True if some thread holds the lead. Any thread; a hint. */
bool octo_lead_held(const struct octo_segment *segment);

/* Wakes every waiting writer to look at its *stop. Any thread. */
void octo_lead_nudge(struct octo_segment *segment);

#endif
