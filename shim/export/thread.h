/*
 * A thread that libc does not know: made by clone(2) alone.
 *
 * For: the writer, the exposer. Starting takes no malloc, no lock and may happen in a signal handler; errno is not touched.
 * The thread shares memory, directory and, until it changes that itself, descriptors with the process; every signal
 * is blocked in it. Its thread pointer leads to zeroes, so that it may call only libc functions that use no
 * thread-local storage (memcpy and its like, clock_gettime); a stray look is harmless.
 *
 *   | guard | stack | zeroes: its TLS | thread control block, zeroes |
 *                                     ^ thread pointer
 */
#ifndef OCTO_EXPORT_THREAD_H
#define OCTO_EXPORT_THREAD_H

#include <stdbool.h>
#include <stdint.h>

struct octo_thread {
    char *memory;         /* kept for the next start; a fork's child may use its copy */
    _Atomic uint32_t tid; /* futex: the kernel clears it, and wakes, when the thread has left our memory */
    uint32_t number;      /* the TID it has or had */
};

/* Starts run(arg) in a new thread; run must not return but call octo_thread_exit(). The former thread of t must be
 * gone (t->tid 0). Returns 0 or -errno. */
int octo_thread_start(struct octo_thread *t, void (*run)(void *), void *arg);

/*
 * clone(2): run(arg) begins on that stack (its upper end, 16-aligned) with a null return address, where unwinders stop,
 * and must not return. Returns the TID, or -errno. tid, tp: for the flags that ask for them.
 */
long octo_thread_clone(unsigned long flags, char *stack, _Atomic uint32_t *tid, void *tp, void (*run)(void *),
                       void *arg);

/* Ends the calling thread; does not return. (Not declared so: a sanitizer would then tidy up a stack that it does
 * not know.) */
void octo_thread_exit(void);

/*
 * Gives the calling thread a descriptor table of its own with nothing in it, or only what was the service's stderr where the
 * kernel has no pidfd_getfd (before 5.6, some sandboxes) to fetch it later. Returns 0; 1: with stderr; -errno: it must
 * not open or close anything, for every number is the service's.
 */
int octo_thread_own_descriptors(void);

/* Waits until the kernel knows the thread no more, at most timeout_ns. Returns whether it does not. Only then are its
 * credentials out of the process's lists, and its share in root and working directory given up. Any thread but it. */
bool octo_thread_wait(struct octo_thread *t, uint64_t timeout_ns);

#endif
