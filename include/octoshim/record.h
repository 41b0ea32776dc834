/*
 * The record: one event on its way from an application thread to the writer, in shared memory.
 *
 * For: shim/event (rings), shim/conn (fills them), shim/export (drains them), and other readers of a
 * segment. Fixed head, then text; a record is a multiple of 32 bytes and never wraps in its ring.
 *
 *      0        8      12     16                                  142
 *      | commit | size | kind… | times, numbers, peer, lengths    | id | method | host | target | pad |
 *
 * Bytes of text are raw, as they came from the network; who prints them makes them safe.
 */
#ifndef OCTOSHIM_RECORD_H
#define OCTOSHIM_RECORD_H

#include "octoshim/seat.h"

#include <stdint.h>

#define OCTO_RECORD_ALIGN 32u
#define OCTO_RECORD_MAX 4096u /* bytes of the largest record */

/* Names and levels of the events, in contract order. OCTO_EVENT(symbol, name, level of the usual case) */
#define OCTO_EVENTS(X)                                                                                            \
    X(REQUEST_STARTED, "request.started", INFO)                                                                   \
    X(REQUEST_COMPLETED, "request.completed", INFO)                                                               \
    X(REQUEST_ABORTED, "request.aborted", WARNING)                                                                \
    X(REQUEST_SLOW, "request.slow", WARNING)                                                                      \
    X(CLIENT_REQUEST_STARTED, "client.request.started", DEBUG)                                                    \
    X(CLIENT_REQUEST_COMPLETED, "client.request.completed", INFO)                                                 \
    X(CLIENT_REQUEST_FAILED, "client.request.failed", ERROR)                                                      \
    X(LLM_CALL_COMPLETED, "llm.call.completed", INFO)                                                             \
    X(LLM_CALL_FAILED, "llm.call.failed", ERROR)                                                                  \
    X(CONNECTION_OPENED, "connection.opened", DEBUG)                                                              \
    X(CONNECTION_CLOSED, "connection.closed", DEBUG)                                                              \
    X(SERVICE_STARTED, "service.started", INFO)                                                                   \
    X(SERVICE_STOPPED, "service.stopped", INFO)                                                                   \
    X(SERVICE_CRASHED, "service.crashed", CRITICAL)                                                               \
    X(SHIM_DEGRADED, "shim.degraded", WARNING)                                                                    \
    X(SHIM_EVENTS_DROPPED, "shim.events.dropped", WARNING)                                                        \
    X(SHIM_SINK_FAILED, "shim.sink.failed", ERROR)

enum octo_event_kind {
#define OCTO_EVENT_ENUM(symbol, name, level) OCTO_EV_##symbol,
    OCTO_EVENTS(OCTO_EVENT_ENUM)
#undef OCTO_EVENT_ENUM
        OCTO_EVENT_KINDS
};

enum octo_level { OCTO_DEBUG, OCTO_INFO, OCTO_WARNING, OCTO_ERROR, OCTO_CRITICAL, OCTO_LEVELS };

/* Why a request was aborted. */
enum octo_abort_reason {
    OCTO_ABORT_CLIENT_CLOSED,  /* the client ended the connection first */
    OCTO_ABORT_RESET,          /* ECONNRESET or EPIPE */
    OCTO_ABORT_TIMED_OUT,      /* ETIMEDOUT */
    OCTO_ABORT_SERVICE_CLOSED, /* the service closed it with the response unfinished or unwritten */
    OCTO_ABORT_SERVICE_EXITED, /* the process ended with the response unfinished */
    OCTO_ABORT_UNFRAMED,       /* the response could not be framed: its end is not known */
    OCTO_ABORT_REASONS
};

/* Why a request that the service has made failed. OCTO_FAILURE(symbol, name of the errno value, what it means) */
#define OCTO_FAILURES(X)                                                                                          \
    X(REFUSED, "ECONNREFUSED", "connection refused")                                                              \
    X(RESET, "ECONNRESET", "connection reset by the peer")                                                        \
    X(BROKEN, "EPIPE", "the peer had closed the connection")                                                      \
    X(TIMED_OUT, "ETIMEDOUT", "connection timed out")                                                             \
    X(HOST_UNREACHABLE, "EHOSTUNREACH", "no route to the host")                                                   \
    X(HOST_DOWN, "EHOSTDOWN", "host is down")                                                                     \
    X(NET_UNREACHABLE, "ENETUNREACH", "network is unreachable")                                                   \
    X(NET_DOWN, "ENETDOWN", "network is down")                                                                    \
    X(ABORTED, "ECONNABORTED", "connection aborted")                                                              \
    X(CLOSED_EARLY, "ECONNRESET", "closed by the peer before the response was complete")                          \
    X(SERVICE_CLOSED, "ECANCELED", "closed by the service before the response was complete")                      \
    X(SERVICE_EXITED, "ECANCELED", "the process ended before the response was complete")                          \
    X(UNFRAMED, "EPROTO", "the response could not be framed")

enum octo_failure {
#define OCTO_FAILURE_ENUM(symbol, code, text) OCTO_FAILURE_##symbol,
    OCTO_FAILURES(OCTO_FAILURE_ENUM)
#undef OCTO_FAILURE_ENUM
        OCTO_FAILURE_KINDS
};

enum octo_family { OCTO_PEER_UNKNOWN, OCTO_PEER_IPV4, OCTO_PEER_IPV6, OCTO_PEER_UNIX };

enum octo_record_flags {
    OCTO_RECORD_TARGET_CUT = 1, /* the target was longer than what was kept */
    OCTO_RECORD_SLOW = 2,       /* took longer than OCTOSHIM_SLOW_MS */
    OCTO_RECORD_HAS_STATUS = 4,
    OCTO_RECORD_KILLED = 8,    /* its process was killed before the last write had returned to it */
    OCTO_RECORD_CERTAIN = 16,  /* CLIENT_*: the ID is that of the inbound request that caused it, for certain */
    OCTO_RECORD_INFERRED = 32, /* the same, as far as can be told */
    OCTO_RECORD_UNLOGGED = 64, /* there is to be a span of it, but no line */
    OCTO_RECORD_HELD = 128,    /* behind the texts is a struct octo_held_facts */
};

/* What `count` says of the stack of the thread that the record is from. */
enum octo_record_stack {
    OCTO_RECORD_STACK_NONE,
    OCTO_RECORD_STACK_KNOWN,   /* its stack_id */
    OCTO_RECORD_STACK_SAMPLED, /* serial number of a sample in the segment: event/samples.h */
};

#define OCTO_NS_UNKNOWN UINT64_MAX
enum { OCTO_TOP_CALLS = 3 };

/* What a request has taken of the threads that were on it. Behind the texts of REQUEST_*, at any address: copy it. */
struct octo_held_facts {
    uint64_t cpu_ns, run_queue_ns; /* of its thread, from head to end; OCTO_NS_UNKNOWN */
    uint64_t calls; /* system calls, as octoprobe has counted them; 0: it has not, and the following is nothing */
    uint64_t class_ns[OCTO_SEAT_CLASSES];      /* by enum octo_seat_class */
    uint64_t calls_run_queue_ns;               /* or OCTO_NS_UNKNOWN */
    struct octo_seat_call top[OCTO_TOP_CALLS]; /* those that took longest; count 0: no more */
};

/* What a call of a language model asks for. OCTO_LLM_OPERATION(symbol, its name in OpenTelemetry's conventions) */
#define OCTO_LLM_OPERATIONS(X)                                                                                    \
    X(CHAT, "chat")                                                                                               \
    X(TEXT_COMPLETION, "text_completion")                                                                         \
    X(GENERATE_CONTENT, "generate_content")                                                                       \
    X(EMBEDDINGS, "embeddings")

enum octo_llm_operation {
#define OCTO_LLM_OPERATION_ENUM(symbol, name) OCTO_LLM_##symbol,
    OCTO_LLM_OPERATIONS(OCTO_LLM_OPERATION_ENUM)
#undef OCTO_LLM_OPERATION_ENUM
        OCTO_LLM_OPERATION_COUNT
};

#define OCTO_TOKENS_UNKNOWN UINT32_MAX
enum { OCTO_LLM_PROVIDER_MAX = 32, OCTO_LLM_MODEL_MAX = 96 };

/* Behind the texts of LLM_CALL_*, at any address: copy it. Then provider, model, the answer's model. */
struct octo_llm_facts {
    uint64_t
        first_token_ns; /* head of the request delivered .. first event of a stream; 0: no stream, or none came */
    uint32_t input_tokens, output_tokens; /* OCTO_TOKENS_UNKNOWN */
    uint8_t operation;                    /* enum octo_llm_operation */
    uint8_t streams;                      /* 1: the answer was asked for as a stream */
    uint8_t provider_len, model_len,
        answer_model_len; /* model_len 0: not known; answer_model_len 0: the same, or not known */
    uint8_t spare[3];
};

struct octo_record {
    _Atomic uint64_t commit; /* absolute ring position | a mark, 1 once the record is complete; see ring.h */
    uint32_t size;           /* bytes of the whole record, a multiple of OCTO_RECORD_ALIGN */
    uint8_t kind;            /* enum octo_event_kind */
    uint8_t level;           /* enum octo_level */
    uint8_t flags;           /* enum octo_record_flags */
    uint8_t family;          /* enum octo_family */
    uint64_t mono_ns;        /* when it happened, CLOCK_MONOTONIC */
    uint64_t duration_ns;    /* of the request, connection */
    uint64_t ttfb_ns;        /* head of the request delivered .. first byte of the response */
    uint64_t bytes_in; /* bytes of what the service has read, head and body: the request, CLIENT_*: the response */
    uint64_t bytes_out;  /* bytes of what it has written, as it wrote them: the response, CLIENT_*: the request */
    uint64_t count;      /* SHIM_*: how many; else see stack */
    uint64_t request_no; /* number of the request, unique in its process; for joins */
    uint64_t trace[2];   /* that the request belongs to, as its hex digits read; 0: none */
    uint64_t span;       /* of the request; the same */
    uint64_t parent;     /* of who has sent it; 0: it begins here */
    uint32_t pid;        /* process that wrote it */
    uint32_t tid;        /* 0: not known */
    uint16_t
        status; /* HTTP status; exit code of SERVICE_STOPPED; REQUEST_SLOW: 1 + number of the system call that its thread waits in, 0: none */
    uint16_t reason;  /* enum octo_abort_reason, enum octo_failure, enum octo_opaque_reason, or see kind */
    uint8_t peer[16]; /* address: 4 or 16 bytes, network order */
    uint8_t id_len, method_len, host_len, protocol; /* protocol: 0 unknown, 10 HTTP/1.0, 11 HTTP/1.1 */
    uint16_t target_len; /* a path may hold anything; SERVICE_STARTED: argv[0]; SHIM_*: a message */
    uint16_t port;       /* CLIENT_*: of the peer; of a Unix socket: bytes of its path */
    uint8_t trace_flags; /* W3C Trace Context: 1 sampled, 2 random */
    uint8_t stack;       /* enum octo_record_stack */
    char text
        []; /* id, method, host, target, path of a Unix socket, facts of LLM_CALL_* or of who was held, one after the other, no NULs in texts */
};

/* What is behind the texts that all have: facts. */
static inline const char *octo_record_behind(const struct octo_record *r)
{
    return r->text + r->id_len + r->method_len + r->host_len + r->target_len +
           (r->family == OCTO_PEER_UNIX ? r->port : 0);
}

#define OCTO_RECORD_HEAD ((uint32_t) __builtin_offsetof(struct octo_record, text)) /* bytes before text */
#define OCTO_RECORD_TEXT_MAX (OCTO_RECORD_MAX - OCTO_RECORD_HEAD)

#endif
