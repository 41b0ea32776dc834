/*
 * A crash, as it is told: what is known of a process that ends by a signal, in the segment, so that it is written whoever survives.
 *
 *      FREE ─claim─> CLAIMED ─> BEGUN ──told──> TOLD ──written──> FREE
 *                       │         └── its process is over: told for it
 *                       └── who has claimed it was killed at that moment: it stays so until the service is over
 *
 * The state is in the segment's slot of the same number (segment.h), the rest here. For: conn/crash.c, which tells; export/, which
 * adds the stack and writes. Context: any thread, signal-safe.
 */
#ifndef OCTO_EVENT_CRASH_H
#define OCTO_EVENT_CRASH_H

#include "event/board.h"
#include "octoshim/stack.h"

enum octo_crash_state { OCTO_CRASH_FREE, OCTO_CRASH_CLAIMED, OCTO_CRASH_BEGUN, OCTO_CRASH_TOLD };

enum {
    OCTO_CRASH_REQUESTS = 16, /* that are told of by name: the oldest */
    OCTO_CRASH_FRAMES = 4096, /* bytes of JSON */
    OCTO_CRASH_ID = 128,
    OCTO_CRASH_BYTES = 12 << 10, /* whole pages */
};

struct octo_crash {
    uint32_t pid, tid;  /* tid 0: not known */
    int32_t signal;     /* 0: not known */
    int32_t code;       /* si_code */
    uint32_t sender;    /* PID of who sent the signal, 0: nobody */
    uint32_t addressed; /* 1: address is one */
    uint64_t address;   /* si_addr */
    uint64_t mono_ns;   /* when */
    char thread[16];    /* its name, or "" */
    uint64_t number;    /* of the request that the thread was on; 0: none, or not known */
    uint32_t requests;  /* in flight */
    uint32_t listed;    /* of them, below; the oldest first */
    struct octo_board_entry request[OCTO_CRASH_REQUESTS];
    struct octo_stack_reply stack; /* version 0: none was asked for */
    char frames[OCTO_CRASH_FRAMES];
};
_Static_assert(sizeof(struct octo_crash) <= OCTO_CRASH_BYTES, "it fits its room");

/* Of what processes die, as errors_total counts it. OCTO_DEATH(signal, its name) */
#define OCTO_DEATH_SIGNALS(X)                                                                                     \
    X(SIGSEGV, "SIGSEGV")                                                                                         \
    X(SIGBUS, "SIGBUS")                                                                                           \
    X(SIGILL, "SIGILL")                                                                                           \
    X(SIGFPE, "SIGFPE")                                                                                           \
    X(SIGABRT, "SIGABRT")
enum { OCTO_DEATH_KINDS = 6, OCTO_DEATH_SILENT = OCTO_DEATH_KINDS - 1 }; /* the last: nobody knows the signal */

/* The kind of a signal's death, and its name: "killed" is that of the last. */
unsigned octo_death_kind(int signal);
const char *octo_death_name(unsigned kind);

/* Puts down the requests of a board: how many there are, and the oldest; and in any case that of crash->number. */
void octo_crash_list(struct octo_crash *crash, const struct octo_board *board);

#endif
