/*
 * The writer: one thread a process, started at the first finished request; one of a service's writers
 * leads, drains every ring of the segment and writes the events. The others sleep in the kernel until
 * the lead is free.
 *
 * It is made by clone(2), not pthread_create: no malloc, no lock, startable from a signal handler,
 * unknown to libc (which goes on believing in a single-threaded process), with a descriptor table of its
 * own (the service can neither see nor close ours, nor we keep one of its open) and every signal blocked.
 * So it may use raw system calls and this library's own code only: no libc function that touches
 * thread-local storage, locks or the heap. Its files are compiled without stack protector.
 */
#ifndef OCTO_EXPORT_WRITER_H
#define OCTO_EXPORT_WRITER_H

#include "base/settings.h"
#include "event/segment.h"

#include <stdint.h>

/*
 * Starts the writer of this process unless it runs. Any thread, signal-safe, errno kept.
 * settings and segment must stay valid as long as the process lives. After a fork the child has none: the
 * caller resets with octo_writer_forked().
 */
void octo_writer_ensure(const struct octo_settings *settings, struct octo_segment *segment);

/*
 * The same, for a process that is about to lose the right to make more processes and threads: returns when the writer has started what it starts
 * (octoshim-otlp), or leaves that to another that leads; or after timeout_ns.
 */
void octo_writer_settle(const struct octo_settings *settings, struct octo_segment *segment, uint64_t timeout_ns);

/* Wakes the service's leading writer if it sleeps for good or a ring is a quarter full. Any thread, any process,
 * signal-safe. One load when there is nothing to do; one futex call else. */
void octo_writer_ring(struct octo_segment *segment, bool urgent);

/* Wakes it whatever it does. The same. */
void octo_writer_wake(struct octo_segment *segment);

/* Ends this process's writer and waits until it is gone, at most timeout_ns: before setuid, unshare, setns.
 * A later octo_writer_ensure() starts a new one. Any thread. */
void octo_writer_stop(uint64_t timeout_ns);

/* Waits until every ring of the segment is drained, at most timeout_ns. For exit. */
void octo_writer_flush(struct octo_segment *segment, uint64_t timeout_ns);

/* If this process has started octoshim-otlp: ends its writer, which lets that send what it has, and waits until it has tried, at
 * most timeout_ns. For exit, after octo_writer_flush(). */
void octo_writer_end_spans(uint64_t timeout_ns);

/* In a fork child: forgets the parent's writer. */
void octo_writer_forked(void);

#endif
