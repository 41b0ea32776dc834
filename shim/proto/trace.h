/*
 * Trace context: what a head says of the trace that its request belongs to, and the lines that say it to others.
 *
 *      traceparent: 00-<trace: 32 hex>-<sender's span: 16 hex>-<flags: 2 hex>      tracestate: key=value,key=value
 *      b3: <trace: 32 or 16 hex>-<span: 16 hex>-<1, 0 or d>[-<parent: 16 hex>]     b3: 0 | 1 | d
 *
 * Pure; any thread, signal-safe. Numbers are as their hex digits read.
 * Source: W3C Trace Context (Level 2) sections 3.2, 3.3; B3 propagation, "Single Header".
 */
#ifndef OCTO_PROTO_TRACE_H
#define OCTO_PROTO_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OCTO_TRACE_SAMPLED = 1, /* flags: the sender may have recorded it */
    OCTO_TRACE_RANDOM = 2,  /* the low 7 bytes of the trace's ID are random */
};

struct octo_trace {
    uint64_t id[2];  /* both 0: there is none */
    uint64_t span;   /* this request's own */
    uint64_t parent; /* the sender's span; 0: it begins here */
    uint8_t flags;
};

enum {
    OCTO_TRACEPARENT_LINE = 70, /* bytes of each whole line, CRLF included */
    OCTO_B3_LINE = 57,
    OCTO_TRACESTATE_MAX = 512, /* bytes of what is passed on */
    OCTO_TRACESTATE_LINE_MAX = OCTO_TRACESTATE_MAX + 14,
    OCTO_TRACEPARENT_KEPT = 57, /* bytes of a value that decide */
    OCTO_B3_KEPT = 72,
    OCTO_TRACESTATE_KEPT = 1024, /* more is cut, at an entry's end */
};

/* Fills id, parent and flags of *t from the value of a traceparent header. False, and *t as it was: it is not valid. */
bool octo_trace_read(struct octo_trace *t, const char *value, size_t len);

/* The same of a b3 header. One that only says whether to sample names no trace: false. */
bool octo_trace_read_b3(struct octo_trace *t, const char *value, size_t len);

/* True if a trace of this ID is one of the share (0 none .. 1 << 24 all) that is sampled. By the ID's low 7 bytes, so that
 * whoever takes the same share or a larger one takes this one as well (consistent probability sampling). */
bool octo_trace_in_share(const struct octo_trace *t, uint32_t share);

/* Write the header line that makes t->span the sender's. Return its bytes. */
size_t octo_trace_line(char out[OCTO_TRACEPARENT_LINE], const struct octo_trace *t);
size_t octo_trace_line_b3(char out[OCTO_B3_LINE], const struct octo_trace *t);

/*
 * The value of a tracestate header (several of them joined by commas) as it is passed on: empty members left out, at most
 * OCTO_TRACESTATE_MAX bytes, of which whole members are left out from the end. 0: there is nothing, or it is not valid.
 * cut: the value is not whole.
 */
size_t octo_tracestate_pass(char out[OCTO_TRACESTATE_MAX], const char *value, size_t len, bool cut);

/* Writes the header line of such a value. Returns its bytes. */
size_t octo_tracestate_line(char out[OCTO_TRACESTATE_LINE_MAX], const char *value, size_t len);

#endif
