/*
 * Emit: turn what happened into a record in this process's ring.
 *
 * For: conn/. Any thread, signal-safe; never waits: a full ring drops the record and counts it. The levels
 * that the settings leave out are not even written.
 */
#ifndef OCTO_CONN_EMIT_H
#define OCTO_CONN_EMIT_H

#include "conn/conn.h"

/* request.started */
void octo_emit_started(const struct octo_conn *conn, const struct octo_exchange *x);

/* request.completed or .aborted; starts the writer, if need be, and wakes it. */
void octo_emit_ended(const struct octo_conn *conn, struct octo_exchange *x, const struct octo_ending *ending);

/* The call that is about to be made may end the request like this: written if the process is killed in it. Then comes
 * octo_emit_ended(), or octo_emit_forgo() if it did not. */
void octo_emit_intend(const struct octo_conn *conn, struct octo_exchange *x, const struct octo_ending *ending);
void octo_emit_forgo(struct octo_exchange *x);

/* client.request.started; client.request.completed or .failed. */
void octo_emit_client_started(const struct octo_conn *conn, const struct octo_exchange *x);
void octo_emit_client_ended(const struct octo_conn *conn, const struct octo_exchange *x,
                            const struct octo_ending *ending);

/* client.request.failed: there was not even a connection. */
void octo_emit_unconnected(const struct octo_conn *conn, uint64_t since_ns, uint64_t now_ns,
                           enum octo_failure failure);

/* connection.opened, connection.closed */
void octo_emit_connection(const struct octo_conn *conn, bool opened, uint64_t now_ns);

/* service.started (argv0), service.stopped (exit_code) */
void octo_emit_service(bool started, const char *argv0, int exit_code);

/* Claims this process's ring now: later it may be too late. */
void octo_emit_prepare(void);

/* A stream became opaque: counted, and said by the writer where it is noteworthy. */
void octo_emit_opaque(enum octo_opaque_reason reason);

#endif
