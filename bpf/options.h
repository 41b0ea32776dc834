/*
 * Options: what octoprobe is asked for, by its command line. See octoprobe(8).
 */
#ifndef OCTO_BPF_OPTIONS_H
#define OCTO_BPF_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/settings.h"
#include "probe.h"

/* Exit codes. Those above are of sysexits(3). */
enum {
    EXIT_TROUBLE = 1,
    EXIT_USAGE = 2,
    EXIT_NO_TARGET = 66,   /* EX_NOINPUT */
    EXIT_UNAVAILABLE = 69, /* EX_UNAVAILABLE: no BPF here, or not for us */
};

enum { OPTIONS_PIDS = 1024 };

struct options {
    pid_t pid[OPTIONS_PIDS];
    const char *name[OCTO_NAMES], *cgroup[OCTO_CGROUPS];
    char **command; /* to be started; NULL: none */
    unsigned pids, names, cgroups;
    pid_t thread;      /* of all, only this; 0: all */
    bool follow;       /* children, too */
    bool failures;     /* only calls that fail */
    int error;         /* only those that fail with this; 0: any */
    bool latency;      /* how long calls take, too */
    bool milliseconds; /* not microseconds */
    bool by_process;   /* by process, not by call */
    bool histograms;   /* all of how long they take */
    uint64_t slow_ns;  /* calls that take as long are told of one by one; 0: none */
    bool in_flight;    /* what is blocked in what, just now */
    bool screen;       /* refresh it */
    bool json;         /* a line an object, not tables */
    bool check, verbose;
    unsigned rows;                     /* of a table; at most */
    uint64_t interval_ns, duration_ns; /* 0: at the end; until told, or nobody is left */
    struct octo_listen listen;         /* for Prometheus */
    const char *join;                  /* where preloaded services ask: "@name", "/path", "off" */
    bool join_wanted;                  /* it was given */
};

/* Reads the command line. What only says something is done here: --help, --version, -l. Does not return then, nor after
 * a mistake, which it tells. */
void options_read(struct options *o, int argc, char **argv);

#endif
