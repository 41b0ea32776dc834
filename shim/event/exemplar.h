/*
 * Exemplars: for buckets of histograms, one request each that fell into them, for OpenMetrics.
 *
 * For: conn/ (offers), export/ (shows). A bucket's exemplar is replaced when it is a second old, so that under load almost
 * every offer costs one load. There are fewer places than buckets: two that want the same place take turns.
 * Context: any thread, any process, signal-safe; nobody waits. Source: OpenMetrics 1.0, "Exemplars".
 */
#ifndef OCTO_EVENT_EXEMPLAR_H
#define OCTO_EVENT_EXEMPLAR_H

#include "event/metrics.h"

/* A request with this ID, of characters that need no escaping, gave the bucket at `word` this value (in the family's unit)
 * at now_ns (monotonic). IDs longer than OCTO_EXEMPLAR_ID_MAX are not kept. */
void octo_exemplar_offer(struct octo_metrics *m, uint32_t word, uint64_t value, uint64_t now_ns, const char *id,
                         size_t id_len);

/* A copy of the exemplar of the bucket at `word`. False: there is none. */
bool octo_exemplar_of(const struct octo_metrics *m, uint32_t word, struct octo_exemplar *copy);

#endif
