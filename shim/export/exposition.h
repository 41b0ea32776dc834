/*
 * The two formats in which metrics are shown. Source: Prometheus text exposition format 0.0.4; OpenMetrics 1.0.0.
 */
#ifndef OCTO_EXPORT_EXPOSITION_H
#define OCTO_EXPORT_EXPOSITION_H

enum octo_exposition {
    OCTO_TEXT,        /* 0.0.4 */
    OCTO_OPENMETRICS, /* 1.0.0, with exemplars */
};

/* The Content-Type of each. */
extern const char *const octo_exposition_type[2]; /* answer.c */

#endif
