/*
 * What a scraper asks for: one HTTP/1 request to the exposer.
 *
 * For: the exposer. Pure; framing is the framer's. Source: RFC 9110 sections 12.4.2, 12.5.1, 12.5.3 (q-values, Accept,
 * Accept-Encoding), 7.6.1 (Connection); OpenMetrics 1.0, "Protocol Negotiation".
 */
#ifndef OCTO_EXPORT_HTTP_REQUEST_H
#define OCTO_EXPORT_HTTP_REQUEST_H

#include "proto/framer.h"

enum {
    OCTO_ASK_HEAD_MAX = 8192, /* bytes of the largest head */
    OCTO_ASK_BODY_MAX = 65536,
};

struct octo_ask {
    struct octo_framer framer;
    struct octo_head_text text;
    size_t used;    /* bytes in bytes[] */
    size_t framed;  /* of them: seen by the framer */
    size_t head;    /* bytes of the head once it is whole; 0 before */
    size_t skipped; /* bytes of the body so far */
    char bytes[OCTO_ASK_HEAD_MAX];
};

enum octo_ask_state {
    OCTO_ASK_MORE,  /* not whole yet */
    OCTO_ASK_WHOLE, /* octo_ask_*() tell what is wanted */
    OCTO_ASK_BAD,   /* no HTTP/1, or too large */
};

/* Makes ready for a first request. */
void octo_ask_begin(struct octo_ask *a);

/* Room for what comes next: at most *room bytes at the returned place, at least 1 while the state is OCTO_ASK_MORE. */
char *octo_ask_room(struct octo_ask *a, size_t *room);

/* n bytes have come there (0: look again at what there is). */
enum octo_ask_state octo_ask_feed(struct octo_ask *a, size_t n);

/* Of a whole request. */
bool octo_ask_is(const struct octo_ask *a, const char *method);   /* case counts */
bool octo_ask_is_for(const struct octo_ask *a, const char *path); /* without its query */
bool octo_ask_wants_openmetrics(const struct octo_ask *a);
bool octo_ask_wants_gzip(const struct octo_ask *a);
bool octo_ask_is_last(const struct octo_ask *a); /* the connection is to be closed after it */

/* Goes on to the next request; what has come of it stays. */
void octo_ask_next(struct octo_ask *a);

#endif
