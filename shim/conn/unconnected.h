/*
 * Connections that the service could not make: client.request.failed without a request.
 *
 * A name may have several addresses, of which the first do not answer: `localhost` is ::1 before it is 127.0.0.1, and a container
 * has no way to IPv6. So a failure over IPv6 is kept back until the thread has gone on: if it tries the same port over
 * IPv4 next, that try's outcome is the one that counts. What is no HTTP by its port, or was only a look whether a Unix socket is there,
 * is not told.
 *
 * For: conn.c, client.c. Context: any thread, signal-safe; never waits.
 */
#ifndef OCTO_CONN_UNCONNECTED_H
#define OCTO_CONN_UNCONNECTED_H

#include "conn/conn.h"

/* This thread's call of connect() for that address has failed, error being the errno value. */
void octo_unconnected(const struct sockaddr *address, socklen_t len, int error);

/* conn, a link, was being made and has failed. */
void octo_unconnected_link(const struct octo_conn *conn, enum octo_failure failure);

/* This thread tries to connect to that address next. */
void octo_unconnected_tries(const struct sockaddr *address);

/* This thread goes on with something else; or time has passed. Tells what was kept back. */
void octo_unconnected_goes_on(void);

#endif
