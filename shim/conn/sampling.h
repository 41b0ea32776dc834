/*
 * Sampling: the stack of a thread that has just written an error, or that a call has failed. Copied, not unwound: some 3 µs, one
 * system call, and nothing at all on any other path.
 *
 * For: emit.c. Context: any thread, signal-safe; errno stays.
 */
#ifndef OCTO_CONN_SAMPLING_H
#define OCTO_CONN_SAMPLING_H

#include "octoshim/record.h"

/* What a record says of the stack: its members `stack` and `count`. */
struct octo_sampled {
    uint8_t stack; /* enum octo_record_stack */
    uint64_t count;
};

/* The stack of this thread, here. */
struct octo_sampled octo_sampling_here(void);

/* There is no record to say it. */
void octo_sampling_forget(struct octo_sampled sampled);

#endif
