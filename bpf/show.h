/*
 * Show: what was read, to people and to programs. One thread.
 */
#ifndef OCTO_BPF_SHOW_H
#define OCTO_BPF_SHOW_H

#include "export/bulk.h"
#include "export/exposition.h"
#include "options.h"
#include "readout.h"

/* Standard output; what cannot be written there ends the program. All show what came since readout_shown(). */

/* A table, largest first. */
void show_table(const struct readout *r, const struct options *o);
/* A JSON object a line, syscall.stats: of each call, or with -P of each process and call. seconds: how long the interval was. */
void show_lines(const struct readout *r, const struct options *o, double seconds);
/* What threads are in just now: as a table, or lines. */
void show_in_flight(const struct readout *r, const struct options *o);
/* A call that took long: as text, or a line. */
void show_slow(const struct octo_slow *s, const struct readout *r, const struct options *o);
/* The same, as a line: syscall.slow. */
void show_slow_line(const struct octo_slow *s, const struct readout *r);
/* One of what threads are in, as a line: syscall.in_flight. */
void show_blocked_line(const struct octo_blocked *b, const struct readout *r);
/* What was printed is out, or the program ends. */
void show_flush(void);
/* What could not be counted, on standard error, once it grows. */
void show_lost(const struct readout *r);

/* All since the start, for Prometheus. subject: the readout. See answer.h. */
void show_metrics(struct octo_bulk *b, void *subject, enum octo_exposition format, uint64_t last_ns);

/* Rows of a table: tallies of one call, or one process. */
struct row {
    unsigned nr, flags;
    const struct readout_process *process; /* NULL: all */
    struct octo_tally tally;
    uint64_t count;
};

struct rows {
    struct row *at;
    unsigned count;
};

/* By call, or by process (calls together), or both; since readout_shown(), or since the start. Without rows in which there is nothing. free() it. */
enum rows_by { ROWS_BY_CALL = 1, ROWS_BY_PROCESS = 2 };
struct rows rows_of(const struct readout *r, unsigned by, bool since_start);

#endif
