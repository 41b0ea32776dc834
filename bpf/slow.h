/*
 * Calls that took long, told of one by one: the programs put them into a ring, octoprobe takes them out once a second.
 */
#ifndef OCTO_BPF_SLOW_H
#define OCTO_BPF_SLOW_H

#include "readout.h"

struct ring_buffer;

struct slow {
    struct ring_buffer *ring; /* NULL: they are not asked for */
    const struct readout *readout;
    const struct options *o;
};

/* Ends the program if the ring cannot be read. */
void slow_begin(struct slow *slow, const struct session *s, const struct readout *r, const struct options *o);
/* Shows those that have come since the last time. */
void slow_show(struct slow *slow);
void slow_end(struct slow *slow);

#endif
