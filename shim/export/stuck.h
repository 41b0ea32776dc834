/*
 * Stuck requests: each process's writer looks at its own board for requests that are older than OCTOSHIM_SLOW_MS, and tells of each once, while it
 * lasts, with the stack of the thread that is on it: request.slow.
 *
 * Only the process itself may look at its threads, whoever leads. Only with OCTOSHIM_STACKS=slow or all.
 *
 * For: writer.c. Context: the writer thread, leading or not.
 */
#ifndef OCTO_EXPORT_STUCK_H
#define OCTO_EXPORT_STUCK_H

#include "base/settings.h"
#include "event/segment.h"

/* How often to look, 0: never. */
unsigned octo_stuck_every_ms(const struct octo_settings *settings);

/* Looks, if it is time to. */
void octo_stuck_look(const struct octo_settings *settings, struct octo_segment *segment);

/* In a fork child: its requests are others. */
void octo_stuck_forked(void);

#endif
