/*
 * Which cells a request counts into: its method, its path as an endpoint (or the host that it asks), its status, as series of
 * two families.
 *
 * For: measure.c. A path seen lately costs a hash and a look into a private table of this process; another one is matched with the
 * settings' patterns or folded, and looked up in the segment. Context: any thread, signal-safe; never waits.
 */
#ifndef OCTO_CONN_MEASURE_CELLS_H
#define OCTO_CONN_MEASURE_CELLS_H

#include "conn/exchange.h"
#include "event/metrics.h"

/* The methods that have a name of their own (RFC 9110 section 9, RFC 5789); strangers may send any, which count as OTHER,
 * number 0. octo_verb() gives a method's number. */
enum { OCTO_VERBS = 10 };
extern const char octo_verbs[OCTO_VERBS][8];
uint8_t octo_verb(const char *method, size_t len);

struct octo_cells {
    uint32_t count, histogram; /* first words; 0: there is no memory, the request is not counted */
};

/* The numbers of the families. Once, while the service wakes. */
void octo_cells_families(unsigned requests, unsigned durations, unsigned client_requests,
                         unsigned client_durations);

/* Checks the patterns of paths, comma separated; takes out what is none and says so. Once, while the service wakes. */
void octo_cells_check_patterns(char *patterns, void (*complain)(const char *line));

/* The cells of a request that was answered with this status. */
struct octo_cells octo_cells_of(struct octo_metrics *m, const struct octo_exchange *x, unsigned status);

/* The same of one that the service has made: its method, the host that it asks, the answer's status. */
struct octo_cells octo_cells_of_client(struct octo_metrics *m, const struct octo_exchange *x, unsigned status);

#endif
