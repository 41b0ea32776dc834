/*
 * The parts of octoshim-metrics: finding the segment of a process, copying what is needed of it, and judging the copy.
 *
 * The segment is another's, and root may ask for it: whatever stands in it is hostile until shown otherwise. So it is
 * copied first, the copy is judged, and only then anything follows what it says. Nothing is written into the service:
 * the file is opened for reading, and a hole in it is not even filled by our looking at it.
 */
#ifndef OCTO_METRICS_PARTS_H
#define OCTO_METRICS_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "event/segment.h"

/* Where the segment of a process can be read. */
struct source {
    pid_t pid;
    int fd;         /* of its file; -1: it is read from the process's memory */
    uint64_t start; /* where the process has it */
};

/* Whether a process that had a place in the segment since then (monotonic) is over; NULL: that is not known here. */
typedef bool over_fn(uint32_t pid, uint64_t since_ns);

/* One line on stderr about what is in the way, and the end, with 1. */
__attribute__((noreturn, format(printf, 2, 3))) void give_up(pid_t pid, const char *format, ...);

/* Finds the segment of a process, or gives up. */
void source_find(struct source *s, pid_t pid);

/* Reads all of those bytes. False: errno says why; ENODATA: there are not so many. */
bool source_read(const struct source *s, uint64_t offset, void *to, size_t bytes);

/* Gives up, with a reason for errno as source_read() has left it. */
__attribute__((noreturn)) void source_failed(const struct source *s);

/* A copy of what octo_expose(), octo_account_take() and octo_owner_reap() look at, and judged; or gives up. */
struct octo_segment *segment_copy(const struct source *s, over_fn *over);

/* What is wrong with a copy, so that it must not be followed; or NULL. */
const char *segment_flaw(const struct octo_segment *copy);

#endif
