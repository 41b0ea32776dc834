/*
 * What goes into a request's head: its ID, the trace that it belongs to. The same lines in both directions.
 *
 *      a client's request      the trace that it names goes on, or one begins; a span of its own; the service sees both
 *      a request of its own    the ID and the trace of the request that it is made for, a span of its own; tracestate as it came
 *
 * Only lines that the head lacks. Which formats: OTEL_PROPAGATORS.
 * For: server.c, client.c. Context: who has taken the side of the requests; signal-safe.
 */
#ifndef OCTO_CONN_PROPAGATE_H
#define OCTO_CONN_PROPAGATE_H

#include "conn/exchange.h"

/* What a request hands on to those that are made for it. */
struct octo_origin {
    char id[OCTO_ID_MAX];
    uint8_t id_len;
    struct octo_trace trace;
    uint16_t state_len;
    char state[OCTO_TRACESTATE_MAX];
};

/* x, whose ID is decided, is a client's; f knows its head: decides its trace and the lines. */
void octo_propagate_serve(struct octo_exchange *x, const struct octo_framer *f);

/* x is made by the service, for origin or NULL; inserts: the head may get lines. */
void octo_propagate_ask(struct octo_exchange *x, const struct octo_framer *f, const struct octo_origin *origin,
                        bool inserts);

/* The trace of what the service does for origin: its origin's, with a span of its own. NULL: one that begins here, if spans
 * are exported. */
void octo_propagate_continue(struct octo_trace *t, const struct octo_origin *origin);

/* Takes what x hands on. It may be over, or another one by the time that this returns: the caller looks. */
void octo_propagate_origin(const struct octo_exchange *x, struct octo_origin *origin);

#endif
