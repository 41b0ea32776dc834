/*
 * The gatherer: a thread that a crash starts, which finds out the stack of the thread that has crashed. Nothing that it does, or that goes
 * wrong, can hold that one up longer than it is ready to wait.
 *
 *      GATHERING ── the thread has it ──> GATHERED      (a futex)
 *          └─────── nobody waits any more ──> LATE
 *
 * For: conn/crash.c. Context: signal-safe; the memory is static, for a late thread may still write there.
 */
#ifndef OCTO_EXPORT_GATHER_H
#define OCTO_EXPORT_GATHER_H

#include "event/crash.h"
#include "export/stack.h"
#include "export/thread.h"

enum octo_gather_state { OCTO_GATHER_NONE, OCTO_GATHERING, OCTO_GATHERED, OCTO_GATHER_LATE };

struct octo_gather {
    /* Set before the start: */
    const struct octo_settings *settings;
    uint64_t known, registers[OCTO_STACK_REGISTERS]; /* of the thread that has crashed */
    uint64_t alternate_at, alternate_bytes;          /* its alternate stack; 0: none */
    int signal;                                      /* that it has crashed of */
    uint64_t deadline_ns;                            /* monotonic */
    /* The thread's: */
    _Atomic uint32_t state; /* enum octo_gather_state, a futex */
    struct octo_thread thread;
    struct octo_stack_reply reply;
    char frames[OCTO_CRASH_FRAMES];
};

/* Starts the thread; where there can be none, but an attendant, does its work. False: neither, which is the reply. */
bool octo_gather_start(struct octo_gather *g);

/* It is waited for no longer: what it has found, or that it was late, is put into the crash. */
void octo_gather_end(struct octo_gather *g, struct octo_crash *crash);

#endif
