/*
 * Held: what a request takes of the threads that are on it: processor time, and, while octoprobe is attached, what the kernel did
 * for it. A request holds a thread from the time when that turns to it until it leaves it: context.c knows when.
 *
 *      head ── take ───────── leave      take ──── end           each stretch is added to the request's sums
 *              thread 1                  thread 2
 *
 * Processor time is that of one thread from the head to the end; where there was a break, or another thread, it is not known. Nothing
 * is measured, and nothing costs, unless OCTOSHIM_CPU=1 or octoprobe has given this process seats (octoshim/seat.h).
 *
 * For: context.c, emit.c. Context: any thread, signal-safe; errno stays.
 */
#ifndef OCTO_CONN_HELD_H
#define OCTO_CONN_HELD_H

#include "conn/exchange.h"
#include "conn/process.h"
#include "export/probe.h"

/* x has its number, and nobody else knows it yet. */
void octo_held_measure(struct octo_exchange *x);
static inline void octo_held_begin(struct octo_exchange *x)
{
    if (__builtin_expect(octo_service.settings.cpu || octo_probe_memory != NULL, 0))
        octo_held_measure(x);
}

/* This thread is on x from now on; on it no more. x may have become another one meanwhile: then nothing happens. */
void octo_held_take(const struct octo_exchange *x);
void octo_held_leave(const struct octo_exchange *x);

/* What x has taken so far. here: this thread is on it. x->held must not be NULL: else nothing is known, nor will be. */
void octo_held_facts(const struct octo_exchange *x, bool here, struct octo_held_facts *facts);

/* x is freed: what was x->held goes with it. */
void octo_held_forget(struct octo_exchange *x);

#endif
