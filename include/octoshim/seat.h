/*
 * Seats: memory that octoprobe's programs in the kernel and a preloaded process have between them, so that the process knows what the
 * kernel did for each of its requests; and the words with which it is handed over.
 *
 * For: bpf/ (probe.bpf.c adds, join.c hands over), shim/ (export/probe.c asks, conn/held.c reads). Compiled for both sides.
 *
 * A thread that serves takes a seat. From then on each of its system calls is added there as it returns, so that nobody else writes there
 * while the thread reads: no atomics, and no call of the process's own. One map for each process: none can touch another's numbers.
 *
 *      | 0: how often one was taken | seat 1 | … | seat 255 |        a thread's place: from its TID on, OCTO_SEAT_WINDOW at most
 *
 *      shim                                 octoprobe
 *        ── connect, struct octo_join ──────>  whose process? SCM_CREDENTIALS of the kernel's: is it followed?
 *        <── struct octo_joined, the map ────  as SCM_RIGHTS
 *        (the end of the connection is the end of either)
 */
#ifndef OCTOSHIM_SEAT_H
#define OCTOSHIM_SEAT_H

enum {
    OCTO_SEATS = 256,
    OCTO_SEAT_WINDOW = 16,
    OCTO_SEAT_CALLS = 7, /* kinds of calls that are told apart at a time */
    OCTO_JOIN_VERSION = 1,
    OCTO_JOIN_NAME = 128,
};

/* Where the time of a call goes. */
enum octo_seat_class { OCTO_SEAT_OTHER, OCTO_SEAT_FILE, OCTO_SEAT_NET, OCTO_SEAT_WAIT, OCTO_SEAT_CLASSES };

struct octo_seat_call {
    unsigned nr, count;
    unsigned long long ns;
};

struct octo_seat {
    unsigned tid;             /* whose it is; 0: nobody's. Of seat 0: how often one was taken */
    unsigned used;            /* of call */
    unsigned long long count; /* calls */
    unsigned long long ns[OCTO_SEAT_CLASSES];
    unsigned long long
        run_queue_ns; /* that the thread has waited for a processor in all its life, and 1; 0: not known */
    struct octo_seat_call call[OCTO_SEAT_CALLS]; /* those that took longest, roughly */
    /* The process's own, like the zeroes that it begins with: */
    unsigned long long number;          /* of the request that the thread is on */
    unsigned long long run_queue_at_ns; /* run_queue_ns when it began */
    unsigned long long spare;
};
_Static_assert(sizeof(struct octo_seat) == 192, "whole cache lines");

/* A process asks to be joined. SOCK_SEQPACKET, one message. */
struct octo_join {
    unsigned version;
    unsigned spare;
    long long context_offset; /* of otel_thread_ctx_v1 from the thread pointer */
    char service[OCTO_JOIN_NAME];
};

struct octo_joined {
    unsigned version;
    unsigned instance; /* of this octoprobe; never 0 */
    unsigned joined;   /* 1: with the map of seats; 0: the process is not followed, or there are no seats left */
    unsigned spare;
};

#endif
