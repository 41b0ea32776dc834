/*
 * Server-sent events, and JSON lines: where the documents are in a stream.
 *
 * For: llm.c. Pure: bytes in, pieces of documents out; no allocation, nothing kept. The bytes may be cut anywhere.
 *
 *      event: message_start \n                    {"model":"a"} \n
 *      data: {"type":"message_start",  \n   or    {"model":"a","done":true} \n
 *      data: "message":{}}  \n
 *      \n
 *
 * Context: any thread, signal-safe; one caller at a time a stream.
 * Source: WHATWG HTML, "Server-sent events"; a line ends with LF, CR or CR LF. JSON lines: ndjson, one document a line.
 */
#ifndef OCTO_PROTO_SSE_H
#define OCTO_PROTO_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who gets the documents. */
struct octo_sse_ops {
    void (*begin)(void *owner); /* the first byte of a document is about to come */
    void (*data)(void *owner, const uint8_t *p,
                 size_t n);   /* a piece of it; pieces of several data lines are joined by \n */
    void (*end)(void *owner); /* it is whole */
};

/* All zero: a stream of server-sent events at its start; lines: one of JSON lines. */
struct octo_sse {
    bool lines;
    uint8_t phase;   /* private */
    uint8_t matched; /* bytes of "data:" */
    bool open;       /* begin() has been called, and end() has not */
    bool after_cr;   /* an LF would belong to the line end before it */
};

void octo_sse_feed(struct octo_sse *s, const uint8_t *p, size_t n, const struct octo_sse_ops *ops, void *owner);

/* The stream ends. Of server-sent events an event without its empty line does not count; a last JSON line does. */
void octo_sse_end(struct octo_sse *s, const struct octo_sse_ops *ops, void *owner);

#endif
