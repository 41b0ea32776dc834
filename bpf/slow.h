/*
 * Calls that took long, told of one by one: the programs put them into a ring, octoprobe takes them out once a second.
 */
#ifndef OCTO_BPF_SLOW_H
#define OCTO_BPF_SLOW_H

#include "session.h"

struct ring_buffer;

/* NULL: they are not asked for. Ends the program if the ring cannot be read. o lasts as long as what is returned. */
struct ring_buffer *slow_begin(const struct session *s, const struct options *o);
/* Shows those that have come since the last time. */
void slow_show(struct ring_buffer *ring);
void slow_end(struct ring_buffer *ring);

#endif
