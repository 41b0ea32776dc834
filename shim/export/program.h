/*
 * Starting a program of ours, which is in the library's directory, beside a service that is not to notice.
 *
 *      thread ──clone──> go-between ──clone──> program          and the go-between ends: the program is init's
 *      thread ──clone──> go-between ──clone──> program          and the go-between talks with it, over a socket,
 *        waits            talks, waits for its end              while the thread waits for the go-between
 *
 * A program's end is told to its parent by SIGCHLD, whatever it was cloned with: execve sees to that. So it is never the service's child. The
 * go-between never executes anything: its end is told by nothing, and wait(2) without __WALL does not see it.
 *
 * The clones share our memory, and the cloner waits, as with vfork: a copy of the service's page tables may take long. (Under valgrind they are forks.)
 *
 * For: attendant.c, helper.c, stack.c. Context: a thread of ours with a descriptor table of its own, unless said otherwise. No libc but what needs no
 * thread-local storage.
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
};

struct octo_program {
    const char *library; /* path of liboctoshim.so, absolute */
    const char *name;
    char *const *environment; /* all of it; a NULL ends it */
};

/* What the clones run on, and have between them. One program at a time. */
struct octo_program_memory {
    const struct octo_program *program;
    struct octo_program_descriptor descriptor[OCTO_PROGRAM_DESCRIPTORS]; /* it has no others */
    long (*prepare)(struct octo_program_memory *);
    bool (*converse)(void *arg, int socket);
    void *arg;
    int error; /* 0, -errno */
    char path[OCTO_PATH_MAX + 16];
    char talker[16 << 10] __attribute__((aligned(64)));
    char starter[4 << 10] __attribute__((aligned(64)));
};

/* Starts it to live on by itself, in a session of its own. Returns 0, or -errno: of what stood in the way, last of all its execution. */
int octo_program_start(struct octo_program_memory *memory, const struct octo_program *program,
                       const struct octo_program_descriptor descriptor[OCTO_PROGRAM_DESCRIPTORS]);

/*
 * The same from any thread: prepare(memory) is called in the go-between, which has copies of the thread's descriptors and every signal blocked, and
 * sets memory->descriptor, where all the others are from -1. Returns what it has returned, at least 0, or -errno: its own, or as above.
 */
int octo_program_start_prepared(struct octo_program_memory *memory, const struct octo_program *program,
                                long (*prepare)(struct octo_program_memory *memory));

/*
 * Calls what(arg) in a go-between, from any thread, and waits: whatever it does to descriptors, the service's stay as they are. It must not block.
 */
void octo_program_apart(void (*what)(void *arg), void *arg);

/*
 * Starts it with a stream socket as its descriptor `to`, calls converse(arg, the other end) in the go-between, and waits for the program's end: true,
 * it is about to end by itself; false, it is killed. Returns as above.
 */
int octo_program_ask(struct octo_program_memory *memory, const struct octo_program *program, int to,
                     bool (*converse)(void *arg, int socket), void *arg);

#endif
