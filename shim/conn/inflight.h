/*
 * In flight: puts the requests that this process is on upon its board (event/board.h), for whoever has to tell of its end.
 *
 * For: server.c. Context: whoever has that side of the connection; signal-safe, no system call. About 10 ns a request.
 */
#ifndef OCTO_CONN_INFLIGHT_H
#define OCTO_CONN_INFLIGHT_H

#include "conn/exchange.h"

/* The head of x has been read, and it has its number and trace. */
void octo_inflight_begin(struct octo_exchange *x);

/* Its response is over. */
void octo_inflight_end(struct octo_exchange *x);

#endif
