/*
 * RESP, redis' protocol: where its messages and their texts begin and end.
 *
 * For: what a service asks redis and is answered (info.h). Understands RESP2 and RESP3 but for streamed types, which
 * servers do not send. Pure; bytes may be cut anywhere. Context: any thread, signal-safe; one caller at a time per reader.
 * Source: redis.io, "Redis serialization protocol specification".
 *
 *      *2 CRLF  $4 CRLF INFO CRLF  $6 CRLF memory CRLF        $128 CRLF # Memory CRLF used_memory:1 CRLF … CRLF
 *      a command: texts 1 and 2                               an answer: text 0
 */
#ifndef OCTO_PROTO_RESP_H
#define OCTO_PROTO_RESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: at the start of a message. */
struct octo_resp {
    uint64_t left;     /* bytes of the present text to come, its CR LF included */
    uint64_t items;    /* elements of the present message to come */
    uint64_t value;    /* of the present line's number */
    uint64_t messages; /* begun so far, but for those that nobody has asked for (push) */
    uint32_t number;   /* of the present text among the message's elements: 1, 2 …; 0: it is the whole message */
    uint8_t type;      /* first byte of the present line; 0: none yet */
    uint8_t digits;    /* of its number, so far */
    bool negative;     /* the number is */
    bool in_text;      /* `left` counts */
    bool bad;          /* this is no RESP: for good */
};

enum octo_resp_event {
    OCTO_RESP_MORE, /* everything is taken */
    OCTO_RESP_TEXT, /* text[0..len): bytes of text r->number, perhaps not all of it */
    OCTO_RESP_END,  /* that text has ended */
    OCTO_RESP_BAD,
};

/* Takes bytes from *at on, until end or the next event. */
enum octo_resp_event octo_resp_next(struct octo_resp *r, const uint8_t **at, const uint8_t *end,
                                    const uint8_t **text, size_t *len);

#endif
