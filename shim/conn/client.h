/*
 * Requests that the service makes: what conn.c tells of their connection beside bytes. See client.c.
 *
 * Context: whoever has taken the side that is named; signal-safe.
 */
#ifndef OCTO_CONN_CLIENT_H
#define OCTO_CONN_CLIENT_H

#include "conn/conn.h"

/* The in side: the peer has ended its direction. */
void octo_client_saw_eof(struct octo_conn *conn);

/* A call on that side has failed with this errno value. */
void octo_client_saw_error(struct octo_conn *conn, enum octo_side side, int error);

/* What an errno value means for those who await an answer; OCTO_FAILURE_KINDS: nothing, the connection lasts. */
enum octo_failure octo_client_failure(int error);

/* Ends all outstanding exchanges of a connection that is over, which nobody is in. */
void octo_client_settle(struct octo_conn *conn, enum octo_failure otherwise);

#endif
