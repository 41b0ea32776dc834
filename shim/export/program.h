/*
 * Starting a program of ours, which is in the library's directory, beside a service that is not to notice.
 *
 *      thread ──clone──> go-between ──clone──> program
 *        └── waits ─────────┘ for the program's end; or, where that is to live on, ends at once, and the program is init's
 *
 * A program's end is told to its parent by SIGCHLD, whatever it was cloned with: execve sees to that. So it is never the service's child. The
 * go-between never executes anything: its end is told by nothing, and wait(2) without __WALL does not see it.
 *
 * The clones share our memory, as vfork: a copy of the service's page tables may take long.
 *
 * For: helper.c, stack.c. Context: a thread of ours with a descriptor table of its own. No libc but what needs no thread-local storage.
 */
#ifndef OCTO_EXPORT_PROGRAM_H
#define OCTO_EXPORT_PROGRAM_H

#include "base/settings.h"

#include <stdbool.h>

/* A descriptor of ours, which the program has as number `to`; from -1: not at all. */
struct octo_program_descriptor {
    int from, to;
};

enum {
    OCTO_PROGRAM_DESCRIPTORS = 4,
    OCTO_PROGRAM_DESCRIPTOR_MAX = 4, /* the highest number that it may have */
    OCTO_PROGRAM_STACK = 4 << 10,
};

struct octo_program {
    const char *library; /* path of liboctoshim.so, absolute */
    const char *name;
    char *const *environment;                                            /* all of it; a NULL ends it */
    struct octo_program_descriptor descriptor[OCTO_PROGRAM_DESCRIPTORS]; /* it has no others */
    bool detached;                                                       /* it lives on, in a session of its own */
};

/* One that runs: the caller's memory until octo_program_end(). */
struct octo_program_run {
    const struct octo_program *program;
    int error;                /* 0, -errno */
    _Atomic uint32_t started; /* a futex: 1: it is executed, or that has failed */
    long go_between, pid;
    char path[OCTO_PATH_MAX + 16];
    char stack[2][OCTO_PROGRAM_STACK] __attribute__((aligned(64)));
};

/* Returns 0, or -errno: of what stood in the way, last of all its execution. Of a detached one, or after an error, nothing is left to end. */
int octo_program_start(struct octo_program_run *run, const struct octo_program *program);

/* Ends one that is not detached: at once, or (gently) when it does so itself, which it is about to do. Waits for that. */
void octo_program_end(struct octo_program_run *run, bool gently);

#endif
