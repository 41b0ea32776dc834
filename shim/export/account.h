/*
 * The account: what the service's processes use together, from /proc.
 *
 * For: expose. Context: a thread of ours with descriptors of its own; raw system calls. A process that may not be looked
 * at (another user's) is left out. Source: proc(5); the process collectors of Prometheus' client libraries.
 */
#ifndef OCTO_EXPORT_ACCOUNT_H
#define OCTO_EXPORT_ACCOUNT_H

#include "event/segment.h"

struct octo_account {
    unsigned processes; /* alive */
    uint64_t cpu_ms;    /* user and system, of these and of those that are gone */
    uint64_t resident_bytes, virtual_bytes;
    uint64_t open_fds; /* of those whose directory may be read */
    uint64_t max_fds;  /* of one process */
    uint64_t threads;
    uint64_t start_ms; /* since 1970: the oldest process */
};

/* Looks at every member of the segment. keep: may write the processes' times down in it, so that what a dead one had used is
 * not forgotten: the holder of the exposer's lead only. */
void octo_account_take(struct octo_account *a, struct octo_segment *segment, bool keep);

/* True if there is no such process any more, or another one of that number since then (monotonic). */
bool octo_account_is_over(uint32_t pid, uint64_t since_ns);

#endif
