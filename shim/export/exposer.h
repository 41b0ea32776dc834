/*
 * The exposer: the thread that serves the service's metrics to scrapers, where OCTOSHIM_METRICS_LISTEN says so.
 *
 * Like the writer (writer.h) it is a thread that libc does not know, with descriptors of its own. It is not the writer: a
 * process that has served nothing may not open the log, but it can serve the metrics; and no scraper makes an event
 * wait. Of a service's exposers one leads and listens; the others sleep in the kernel until the lead is free.
 */
#ifndef OCTO_EXPORT_EXPOSER_H
#define OCTO_EXPORT_EXPOSER_H

#include "base/settings.h"
#include "event/segment.h"

/* Starts the exposer of this process unless it runs or none is wanted. Any thread, signal-safe, errno kept. settings and
 * segment must stay valid as long as the process lives. */
void octo_exposer_ensure(const struct octo_settings *settings, struct octo_segment *segment);

/* Ends it and waits until it is gone, at most timeout_ns. True if there was one. Any thread. */
bool octo_exposer_stop(uint64_t timeout_ns);

/* In a fork child: forgets the parent's. */
void octo_exposer_forked(void);

#endif
