/*
 * What the editors tell (proto/edit.h), by who made the connection: server.c where a client did, client.c where the service
 * did itself. The roles are exchanged, the bytes and the queue are the same:
 *
 *                     in                       out
 *      server.c       requests, edited         responses, edited
 *      client.c       responses, watched       requests, edited
 *
 * Private to shim/conn.
 */
#ifndef OCTO_CONN_OPS_H
#define OCTO_CONN_OPS_H

#include "conn/conn.h"

/* owner is the struct octo_conn. */
extern const struct octo_edit_ops octo_server_in_ops, octo_server_out_ops;
extern const struct octo_edit_ops octo_client_in_ops, octo_client_out_ops;

/* Ends all outstanding exchanges of a connection that is over, which nobody is in. */
void octo_server_settle(struct octo_conn *conn, enum octo_abort_reason otherwise);

#endif
