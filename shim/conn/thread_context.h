/*
 * The thread context: which request this thread is on, for profilers and probes outside. OpenTelemetry's OTEP 4947.
 *
 * A reader finds the thread-local pointer `otel_thread_ctx_v1` by name, and behind it a record of the request's trace, span and ID.
 * It looks only while the thread is stopped (in an eBPF program, under ptrace), so that the pointer needs no more order than
 * for a signal handler. The record is part of the exchange: whichever thread ends it, all that were on it are on none. What the
 * names in the record's attributes are, and of which service all this is, tells export/process_context.h.
 *
 * For: context.c. Context: any thread, signal-safe, no system call.
 */
#ifndef OCTO_CONN_THREAD_CONTEXT_H
#define OCTO_CONN_THREAD_CONTEXT_H

#include "conn/exchange.h"

/* Where the pointer is, from the thread pointer: the same in every thread. */
int64_t octo_thread_context_offset(void);

/* x has its ID and its trace: makes its record. */
void octo_thread_context_make(struct octo_exchange *x);

/* It is over: nobody is on it any more, whichever thread was. */
void octo_thread_context_end(struct octo_exchange *x);

/* This thread is on x. Another library's record, where that was first, is left alone. */
void octo_thread_context_attach(const struct octo_exchange *x);

/* This thread is not on x any more. */
void octo_thread_context_detach(const struct octo_exchange *x);

#endif
