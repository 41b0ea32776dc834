/*
 * A look at another thread of this process, which goes on meanwhile: where it is, and what is on its stack. It is not stopped, and no signal is sent
 * to it: a call that cannot be restarted (epoll_wait, poll, semop) would end with EINTR by either.
 *
 *      it waits in the kernel    /proc/self/task/TID/syscall: the call, stack and instruction pointer. The other registers are not known; a
 *                                function whose frame is found by one of them ends the chain
 *      it runs                   perf_event_open(2): the kernel notes its registers and stack at the next tick of its processor time
 *
 * For: stuck.c. Context: a thread of ours with a descriptor table of its own; static memory, one at a time.
 */
#ifndef OCTO_EXPORT_LOOK_H
#define OCTO_EXPORT_LOOK_H

#include "export/stack.h"

struct octo_look {
    int call;                                        /* number of the system call that it waits in; -1: none */
    uint64_t known, registers[OCTO_STACK_REGISTERS]; /* as in struct octo_stack_sample */
    const char *stack;                               /* from the stack pointer on; valid until the next look */
    size_t stack_bytes;
    const char *reason; /* why there is nothing: a text, */
    long error;         /* and -errno, or 0 */
};

/* Looks at thread tid. Takes up to some 60 ms, where it runs. False: see reason. */
bool octo_look(uint32_t tid, struct octo_look *look);

#endif
