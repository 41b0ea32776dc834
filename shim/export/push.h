/*
 * Push: the service's metrics on their way to octoshim-otlp, every OTEL_METRIC_EXPORT_INTERVAL and at the end.
 *
 * For: the writer. What goes is the text that a scrape would be answered with, as OpenMetrics: one truth. One that
 * octoshim-otlp has not taken yet is not overtaken; the next time says it all, as values are cumulative.
 *
 * Context: the writer thread, holding the lead.
 */
#ifndef OCTO_EXPORT_PUSH_H
#define OCTO_EXPORT_PUSH_H

#include "base/settings.h"
#include "event/segment.h"
#include "export/bulk.h"
#include "export/spans.h"

struct octo_push {
    uint64_t interval_ns; /* 0: nobody wants metrics */
    uint64_t due_ns;      /* monotonic */
    struct octo_bulk text;
};

/* The first is due an interval from now. Any thread while no writer is. */
void octo_push_init(struct octo_push *p, const struct octo_settings *settings);

/* How long until the next is due, at least 1; 0: never. */
unsigned octo_push_wait_ms(const struct octo_push *p);

/* Hands them over if they are due; now: even if they are not. sink: knows the service's stderr. */
void octo_push(struct octo_push *p, struct octo_spans *spans, struct octo_segment *segment,
               const struct octo_sink *sink, bool now);

/* Gives memory back. */
void octo_push_end(struct octo_push *p);

#endif
