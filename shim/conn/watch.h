/*
 * The watch: what rules want to know of one exchange's bytes, header fields and fields of JSON bodies.
 *
 * For: exchange.c, where a rule may apply; a service without such rules has none. It looks at bytes that pass anyway
 * and keeps only what is asked for: at most OCTO_RULE_VALUE_MAX bytes of a header field, OCTO_PICK_VALUE_MAX of a JSON
 * value, of the first octo_rules.body_limit bytes of a body. Bodies that are compressed, or that the kernel moves (sendfile),
 * have no fields.
 *
 * Context: one thread a side at a time; signal-safe. From a slab: never given back.
 */
#ifndef OCTO_CONN_WATCH_H
#define OCTO_CONN_WATCH_H

#include "conn/rules.h"
#include "proto/framer.h"

enum { OCTO_WATCH_LINE = OCTO_RULE_NAME_MAX + OCTO_RULE_VALUE_MAX + 16 };

struct octo_watch_side {
    struct octo_framer framer; /* as of the message's bytes so far, from its blank line on */
    struct octo_pick pick;
    bool in_body;      /* the head is over */
    bool over;         /* nothing more is looked at */
    uint16_t line_len; /* bytes of the present field line, also of those that did not fit */
    uint8_t value_len[OCTO_RULE_HEADERS];
    bool there[OCTO_RULE_HEADERS];
    char value[OCTO_RULE_HEADERS][OCTO_RULE_VALUE_MAX];
    char line[OCTO_WATCH_LINE];
    char texts[OCTO_PICK_PATHS_MAX * OCTO_PICK_VALUE_MAX];
};

struct octo_watch {
    uint32_t slab_link, handle;
    struct octo_watch_side in, out;
};

/* A fresh one, or NULL: no memory. */
struct octo_watch *octo_watch_new(void);
void octo_watch_free(struct octo_watch *w);

/* Has memory for some ready. */
void octo_watch_prepare(void);

/* Bytes of the request's head. */
void octo_watch_request_head(struct octo_watch *w, const uint8_t *p, size_t n);

/* The request's head is over: f is the framer at its blank line. body: a rule looks into the body. */
void octo_watch_request_body(struct octo_watch *w, const struct octo_framer *f, bool body);

/* Bytes of the request from there on; p NULL: unseen. */
void octo_watch_request(struct octo_watch *w, const uint8_t *p, uint64_t n);

/* The response is to be looked at: method as framer->method. */
void octo_watch_response_begin(struct octo_watch *w, uint8_t method, bool body);

/* Bytes of the responses, interim ones too; p NULL: unseen. */
void octo_watch_response(struct octo_watch *w, const uint8_t *p, uint64_t n);

#endif
