/*
 * Enrichment: the service's own log lines gain what tells which request they were written for (OCTOSHIM_ENRICH_LOGS).
 *
 *      write(1, {"event": "paid"}LF)  ->  {"event": "paid", "request_id": "…", "trace_id": "…", …}LF
 *
 * A call that writes whole lines to standard output or error, on a thread that is certainly on a request, becomes one writev() of
 * the service's bytes and the additions between them; it returns the service's own count. Left as it is: a line that comes
 * in several calls (but for its line feed), or is longer than OCTO_ENRICH_LINE; a call of several buffers, on a descriptor that does not wait (a short write
 * within an addition could not be mended), or one that a pipe takes whole and would not any more (PIPE_BUF).
 *
 * For: hook/out.c. Context: any thread, signal-safe; about 4 KiB of stack.
 */
#ifndef OCTO_CONN_ENRICH_H
#define OCTO_CONN_ENRICH_H

#include "conn/exchange.h"

#include <sys/types.h>
#include <sys/uio.h>

enum {
    OCTO_ENRICH_LINE = 8192, /* bytes of the longest line that is looked at */
    OCTO_ENRICH_LINES = 8,   /* lines of one call that gain something */
    OCTO_ENRICH_TEXT = 2048, /* bytes that one call's lines gain */
};

struct octo_enriched {
    struct iovec v[2 * OCTO_ENRICH_LINES + 1]; /* the service's bytes, an addition, its bytes, … */
    int count;                                 /* 0: the call is to be as it is */
    size_t used;
    char text[OCTO_ENRICH_TEXT];
};

/* Of a call that writes p[0..n) to fd, a log: fills *e. caller: whose code it is, see host.h. */
void octo_enrich(struct octo_enriched *e, int fd, const char *p, size_t n, const void *caller);

/* The call on e->v has returned k, more than 0: how many of them are the service's bytes. *rest: of an addition that is half written. */
size_t octo_enriched_took(const struct octo_enriched *e, size_t k, struct iovec *rest);

/* All that was written to that log, whether it was enriched or not: does a line begin next? */
void octo_enrich_wrote(int fd, const char *last);

/* The settings are read. */
void octo_enrich_wake(void);

#endif
