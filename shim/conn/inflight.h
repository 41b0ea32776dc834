/*
 * In flight: puts the requests that this process is on upon its board (event/board.h), for whoever has to tell of its end.
 *
 * For: server.c, context.c. Context: whoever has that side of the connection; signal-safe, no system call. About 10 ns a request.
 */
#ifndef OCTO_CONN_INFLIGHT_H
#define OCTO_CONN_INFLIGHT_H

#include "conn/exchange.h"
#include "conn/process.h"

/* The head of x has been read, and it has its number and trace. */
void octo_inflight_begin(struct octo_exchange *x);

/* Its response is over. */
void octo_inflight_end(struct octo_exchange *x);

/* This thread is on x from now on, or is not any more. Only where slow requests have stacks: then it costs a system call. */
void octo_inflight_mark_held(const struct octo_exchange *x, bool held);
static inline void octo_inflight_held(const struct octo_exchange *x, bool held)
{
    if (__builtin_expect(octo_service.settings.stacks & OCTO_STACKS_SLOW, 0))
        octo_inflight_mark_held(x, held);
}

#endif
