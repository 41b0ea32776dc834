/*
 * How a descriptor becomes a connection: accepted, connected, or found to be one. What hook/ calls is in conn.h (octo_fd_*).
 *
 * Private to shim/conn: what conn.c and origin.c share. Context: any thread, signal-safe.
 */
#ifndef OCTO_CONN_ORIGIN_H
#define OCTO_CONN_ORIGIN_H

#include "conn/conn.h"

/* Of one descriptor, with that peer: one that a client has made, one that the service has. NULL: no memory. conn.c. */
struct octo_conn *octo_conn_new(const struct sockaddr *address);
struct octo_conn *octo_conn_new_link(const struct sockaddr *address, socklen_t len);

/* fd came from elsewhere and is being read from: is it the service's end of a stream connection? origin.c. */
struct octo_conn *octo_conn_adopt(int fd);

#endif
