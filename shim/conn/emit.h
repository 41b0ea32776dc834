/*
 * Emit: turn what happened into a record in this process's ring.
 *
 * For: conn/. Any thread, signal-safe; never waits: a full ring drops the record and counts it. The levels
 * that the settings leave out are not even written.
 */
#ifndef OCTO_CONN_EMIT_H
#define OCTO_CONN_EMIT_H

#include "conn/conn.h"

/* request.started, .completed, .aborted. now_ns: when, monotonic. bytes_out: of the response so far. The two
 * that end a request start the writer, if need be, and wake it. */
void octo_emit_started(const struct octo_conn *conn, const struct octo_exchange *x);
void octo_emit_ended(const struct octo_conn *conn, const struct octo_exchange *x, uint64_t now_ns,
                     uint64_t bytes_in, uint64_t bytes_out, bool completed, enum octo_abort_reason reason);

/* connection.opened, connection.closed */
void octo_emit_connection(const struct octo_conn *conn, bool opened, uint64_t now_ns);

/* service.started (argv0), service.stopped (exit_code) */
void octo_emit_service(bool started, const char *argv0, int exit_code);

/* Claims this process's ring now: later it may be too late. */
void octo_emit_prepare(void);

/* A stream became opaque: counted, and said by the writer where it is noteworthy. */
void octo_emit_opaque(enum octo_opaque_reason reason);

#endif
