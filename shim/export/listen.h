/*
 * The socket on which the metrics are served.
 *
 * For: the exposer. Context: a thread with descriptors of its own; raw system calls.
 */
#ifndef OCTO_EXPORT_LISTEN_H
#define OCTO_EXPORT_LISTEN_H

#include "base/settings.h"

/*
 * A listening socket, non-blocking; or -errno. *port: the port wanted where `where` leaves it open (0: any) and, afterwards,
 * the one that it is. A Unix socket's file that nobody listens on any more is replaced; its mode is 0660.
 */
int octo_listen_open(const struct octo_listen *where, uint16_t *port);

/* Closes it, and removes the file of a Unix socket. */
void octo_listen_close(const struct octo_listen *where, int fd);

/* "127.0.0.1:9464", "[::1]:9464", "unix:/path": OCTO_LISTEN_TEXT_MAX bytes with the NUL. */
enum { OCTO_LISTEN_TEXT_MAX = 128 };
void octo_listen_text(const struct octo_listen *where, uint16_t port, char text[OCTO_LISTEN_TEXT_MAX]);

#endif
