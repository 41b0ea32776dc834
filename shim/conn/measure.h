/*
 * Measure: what a request counts into. Counters and histograms are exact: added to where the request ends, by the thread
 * that ends it, in shared memory (event/metrics.h).
 *
 * For: conn/. Context: any thread, signal-safe; never waits. The usual request costs a hash of its path, one look into
 * a private table and five additions; a path that is new here is folded and looked up in the segment (some 300 ns).
 */
#ifndef OCTO_CONN_MEASURE_H
#define OCTO_CONN_MEASURE_H

#include "base/settings.h"
#include "conn/emit.h"
#include "conn/measure_cells.h"

/* Makes the families in the service's metrics, or finds those that are there. While the service wakes. complain: takes a
 * line for stderr. */
void octo_measure_wake(struct octo_settings *s, void (*complain)(const char *line));

/* Has what the first request needs. Before system calls become impossible. */
void octo_measure_prepare(void);

/* A request's head was given to the service. */
void octo_measure_started(struct octo_exchange *x);

/* The call that is about to be made may end the request like this; then comes octo_measure_ended(), or
 * octo_measure_forgo() if it did not. */
void octo_measure_intend(struct octo_exchange *x, const struct octo_ending *ending);
void octo_measure_forgo(struct octo_exchange *x);
void octo_measure_ended(struct octo_exchange *x, const struct octo_ending *ending);

/* A request that the service has made was answered, or failed; there was not even a connection for one. */
void octo_measure_client_ended(struct octo_exchange *x, const struct octo_ending *ending);
struct octo_llm_report;

/* A call of a language model is over, besides. */
void octo_measure_llm_ended(const struct octo_exchange *x, const struct octo_llm_report *report);

void octo_measure_unconnected(enum octo_failure failure);

/* One more of a shared gauge in this process. Returns what octo_measure_drop() knows it by; 0: nothing was counted. One less,
 * where it was counted: in this process, or in the one that it was forked from, if that still lives. */
uint32_t octo_measure_rise(uint32_t share);
void octo_measure_drop(uint32_t counted, uint32_t share);

/* A connection is tracked from now on; or not any more (counted: what the first one returned). */
uint32_t octo_measure_opened(void);
void octo_measure_closed(uint32_t counted);

#endif
