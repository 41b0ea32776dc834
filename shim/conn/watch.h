/*
 * The watch: what is asked of one exchange's bytes, header fields and fields of JSON bodies.
 *
 * For: rules_request.c, where a rule may apply, and llm.c; other exchanges have none. It looks at bytes that pass anyway
 * and keeps only what its plan asks for: at most OCTO_RULE_VALUE_MAX bytes of a header field, OCTO_PICK_VALUE_MAX of a JSON
 * value, of the first so many bytes of a body. Bodies that are compressed, or that the kernel moves (sendfile), have no
 * fields.
 *
 * Context: one thread a side at a time; signal-safe. From a slab: never given back.
 */
#ifndef OCTO_CONN_WATCH_H
#define OCTO_CONN_WATCH_H

#include "conn/rules.h"
#include "proto/framer.h"

enum { OCTO_WATCH_LINE = OCTO_RULE_NAME_MAX + OCTO_RULE_VALUE_MAX + 16 };

/* What is asked for. What it points at is not owned, and must outlive the watches. */
struct octo_watch_plan {
    const struct octo_header_name *request_header, *response_header;
    unsigned request_headers, response_headers;
    const struct octo_pick_set *request, *response;
    uint64_t body_limit; /* bytes of a body that are looked at */
    /* Who takes the response's body in the picker's place, its framing removed; NULL: nobody. */
    void (*response_data)(void *arg, const uint8_t *p, size_t n);
};

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
    struct octo_watch_plan plan;
    void *arg; /* of plan->response_data() */
    struct octo_watch_side in, out;
};

/* A fresh one, or NULL: no memory. */
struct octo_watch *octo_watch_new(const struct octo_watch_plan *plan);
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
