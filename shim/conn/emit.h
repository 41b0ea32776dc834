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

/* A connection that the service could not make. */
struct octo_unconnected {
    uint64_t since_ns, now_ns; /* monotonic; since_ns 0: it failed at once */
    uint8_t family;            /* enum octo_family */
    uint8_t failure;           /* enum octo_failure */
    uint8_t shows;             /* as in struct octo_exchange */
    uint8_t id_len, path_len;
    uint16_t port;
    uint8_t peer[16];
    char id[OCTO_ID_MAX]; /* of the request that it was for */
    struct octo_trace trace;
    char path[108]; /* of a Unix socket */
};

struct octo_llm_report;

/* llm.call.completed or llm.call.failed: beside the event of the request itself, whose span it has. */
void octo_emit_llm_ended(const struct octo_conn *conn, const struct octo_exchange *x,
                         const struct octo_llm_report *report);

/* client.request.failed: there was not even a connection. */
void octo_emit_unconnected(const struct octo_unconnected *u);

/* connection.opened, connection.closed */
void octo_emit_connection(const struct octo_conn *conn, bool opened, uint64_t now_ns);

/* service.started (argv0), service.stopped (exit_code) */
void octo_emit_service(bool started, const char *argv0, int exit_code);

/* Claims this process's ring now: later it may be too late. */
void octo_emit_prepare(void);

/* A stream became opaque: counted, and said by the writer where it is noteworthy. */
void octo_emit_opaque(enum octo_opaque_reason reason);

#endif
