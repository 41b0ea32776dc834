/*
 * An exchange: one request, its response, and what is known of both. Server side.
 *
 * Made when a request's first byte is read, queued on its connection when the head has been given to the
 * service, ended by the last byte of the response. Freed when request and response are both over.
 */
#ifndef OCTO_CONN_EXCHANGE_H
#define OCTO_CONN_EXCHANGE_H

#include "octoshim/record.h"
#include "proto/framer.h"
#include "proto/request_id.h"

struct octo_conn;

enum { OCTO_PROGRESS_MAX = 4 }; /* gauges by rule that one request counts in while it lasts */

enum octo_exchange_over { OCTO_REQUEST_OVER = 1, OCTO_RESPONSE_OVER = 2 };

struct octo_exchange {
    uint32_t slab_link; /* the slab's while free */
    uint32_t handle;
    _Atomic uint32_t over; /* enum octo_exchange_over */
    uint16_t status;       /* of the final response, 0 before its head */
    uint8_t method;        /* enum octo_method */
    uint8_t verb;          /* measure.c's number of the method */
    uint8_t minor;         /* HTTP/1.x */
    bool sampled;          /* request.started was written, and so will be the end */
    bool target_cut;
    uint8_t line_len; /* bytes in line; 0: the ID is not decided yet */
    uint8_t id_len, method_len, host_len;
    uint16_t target_len;
    uint16_t words_len;           /* bytes of the four */
    uint64_t number;              /* of this request in its process */
    uint64_t head_ns;             /* monotonic: request head delivered */
    uint64_t first_ns;            /* monotonic: response head sent; 0 before */
    uint64_t in_start, out_start; /* stream positions of the first bytes */
    uint64_t bytes_in;            /* valid once the request is over */
    uint32_t counted;             /* measure.c's: where it is in progress */
    struct octo_pending
        *pending;             /* the same: its end, as it will be counted if the present call takes all; or NULL */
    uint64_t rules;           /* those that may apply; rules_request.c's, like the next three */
    uint64_t foreseen;        /* of them: what they count is written down in `pending` */
    struct octo_watch *watch; /* or NULL */
    struct {
        uint32_t counted, share;
    } progress[OCTO_PROGRESS_MAX];
    struct octo_record *intent;  /* its end, as it will be if the present call takes all of its bytes; or NULL */
    uint64_t intent_mark;        /* what the ring knows that by */
    char line[OCTO_ID_LINE_MAX]; /* "X-Request-ID: …\r\n": what both editors insert */
    union {
        struct octo_head_text text;                /* while the head is read: the framer's */
        char words[sizeof(struct octo_head_text)]; /* then: ID, method, host, target, one after the other */
    };
};

static inline const char *octo_exchange_id(const struct octo_exchange *x)
{
    return x->line + OCTO_ID_AT;
}

/* Has memory for some exchanges ready. */
void octo_exchange_prepare(void);

/* A fresh exchange, or NULL: no memory. */
struct octo_exchange *octo_exchange_new(void);
void octo_exchange_free(struct octo_exchange *x);

/* Decides the exchange's ID once its head is complete: the client's if usable, else a fresh one. Once. */
void octo_exchange_decide_id(struct octo_exchange *x, const struct octo_framer *f);

/*
 * The request's head has passed: takes what f knows of it, and numbers the exchange. Its texts are put one after the other, as a
 * record has them: ID, method, host, target, the last without its query, which is never logged. Whether it is sampled
 * is consistent for all events of a request.
 */
void octo_exchange_head_over(struct octo_exchange *x, const struct octo_framer *f);

/* Marks one half as over; frees the exchange with the second. */
void octo_exchange_half_over(struct octo_exchange *x, enum octo_exchange_over half);

#endif
