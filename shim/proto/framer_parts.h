/*
 * What the parts of the framer share: phases, flags, and the seams between the files.
 *
 * For: framer.c (dispatch, bodies), head.c (start line and field lines), field.c (the few fields that
 * matter) and nobody else. Everything below works on struct octo_framer and owns nothing.
 */
#ifndef OCTO_PROTO_FRAMER_PARTS_H
#define OCTO_PROTO_FRAMER_PARTS_H

#include "framer.h"

/* Where in a message the next byte stands. The order matters: at_start() and feed() compare. */
enum phase {
    PH_START,       /* before a message */
    PH_START_LF,    /* the LF of an empty line before a request */
    PH_START_AGAIN, /* before a message, the one empty line allowed is used up */

    PH_METHOD, /* head.c from here … */
    PH_TARGET,
    PH_VERSION,
    PH_STATUS, /* "HTTP/1.x NNN" */
    PH_STATUS_SEP,
    PH_REASON,
    PH_LINE_LF, /* the LF of a start line or field line */
    PH_LINE,    /* the first byte of a field line, or the blank line's CR */
    PH_NAME,
    PH_OWS,
    PH_VALUE, /* … to here; trailers (FLAG_TRAILER) pass through the last five again */

    PH_BLANK, /* the blank line's CR, already announced */
    PH_BLANK_LF,
    PH_COUNTED, /* a body with Content-Length */
    PH_UNTIL_CLOSE,
    PH_CHUNK_SIZE,
    PH_CHUNK_BWS, /* blanks between a chunk size and the `;` of its extension */
    PH_CHUNK_EXT,
    PH_CHUNK_LF,
    PH_CHUNK_DATA,
    PH_CHUNK_DATA_CR,
    PH_CHUNK_DATA_LF,
    PH_TRAILER_LF, /* the LF of the blank line that ends the trailers */
    PH_OPAQUE
};

enum {
    FLAG_SEEN = 1,        /* a message has been framed before: what fails now did speak HTTP */
    FLAG_TRAILER = 2,     /* the field lines are trailers */
    FLAG_LENGTH = 4,      /* Content-Length seen; its value is in `left` */
    FLAG_CHUNKED = 8,     /* Transfer-Encoding: chunked seen */
    FLAG_HOST = 16,       /* Host seen: the first one is kept */
    FLAG_ID = 32,         /* X-Request-ID seen */
    FLAG_ID_BAD = 64,     /* … and unusable */
    FLAG_ID_LISTED = 128, /* Connection names X-Request-ID */
    FLAG_OF_HEAD = FLAG_LENGTH | FLAG_CHUNKED | FLAG_HOST | FLAG_ID | FLAG_ID_BAD | FLAG_ID_LISTED
};

/* The fields whose value is looked at. */
enum field {
    FIELD_NONE,
    FIELD_HOST,
    FIELD_CONNECTION,
    FIELD_ID,
    FIELD_LENGTH,
    FIELD_CODING,
    FIELD_TRACEPARENT,
    FIELD_TRACESTATE,
    FIELD_B3,
};

/* head.c: consumes bytes of at[0..end), at < end, in the phases PH_METHOD to PH_VALUE. Returns where it
 * stopped, with *verdict set if that is a point of interest. May leave the framer opaque. */
const uint8_t *octo_head_feed(struct octo_framer *f, const uint8_t *at, const uint8_t *end,
                              enum octo_verdict *verdict);

/* field.c. Each may leave the framer opaque. */
enum field octo_field_find(const uint8_t *name, size_t len);              /* name: tchars only */
void octo_field_begin(struct octo_framer *f, enum field field);           /* its colon has passed */
void octo_field_value(struct octo_framer *f, const uint8_t *p, size_t n); /* a piece of its value */
void octo_field_end(struct octo_framer *f);                               /* its CR is next */
void octo_field_settle(struct octo_framer *f);                            /* the head is complete */

#endif
