/*
 * Crashes: service.crashed, told before the process dies of SIGSEGV, SIGBUS, SIGILL, SIGFPE or SIGABRT.
 *
 *      kernel ──> handler: puts down what it knows ──> gatherer: a thread that samples the stack, asks octoshim-stack
 *                    │                                                        │
 *                    │ <────────────── at most GATHER_MS ─────────────────────┘
 *                    ├──> writer: the line ── at most PATIENCE_MS in all
 *                    └──> SIG_DFL, and back: the kernel ends the process as it would have
 *
 * The handler looks at no memory of the service's, calls no libc, waits on a futex, and stands only where the service
 * leaves the signal to the kernel (disposition.h). What a second thread crashes of meanwhile waits for the first one's end.
 *
 * For: process.c. Context: see each.
 */
#ifndef OCTO_CONN_CRASH_H
#define OCTO_CONN_CRASH_H

/* The service wakes: crashes are told from now on, if the settings say so and it is safe. */
void octo_crash_wake(void);

/* They are not, in this process: what the handler calls may not be allowed any more. */
void octo_crash_lock_in(void);

#endif
