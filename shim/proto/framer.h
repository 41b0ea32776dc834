/*
 * The HTTP/1 framer: where do messages, heads and bodies begin and end in one direction of a stream?
 *
 * For: the editors (edit.h) and conn/. Pure: bytes in, verdict out; no allocation, no clock, no I/O.
 * It accepts only what RFC 9112 plainly allows (law 2). Any doubt makes the stream opaque for good,
 * and `reason` says why. The state is 72 bytes and may be copied: an editor plans on a copy and keeps
 * or drops it.
 *
 *      GET /a HTTP/1.1 CRLF  Host: b CRLF   CRLF   body…          next message…
 *      `------------ head ---------------´ ^      `--´ ^
 *                                OCTO_AT_BLANK        OCTO_AT_END
 *
 * Context: any thread, signal-safe; one caller at a time per framer.
 * Source: RFC 9112 sections 2 to 7, RFC 9110 sections 5.5, 5.6.2, 6.4.1, 9.3.2, 9.3.6, 15.
 */
#ifndef OCTO_PROTO_FRAMER_H
#define OCTO_PROTO_FRAMER_H

#include "trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum octo_role {
    OCTO_REQUEST,  /* the stream carries requests */
    OCTO_RESPONSE, /* the stream carries responses */
};

/* What octo_framer_feed() stopped at. */
enum octo_verdict {
    OCTO_MORE,     /* all bytes consumed, nothing to report */
    OCTO_AT_BLANK, /* before the CR of the blank line that ends a head; feed on to go past it */
    OCTO_AT_END,   /* after the last byte of a message */
    OCTO_IS_OPAQUE /* this stream is not, or no longer, HTTP/1 that we dare to frame */
};

/* The method of the request that a response answers; it decides the framing of the response. */
enum octo_method {
    OCTO_METHOD_OTHER,
    OCTO_METHOD_HEAD,
    OCTO_METHOD_CONNECT,
};

/* What a head says of its X-Request-ID. Only where it is ABSENT may one be inserted. */
enum octo_id_state {
    OCTO_ID_ABSENT,
    OCTO_ID_USABLE,   /* 1 to 128 characters of the contract's set; several headers all the same */
    OCTO_ID_UNUSABLE, /* present, but empty, too long, of other characters, contradictory, or repeated
                       * where `text` is NULL; or absent, but named by Connection (hop-by-hop: an inserted
                       * one would be taken away by the next proxy) */
};

/* Why a stream became opaque. Kept in step with octo_opaque_reason_name(). */
enum octo_opaque_reason {
    OCTO_OPAQUE_NONE,
    OCTO_OPAQUE_NOT_HTTP,    /* the first bytes are no HTTP/1 start line (TLS, redis, HTTP/2 preface) */
    OCTO_OPAQUE_START_LINE,  /* a malformed request or status line, HTTP/0.9, an unknown version */
    OCTO_OPAQUE_HEADER,      /* a malformed field line: bare LF or CR, fold, space before colon, control */
    OCTO_OPAQUE_LENGTH,      /* Content-Length repeated, signed, too large, with TE; 1xx or 204 with a body */
    OCTO_OPAQUE_CODING,      /* a Transfer-Encoding other than exactly one `chunked` on HTTP/1.1 */
    OCTO_OPAQUE_CHUNK,       /* a malformed chunk size, extension, chunk end or trailer */
    OCTO_OPAQUE_TOO_LARGE,   /* a head over 64 KiB or 256 field lines */
    OCTO_OPAQUE_UPGRADED,    /* 101, or 2xx to CONNECT: another protocol from here on (no fault) */
    OCTO_OPAQUE_UNSOLICITED, /* a response where no request is outstanding */
    OCTO_OPAQUE_PIPELINE,    /* more than 64 requests outstanding */
    OCTO_OPAQUE_CALL,        /* a call that cannot be framed: MSG_OOB, MSG_TRUNC, splice in a head, stdio … */
    OCTO_OPAQUE_CONCURRENT,  /* two threads in one direction of one connection at once */
    OCTO_OPAQUE_SHARED,      /* handed to another process (SCM_RIGHTS) */
    OCTO_OPAQUE_MEMORY,      /* no memory for the exchange */
    OCTO_OPAQUE_REASONS
};

enum {
    OCTO_METHOD_MAX = 23,      /* bytes of a method kept; longer ones are cut */
    OCTO_TARGET_MAX = 1024,    /* bytes of a request target kept, query included */
    OCTO_HOST_MAX = 255,       /* bytes of a Host kept */
    OCTO_ID_MAX = 128,         /* bytes of the longest usable request ID */
    OCTO_HEAD_MAX = 65536,     /* bytes of the largest head that is framed */
    OCTO_HEAD_LINES_MAX = 256, /* field lines of the largest head that is framed */
    OCTO_REPEATED = 255        /* as a length: several headers, where there must be one */
};

/* Where a framer puts the text of a request head. Valid bytes are counted by the framer's lengths, so
 * that a dropped copy of the framer leaves nothing behind. Not terminated by NUL. */
struct octo_head_text {
    char method[OCTO_METHOD_MAX + 1];
    char id[OCTO_ID_MAX];
    char host[OCTO_HOST_MAX + 1];
    char target[OCTO_TARGET_MAX];
    char traceparent[OCTO_TRACEPARENT_KEPT], b3[OCTO_B3_KEPT], tracestate[OCTO_TRACESTATE_KEPT];
};

struct octo_framer {
    uint64_t left;               /* bytes left of a counted body or chunk; UINT64_MAX: until close */
    struct octo_head_text *text; /* where request text goes; NULL: nowhere. Not owned */
    uint32_t head_bytes;         /* bytes of the present head (or trailer section) so far */
    uint16_t head_lines;
    uint16_t status;                      /* 100 to 999 once the status line is read; 0 before, and for requests */
    uint16_t target_len;                  /* bytes in text->target */
    uint16_t flags;                       /* private to the framer */
    uint8_t method_len, host_len, id_len; /* bytes in text->method, ->host, ->id */
    uint8_t role;                         /* enum octo_role */
    uint8_t phase;                        /* private to the framer, but see octo_framer_at_start() */
    uint8_t method;                       /* request: its own; response: of the request it answers (set it) */
    uint8_t id_state;                     /* enum octo_id_state, final at OCTO_AT_BLANK */
    uint8_t reason;                       /* enum octo_opaque_reason */
    uint8_t minor;                        /* 0 or 1: HTTP/1.x of the present message */
    uint8_t field, pos, kept;             /* private to the framer */
    uint8_t scratch[24];                  /* private to the framer */
    uint8_t traceparent_len, b3_len;      /* requests: bytes in text->traceparent, ->b3; OCTO_REPEATED */
    uint16_t tracestate_len;              /* bytes in text->tracestate, as if there were one header */
    uint32_t spare;
};
_Static_assert(sizeof(struct octo_framer) == 72, "a framer is copied with every plan");

/* Makes a fresh framer for a stream of the given role, at the start of its first message. */
void octo_framer_init(struct octo_framer *f, enum octo_role role);

/* True between messages: not one byte of the next message has been consumed (a tolerated empty line
 * before a request does not count as one). At such a point the caller of a response stream sets
 * `method`, and the caller of a request stream sets `text`. */
bool octo_framer_at_start(const struct octo_framer *f);

/*
 * Consumes bytes of p[0..n) up to the next point of interest and says which (*verdict).
 * Returns the number of bytes consumed, 0 to n. After OCTO_AT_BLANK and OCTO_AT_END call again with
 * the rest. OCTO_AT_BLANK is reported once a head, and as soon as the CR is seen (its LF may follow in a
 * later call). A message without a body ends with its blank line. A CONNECT request does too; if its answer is 2xx
 * what follows it is no HTTP, and the caller makes the stream opaque. OCTO_IS_OPAQUE consumes nothing and
 * is sticky.
 */
size_t octo_framer_feed(struct octo_framer *f, const uint8_t *p, size_t n, enum octo_verdict *verdict);

/* How many of the next bytes are certainly body data that need not be looked at: the rest of a counted
 * body or chunk; UINT64_MAX in a body until close and in an opaque stream; 0 elsewhere. */
uint64_t octo_framer_raw_left(const struct octo_framer *f);

/* True in a body until close. */
bool octo_framer_ends_with_stream(const struct octo_framer *f);

/* True if n bytes more complete the message, whatever they are: the rest of a counted body. */
bool octo_framer_ends_within(const struct octo_framer *f, uint64_t n);

/*
 * Accounts for n body bytes that nobody has looked at (sendfile, splice, a large plain read).
 * n must be <= octo_framer_raw_left(). Returns OCTO_MORE, or OCTO_AT_END if the message ends there.
 */
enum octo_verdict octo_framer_skip(struct octo_framer *f, uint64_t n);

/* The stream has ended (FIN, shutdown). Returns OCTO_AT_END if that ends a body until close, else
 * OCTO_MORE between messages, else OCTO_IS_OPAQUE: the message was cut short. */
enum octo_verdict octo_framer_eof(struct octo_framer *f);

/* Makes the stream opaque for good; the first reason stays. */
void octo_framer_opaque(struct octo_framer *f, enum octo_opaque_reason reason);
static inline bool octo_framer_is_opaque(const struct octo_framer *f)
{
    return f->reason != OCTO_OPAQUE_NONE;
}

/* Of a response whose status line is read: true for a 1xx that the final one still follows. */
static inline bool octo_framer_is_interim(const struct octo_framer *f)
{
    return f->status < 200 && f->status != 101;
}

/* A short lower_case word for events and metrics; static storage. */
const char *octo_opaque_reason_name(enum octo_opaque_reason reason);

#endif
