/*
 * The two forms of a line: what stands around the values. Constant tables, made for copies of fixed length.
 *
 * For: the encoder only.
 *
 *   JSON     {"event": "…", "timestamp": "…", "level": "…", <identity>…, "key": "text", "key": 1}
 *   console  … [level    ] event        [octoshim] key=text key=1 <identity>
 */
#ifndef OCTO_EXPORT_FORM_H
#define OCTO_EXPORT_FORM_H

#include "octoshim/record.h"

#include <stdbool.h>
#include <stdint.h>

/* OCTO_KEY(symbol, name, JSON quote of its value) in the order of a line */
#define OCTO_KEYS(X)                                                                                              \
    X(REQUEST_ID, "request_id", "\"")                                                                             \
    X(TRACE_ID, "trace_id", "\"")                                                                                 \
    X(SPAN_ID, "span_id", "\"")                                                                                   \
    X(CONTEXT, "context", "\"")                                                                                   \
    X(METHOD, "method", "\"")                                                                                     \
    X(PATH, "path", "\"")                                                                                         \
    X(PATH_TRUNCATED, "path_truncated", "")                                                                       \
    X(CLIENT, "client", "\"")                                                                                     \
    X(PEER, "peer", "\"")                                                                                         \
    X(HOST, "host", "\"")                                                                                         \
    X(PROTOCOL, "protocol", "\"")                                                                                 \
    X(STATUS_CODE, "status_code", "")                                                                             \
    X(DURATION_MS, "duration_ms", "")                                                                             \
    X(TTFB_MS, "ttfb_ms", "")                                                                                     \
    X(BYTES_IN, "bytes_in", "")                                                                                   \
    X(BYTES_OUT, "bytes_out", "")                                                                                 \
    X(CPU_MS, "cpu_ms", "")                                                                                       \
    X(RUN_QUEUE_MS, "run_queue_ms", "")                                                                           \
    X(SYSCALLS, "syscalls", "")                                                                                   \
    X(SYSCALL, "syscall", "\"")                                                                                   \
    X(SLOW, "slow", "")                                                                                           \
    X(KILLED, "killed", "")                                                                                       \
    X(REASON, "reason", "\"")                                                                                     \
    X(REASON_TRUNCATED, "reason_truncated", "")                                                                   \
    X(ERROR, "error", "\"")                                                                                       \
    X(ERROR_CODE, "error_code", "\"")                                                                             \
    X(PROVIDER, "provider", "\"")                                                                                 \
    X(MODEL, "model", "\"")                                                                                       \
    X(ANSWER_MODEL, "answer_model", "\"")                                                                         \
    X(OPERATION, "operation", "\"")                                                                               \
    X(STREAMING, "streaming", "")                                                                                 \
    X(FIRST_TOKEN_MS, "time_to_first_token_ms", "")                                                               \
    X(INPUT_TOKENS, "input_tokens", "")                                                                           \
    X(OUTPUT_TOKENS, "output_tokens", "")                                                                         \
    X(COUNT, "count", "")                                                                                         \
    X(ARGV0, "argv0", "\"")                                                                                       \
    X(ARGV0_TRUNCATED, "argv0_truncated", "")                                                                     \
    X(SHIM_VERSION, "shim_version", "\"")                                                                         \
    X(SIGNAL, "signal", "\"")                                                                                     \
    X(SIGNAL_CODE, "signal_code", "\"")                                                                           \
    X(ADDRESS, "address", "\"")                                                                                   \
    X(SENDER_PID, "sender_pid", "")                                                                               \
    X(THREAD_ID, "thread_id", "")                                                                                 \
    X(THREAD_NAME, "thread_name", "\"")                                                                           \
    X(STACK_ID, "stack_id", "\"")                                                                                 \
    X(STACK, "stack", "")                                                                                         \
    X(STACK_TRUNCATED, "stack_truncated", "")                                                                     \
    X(STACK_ERROR, "stack_error", "\"")                                                                           \
    X(REQUESTS_IN_FLIGHT, "requests_in_flight", "")                                                               \
    X(REQUESTS, "requests", "")                                                                                   \
    X(EXIT_CODE, "exit_code", "")                                                                                 \
    X(SERVICE, "service", "\"")                                                                                   \
    X(ENVIRONMENT, "environment", "\"")                                                                           \
    X(VERSION, "version", "\"")                                                                                   \
    X(PID, "pid", "")

enum octo_key {
#define OCTO_KEY_ENUM(symbol, name, quote) OCTO_KEY_##symbol,
    OCTO_KEYS(OCTO_KEY_ENUM)
#undef OCTO_KEY_ENUM
        OCTO_KEYS_TOTAL
};

struct octo_form_key {
    char text[47];
    uint8_t len;
};

struct octo_form_text {
    char text[63];
    uint8_t len;
};

struct octo_form_close {
    char text[7];
    uint8_t len;
};

struct octo_form {
    bool stamp_first; /* console: time, level, event; JSON: event, time, level */
    bool identity_first;
    struct octo_form_text before_stamp;
    struct octo_form_text event[OCTO_EVENT_KINDS];
    struct octo_form_text level[OCTO_LEVELS];
    struct octo_form_key logger;
    struct octo_form_key key[OCTO_KEYS_TOTAL];
    struct octo_form_close text_end, number_end, line_end;
};

extern const struct octo_form octo_form_json, octo_form_console;

#define OCTO_FIXED(literal)                                                                                       \
    {                                                                                                             \
        literal, sizeof(literal) - 1                                                                              \
    }

#endif
