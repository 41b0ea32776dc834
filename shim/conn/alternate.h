/*
 * Alternate stacks: where our handler can run when a thread has used up its own (sigaltstack).
 *
 * A thread that serves requests gets one, unless it has one, or the service has ever set one in any thread: then they are its own business.
 * To the service there is none: what it reads is what it has set, and with the first that it sets this thread's is gone.
 *
 * Memory: 64 KiB of addresses a thread, pages as they are used, which is none before a crash; at most 1024 of them. A thread that
 * has ended is noticed when another one needs a stack. For: context.c, hook/signal.c. Context: any thread, signal-safe.
 */
#ifndef OCTO_CONN_ALTERNATE_H
#define OCTO_CONN_ALTERNATE_H

#include "conn/process.h"

#include <signal.h>

/* This thread serves: gives it one. One or two system calls, once a thread; errno stays. */
void octo_alternate_take(void);
static inline void octo_alternate_serves(void)
{
    if (__builtin_expect(!octo_this_thread.alternate, 0))
        octo_alternate_take();
}

/* sigaltstack(2), as the service may expect it. real: libc's. */
int octo_alternate_change(int (*real)(const stack_t *, stack_t *), const stack_t *stack, stack_t *old);

/* In the child of a fork, where other threads' stacks are nobody's. */
void octo_alternate_forked(void);

#endif
