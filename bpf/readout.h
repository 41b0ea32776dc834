/*
 * Readout: what the programs have counted, read out of the kernel and kept, by process and call.
 *
 * Read every second or so: the kernel's counters of slots are 32 bits wide, and what dead processes have counted makes room for
 * others. One thread.
 */
#ifndef OCTO_BPF_READOUT_H
#define OCTO_BPF_READOUT_H

#include <stdbool.h>

#include "session.h"
#include "slots.h"

enum { READOUT_FORMER = 64 };

struct readout_process {
    unsigned serial;
    unsigned pid; /* 0: it stands for processes that have ended, or were not told apart */
    char name[OCTO_NAME_MAX];
    char service[OCTO_JOIN_NAME]; /* as a preloaded process says; "": it is none */
    bool ended;                   /* and all that it counted is here */
};

/* A call of a process, on all processors. */
struct readout_entry {
    struct octo_call_key key;
    const struct readout_process *process;
    struct octo_tally all;   /* since the start */
    struct octo_tally shown; /* of them, those that readout_shown() has seen */
};

/* The kernel's, when they were last read. */
struct readout_counters {
    struct octo_call_key key;
    struct readout_entry *entry; /* what they are part of */
    struct octo_calls raw;
};

struct readout {
    struct session *session;
    void *counters, *entries, *processes;          /* trees, of tsearch(3) */
    unsigned known, counted;                       /* processes and keys that the kernel has */
    uint64_t keys, changes;                        /* of the session, when its maps were last gone through */
    struct readout_process former[READOUT_FORMER]; /* by name; the first takes all others */
    unsigned formers;
    void *keys_read, *values; /* room for a batch */
    unsigned room;
};

void readout_begin(struct readout *r, struct session *session);
/* Reads what there is. Returns 0 or -errno. */
int readout_update(struct readout *r);
/* Processes with that serial number are of that service. */
void readout_serve(struct readout *r, unsigned serial, const char *service);
/* Of a serial number; "": none is known. */
const char *readout_service(const struct readout *r, unsigned serial);
/* Each entry, in the order of process and number of the call. */
void readout_each(const struct readout *r, void (*each)(const struct readout_entry *e, void *arg), void *arg);
/* What there is has been shown: the next interval begins. What processes that have ended had counted goes on under their name. */
void readout_shown(struct readout *r);
void readout_end(struct readout *r);

#endif
