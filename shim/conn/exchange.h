/*
 * An exchange: one request, its response, and what is known of both.
 *
 * Made when a request's first byte passes, queued on its connection when its head does, ended by the last byte of the response.
 * Freed when request and response are both over. Who asks and who answers depends on the connection: server.c, client.c.
 */
#ifndef OCTO_CONN_EXCHANGE_H
#define OCTO_CONN_EXCHANGE_H

#include "octoshim/record.h"
#include "proto/framer.h"
#include "proto/request_id.h"

#include <stddef.h>

struct octo_conn;

enum {
    OCTO_BLOCK_LINES = OCTO_ID_LINE_MAX + OCTO_TRACEPARENT_LINE + OCTO_B3_LINE,
    OCTO_BLOCK_MAX = OCTO_BLOCK_LINES + OCTO_TRACESTATE_LINE_MAX,
};

enum { OCTO_PROGRESS_MAX = 4 }; /* gauges by rule that one request counts in while it lasts */

/* What has come to an end. The last two are client.c's: there response and rest of the head may pass in two threads. */
enum octo_exchange_over {
    OCTO_REQUEST_OVER = 1,
    OCTO_RESPONSE_OVER = 2,
    OCTO_HEAD_OVER = 4,
    OCTO_ANSWER_OVER = 8,
};

/* How a request ends. */
struct octo_ending {
    uint64_t now_ns;              /* monotonic */
    uint64_t first_ns;            /* the response's head has passed, 0: it never did */
    uint64_t bytes_in, bytes_out; /* read and written by the service, so far */
    uint16_t status;              /* 0: no response head */
    bool completed;
    uint8_t
        reason; /* if not completed: enum octo_abort_reason; of a request that the service made: enum octo_failure */
};

/* For which inbound request something is done: see context.h. */
struct octo_cause {
    uint64_t number; /* of its exchange; 0: not known */
    uint32_t handle;
    bool certain;
};

/* What those outside read of a request: see thread_context.h. OTEP 4947, "Thread-Local Context Record": packed, in this order. */
struct octo_thread_record {
    uint8_t trace_id[16], span_id[8]; /* as on the wire */
    uint8_t valid, trace_flags;
    uint16_t attributes_size;
    struct {
        uint8_t key, length;
        char value[OCTO_ID_MAX];
    } attribute;
};

struct octo_exchange {
    uint32_t slab_link; /* the slab's while free */
    uint32_t handle;
    /* What other threads may look at, even if it is another exchange by then: see octo_exchange_lasts(). */
    _Atomic uint64_t number; /* of this request in its process, from 1 on; 0: its head has not passed */
    _Atomic uint32_t over;   /* enum octo_exchange_over */
    uint16_t status;         /* of the final response, 0 before its head */
    uint8_t method;          /* enum octo_method */
    uint8_t verb;            /* measure.c's number of the method */
    uint8_t minor;           /* HTTP/1.x */
    bool sampled;            /* request.started was written, and so will be the end */
    bool target_cut;
    uint8_t place;    /* on the board, 0: beyond; inflight.c's */
    bool pipelined;   /* its head was read before the one before it was answered */
    uint8_t line_len; /* bytes in line; 0: the ID is not decided yet */
    uint8_t id_len, method_len, host_len;
    uint16_t target_len;
    uint16_t words_len;           /* bytes of the four */
    uint64_t head_ns;             /* monotonic: the request's head has passed */
    uint64_t first_ns;            /* monotonic: the response's head has; 0 before */
    uint64_t in_start, out_start; /* stream positions of the first bytes */
    uint64_t request_bytes;       /* valid once the request is over */
    uint32_t shown;               /* PID of the process on whose board it is, 0: none; inflight.c's */
    uint32_t counted;             /* measure.c's: where it is in progress */
    struct octo_pending
        *pending;             /* the same: its end, as it will be counted if the present call takes all; or NULL */
    uint64_t rules;           /* those that may apply; rules_request.c's, like the next three */
    uint64_t foreseen;        /* of them: what they count is written down in `pending` */
    struct octo_watch *watch; /* or NULL */
    struct octo_held *held;   /* what it has taken; or NULL. held.c's */
    struct {
        uint32_t counted, share;
    } progress[OCTO_PROGRESS_MAX];
    bool queued;                 /* client.c's, like the next ones */
    bool mute;                   /* not to be told of */
    uint8_t shows;               /* in events: OCTO_RECORD_CERTAIN, _INFERRED, or 0 */
    struct octo_llm *llm;        /* it is a call of a language model; or NULL */
    struct octo_cause cause;     /* the inbound request that it is made for */
    struct octo_ending ending;   /* valid with OCTO_ANSWER_OVER */
    struct octo_record *intent;  /* its end, as it will be if the present call takes all of its bytes; or NULL */
    uint64_t intent_mark;        /* what the ring knows that by */
    struct octo_trace trace;     /* that it belongs to; id 0: none */
    uint16_t block_len;          /* of the lines that go into the request's head */
    uint16_t state_len;          /* of its tracestate, as it is passed on */
    char line[OCTO_ID_LINE_MAX]; /* "X-Request-ID: …\r\n": what goes into the response's head */
    struct octo_thread_record record; /* of a request that is served */
    /* What goes into the request's head; of a client's, its tracestate in the last part. */
    char block[OCTO_BLOCK_MAX];
    union {
        struct octo_head_text text; /* while the head is read: the framer's */
        /* then: ID, method, host, target, one after the other */
        char words[offsetof(struct octo_head_text, traceparent)];
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

/* Decides the exchange's ID once its head is complete: the client's if usable, else a fresh one. */
void octo_exchange_decide_id(struct octo_exchange *x, const struct octo_framer *f);

/* Its ID is id[0..len), len 1 to 128. */
void octo_exchange_set_id(struct octo_exchange *x, const char *id, size_t len);

/* The exchange of that handle: an object that is always there, but may be another exchange by now. NULL: there never was one. */
struct octo_exchange *octo_exchange_at(uint32_t handle);

/*
 * The request's head has passed: takes what f knows of it, and numbers the exchange. Its texts are put one after the other, as a
 * record has them: ID, method, host, target, the last without its query, which is never logged. Whether it is sampled
 * is consistent for all events of a request.
 */
void octo_exchange_head_over(struct octo_exchange *x, const struct octo_framer *f);

/* Marks one half as over; frees the exchange with the second. */
void octo_exchange_half_over(struct octo_exchange *x, enum octo_exchange_over half);

#endif
