/*
 * Deaths: the leading writer tells of processes that are gone without a word (SIGKILL), by the requests that they have left on their boards, and
 * finishes what one was telling of its own crash when it was killed. What is told is written by drain.c, with the records.
 *
 * A process that leaves SIGTERM to the kernel may have been stopped like that, which is no crash: without requests in flight nothing
 * is said of its end. For: writer.c. Context: the writer thread, holding the lead.
 */
#ifndef OCTO_EXPORT_DEATHS_H
#define OCTO_EXPORT_DEATHS_H

#include "event/segment.h"

/* Looks for processes that are over, and tells for them. over: all are. */
void octo_deaths_look(struct octo_segment *segment, bool over);

#endif
