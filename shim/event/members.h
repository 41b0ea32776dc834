/*
 * The members: which processes belong to the service now. For the last one out, who says service.stopped.
 *
 * A process joins when it makes the segment; a child is joined by its parent's fork(). One that is killed never
 * leaves, so the list is checked against the kernel when it is asked. A child that has become another program
 * counts while it lives; with more than 256 processes the rest are not listed.
 * Context: any thread, signal-safe.
 */
#ifndef OCTO_EVENT_MEMBERS_H
#define OCTO_EVENT_MEMBERS_H

#include "event/segment.h"

/* Puts pid on the list, if it is not there. */
void octo_segment_join(struct octo_segment *segment, uint32_t pid);

/* Takes pid off the list; true if no other member is alive. */
bool octo_segment_leave(struct octo_segment *segment, uint32_t pid);

#endif
