/*
 * Which protocol a connection speaks, told from its first bytes.
 *
 * For: connections that the service makes (conn/link.c). Pure. Context: any thread, signal-safe.
 * Source: PostgreSQL 15 documentation, 55.7 (StartupMessage, SSLRequest, GSSENCRequest, CancelRequest); MySQL
 * Protocol::HandshakeV10; RESP (redis.io, "Redis serialization protocol specification"); RFC 9110 section 9; RFC 9113 section 3.4;
 * RFC 8446 sections 4 and 5.1.
 */
#ifndef OCTO_PROTO_RECOGNISE_H
#define OCTO_PROTO_RECOGNISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum octo_protocol {
    OCTO_PROTOCOL_UNDECIDED, /* more bytes are needed */
    OCTO_PROTOCOL_NONE,      /* none of these */
    OCTO_PROTOCOL_POSTGRESQL,
    OCTO_PROTOCOL_MYSQL,
    OCTO_PROTOCOL_REDIS,
    OCTO_PROTOCOL_HTTP, /* any version */
    OCTO_PROTOCOL_TLS,
    OCTO_PROTOCOLS
};

/* What rules call them; the first two are empty. */
extern const char octo_protocol_names[OCTO_PROTOCOLS][12];

enum { OCTO_RECOGNISE_MAX = 12 }; /* bytes that always decide */

/*
 * first[0..n) are the first bytes of the side that spoke first: the client's, or the server's. Once it has decided, more bytes
 * decide the same. n >= OCTO_RECOGNISE_MAX is never UNDECIDED.
 */
enum octo_protocol octo_recognise(bool client, const uint8_t *first, size_t n);

#endif
