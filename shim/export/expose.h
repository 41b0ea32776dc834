/*
 * Expose: a segment's metrics as text for Prometheus.
 *
 * For: the exposer thread, and the command that shows another process's. Context: any thread of ours; only reads the
 * segment. Each value is read once; a counter never goes down from one text to the next.
 * Source: Prometheus text exposition format 0.0.4; OpenMetrics 1.0.0.
 */
#ifndef OCTO_EXPORT_EXPOSE_H
#define OCTO_EXPORT_EXPOSE_H

#include "event/segment.h"
#include "export/account.h"
#include "export/bulk.h"
#include "export/exposition.h"

struct octo_view {
    struct octo_segment *segment;
    enum octo_exposition format;
    const struct octo_account *account; /* process_*; NULL: left out */
    uint64_t scrape_ns;                 /* how long the last one took; 0: not known */
    bool (*over)(uint32_t pid);         /* whose part of a gauge is not counted any more; NULL: nobody's */
};

/* Appends the whole text. b->cut if it did not fit. */
void octo_expose(struct octo_bulk *b, const struct octo_view *view);

#endif
