/*
 * Starting a program of ours, which is in the library's directory, beside a service that is not to notice.
 *
 *      thread ──clone──> program                           its exit signal is none, so that wait(2) without __WALL does not see it
 *      thread ──clone──> go-between ──clone──> program     detached: the go-between ends at once, and the program is init's
 *
 * The clones share our memory until the program is executed (as vfork: a copy of the service's page tables may take long).
 *
 * For: helper.c, stack.c. Context: a thread of ours with a descriptor table of its own. No libc but what needs no thread-local storage.
 */
#ifndef OCTO_EXPORT_PROGRAM_H
#define OCTO_EXPORT_PROGRAM_H

#include <stdbool.h>

/* A descriptor of ours, which the program has as number `to`; from -1: not at all. */
struct octo_program_descriptor {
    int from, to;
};

enum { OCTO_PROGRAM_DESCRIPTORS = 4 };

struct octo_program {
    const char *library; /* path of liboctoshim.so, absolute */
    const char *name;
    char *const *environment;                                            /* all of it; a NULL ends it */
    struct octo_program_descriptor descriptor[OCTO_PROGRAM_DESCRIPTORS]; /* it has no others */
};

/* Returns its PID, or 0 if it is detached, in a session of its own; or -errno: of what stood in the way, last of all its execution. */
long octo_program_start(const struct octo_program *program, bool detached);

/* Ends one that is not detached, whatever it does, and waits for that. */
void octo_program_end(long pid);

#endif
