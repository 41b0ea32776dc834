/*
 * The process context: who this process is, for profilers and probes outside that see its PID only.
 * OpenTelemetry's OTEP 4719; its threadlocal.* attributes are OTEP 4947's, for conn/thread_context.h's records.
 *
 *   | signature | version | payload's size | time | payload's address | payload: a protobuf message | zeroes |
 *
 * One page, which readers find by its name in /proc/<pid>/maps. It says of the service what octoshim-otlp says by
 * default (scripts/otlp/resource.c), but for what readers see themselves: host.name, process.pid.
 *
 * Context: the writer thread, with a descriptor table of its own.
 */
#ifndef OCTO_EXPORT_PROCESS_CONTEXT_H
#define OCTO_EXPORT_PROCESS_CONTEXT_H

#include <stdint.h>

/* The name of attribute 0 in the threads' records, the request's ID: as spans have it (scripts/otlp/span.c). */
#define OCTO_THREAD_CONTEXT_KEY "http.request.header.x-request-id"

/*
 * Publishes it, once a process. Texts of at most 127 bytes; what is empty or not UTF-8, and a version "unknown",
 * is left out. instance: the segment's. Returns 0, or -errno: -EEXIST if there is one already, this library's or
 * another one's, which is left alone; -E2BIG: a text is too long.
 */
int octo_process_context_publish(const char *service, const char *environment, const char *version,
                                 const uint64_t instance[2]);

/* In a fork's child, which does not have the parent's: it may publish its own. Any thread while no writer is. */
void octo_process_context_forked(void);

#endif
