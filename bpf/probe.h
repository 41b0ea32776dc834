/*
 * What the programs in the kernel and octoprobe have between them: see probe.bpf.c.
 */
#ifndef OCTO_BPF_PROBE_H
#define OCTO_BPF_PROBE_H

#include "histogram.h"
#include "octoshim/seat.h"

enum {
    OCTO_PIDS = 1 << 22,     /* more than there can be */
    OCTO_KEYS = 32768,       /* of process, call and processor */
    OCTO_KEYS_BEFORE = 8192, /* the same on Linux before 6.1, where room for all of them is taken at the start */
    OCTO_PROCESSES = 16384,  /* that are alive, or not read since */
    OCTO_GROUPS = 1024,      /* names of processes */
    OCTO_CGROUPS = 8,
    OCTO_NAMES = 8,
    OCTO_NAME_MAX = 16, /* of a thread, as the kernel has it */
    OCTO_NUMBERS = 512, /* of calls that can be told of one by one */
    OCTO_SLOW_BYTES = 1 << 19,
    OCTO_JOINS = 64,       /* preloaded processes with seats at a time */
    OCTO_REQUEST_ID = 128, /* bytes of the longest */
};

/* A serial number stands for a process, since PIDs come back; or, if they are not to be told apart, for all of one name. 0: for those
 * that there was no room for. */
struct octo_call_key {
    unsigned serial;
    unsigned processor;   /* each has its own counters; 0 in octoprobe, where they are together */
    unsigned short nr;    /* of the call; OCTO_NR_MAX if it is none */
    unsigned short flags; /* OCTO_CALL_COMPAT */
};

enum { OCTO_CALL_COMPAT = 1, OCTO_CALL_LONGER = 2, OCTO_NR_MAX = 0xffff };

/* Of a key. How many calls there were is the sum of the slots. */
struct octo_calls {
    unsigned long long sum_ns;
    unsigned long long max_ns;
    unsigned long long failed, interrupted;
    unsigned slot[OCTO_SLOTS];
};

struct octo_process {
    unsigned pid;   /* tgid; 0: all of that name */
    unsigned ended; /* what it has counted is final */
    char name[OCTO_NAME_MAX];
};

/* What a thread is in. In the thread's own storage. */
struct octo_in_flight {
    unsigned long long begun_ns; /* CLOCK_MONOTONIC; 0: in none */
    unsigned serial;             /* of its process; 0: not looked up yet */
    unsigned short nr, flags;
    unsigned joins_seen; /* `joins` when its process was last looked up */
    unsigned taken_seen; /* how often a seat had been taken when its own was last looked for */
    unsigned char map;   /* of its process' seats, 1 to OCTO_JOINS; 0: none */
    unsigned char seat;  /* its own; 0: none */
};

/* A preloaded process that has asked for seats. */
struct octo_joined_process {
    unsigned map;             /* 1 to OCTO_JOINS; 0: there was none left */
    unsigned serial;          /* under which it is counted */
    long long context_offset; /* of the pointer to what a thread is on, from the thread pointer */
};

/* The same, of a thread, as the iterator gives it. */
struct octo_blocked {
    unsigned pid, tid, serial;
    unsigned short nr, flags; /* OCTO_CALL_LONGER: it was in it when the programs came */
    unsigned long long ns;    /* how long already, or since then */
    char name[OCTO_NAME_MAX];
};

/* A call that took long, as the ring has it. */
struct octo_slow {
    unsigned long long ended_ns; /* CLOCK_MONOTONIC */
    unsigned long long ns;
    long long returned; /* -errno */
    unsigned pid, tid, serial;
    unsigned nr;
    char name[OCTO_NAME_MAX]; /* of the thread */
    unsigned id_len;          /* of the request that the thread was on; 0: none is known */
    char id[OCTO_REQUEST_ID];
};

/* What could not be counted. */
enum octo_lost {
    OCTO_LOST_CALLS,     /* calls: no room for a key of their process and kind */
    OCTO_LOST_PROCESSES, /* processes: no room; their calls are nobody's */
    OCTO_LOST_SLOW,      /* slow calls: no room in the ring */
    OCTO_LOST_KINDS
};

#endif
