/*
 * What the programs in the kernel and octoprobe have between them: see probe.bpf.c.
 */
#ifndef OCTO_BPF_PROBE_H
#define OCTO_BPF_PROBE_H

#include "histogram.h"

enum {
    OCTO_PIDS = 1 << 22,   /* more than there can be */
    OCTO_KEYS = 4096,      /* of process and call */
    OCTO_PROCESSES = 4096, /* that are alive, or not read since */
    OCTO_CGROUPS = 8,
    OCTO_NAMES = 8,
    OCTO_NAME_MAX = 16,        /* of a thread, as the kernel has it */
    OCTO_SLOW_BYTES = 1 << 18, /* of the ring: a power of two */
};

/* A process is known by a serial number, since PIDs come back. 0: of no process that there was room for. */
struct octo_call_key {
    unsigned serial;
    unsigned short nr;    /* of the call; OCTO_NR_MAX if it is none */
    unsigned short flags; /* OCTO_CALL_COMPAT */
};

enum { OCTO_CALL_COMPAT = 1, OCTO_CALL_LONGER = 2, OCTO_NR_MAX = 0xffff };

/* Of a key, on one processor. How many calls there were is the sum of the slots. */
struct octo_calls {
    unsigned long long sum_ns;
    unsigned long long max_ns;
    unsigned long long failed, interrupted;
    unsigned slot[OCTO_SLOTS];
};

struct octo_process {
    unsigned pid;                  /* tgid */
    unsigned parent;               /* its serial, or 0 */
    unsigned long long started_ns; /* CLOCK_BOOTTIME */
    unsigned long long ended_ns;   /* CLOCK_MONOTONIC; 0: it is alive. What it has counted is final then */
    char name[OCTO_NAME_MAX];
};

/* What a thread is in. In the thread's own storage. */
struct octo_in_flight {
    unsigned long long begun_ns; /* CLOCK_MONOTONIC; 0: in none */
    unsigned serial;             /* of its process; 0: not looked up yet */
    unsigned short nr, flags;
};

/* The same, of a thread, as the iterator gives it. */
struct octo_blocked {
    unsigned pid, tid;
    unsigned short nr, flags; /* OCTO_CALL_LONGER: it was in it when the programs came */
    unsigned long long ns;    /* how long already, or since then */
    char name[OCTO_NAME_MAX];
};

/* What could not be counted. */
enum octo_lost {
    OCTO_LOST_KEYS,      /* calls: no room for their key; they are counted without their process */
    OCTO_LOST_CALLS,     /* calls: no room at all */
    OCTO_LOST_PROCESSES, /* processes that were not followed */
    OCTO_LOST_SLOW,      /* slow calls: the ring was full */
    OCTO_LOST_KINDS
};

#endif
