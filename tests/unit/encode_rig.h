/* The encoder under test: records made by hand, the line that each becomes, parsed and kept for the schema's judge. */
#ifndef ENCODE_RIG_H
#define ENCODE_RIG_H

#include "export/encode.h"
#include "export/target.h"

#include "guard.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define IDENTITY                                                                                                  \
    "\"logger\": \"octoshim\", \"service\": \"orders\", \"environment\": \"test\", \"version\": \"1.2\", "        \
    "\"pid\": 42"
#define WHEN "\"timestamp\": \"2025-11-10T10:30:45.123456Z\""
static const int64_t OFFSET_NS = 1762770645000000000;

static struct octo_encoder json, console;
static char line[OCTO_LINE_ROOM];
static struct guard guard;
static FILE *lines; /* every line made here, for the schema */

static inline int set_up(void **state)
{
    (void)state;
    octo_encoder_init(&json, true, "orders", "test", "1.2");
    octo_encoder_init(&console, false, "orders", "test", "1.2");
    guard = guard_new(OCTO_LINE_ROOM);
    lines = tmpfile();
    return lines == NULL;
}

/* n bytes that end where the memory ends. */
static inline char *guard_end(size_t n)
{
    return (char *)guard.end - n;
}

/* The schema's own judge. */
static inline int tear_down(void **state)
{
    char command[128];

    (void)state;
    guard_free(&guard);
    fflush(lines);
    snprintf(command, sizeof command, "node tests/validate.js /proc/%d/fd/%d", getpid(), fileno(lines));
    return system(command) != 0;
}

static inline struct octo_record *record_n(enum octo_event_kind kind, const char *id, size_t id_len,
                                           const char *method, size_t method_len, const char *host,
                                           size_t host_len, const char *target, size_t target_len)
{
    static uint64_t room[(OCTO_RECORD_MAX + 70000) / 8];
    struct octo_record *r = (struct octo_record *)room;
    char *p = r->text;

    memset(r, 0, sizeof *r);
    r->kind = (uint8_t)kind;
    r->level = OCTO_INFO;
    r->mono_ns = 123456789;
    r->pid = 42;
    r->family = OCTO_PEER_IPV4;
    memcpy(r->peer, (uint8_t[]){10, 0, 200, 7}, 4);
    r->duration_ns = 1234567;
    r->ttfb_ns = 999499;
    r->bytes_in = 100;
    r->bytes_out = INT64_MAX;
    r->count = 9;
    r->id_len = (uint8_t)id_len;
    p = octo_put_bytes(p, id, id_len);
    r->method_len = (uint8_t)method_len;
    p = octo_put_bytes(p, method, method_len);
    r->host_len = (uint8_t)host_len;
    p = octo_put_bytes(p, host, host_len);
    r->target_len = (uint16_t)target_len;
    octo_put_bytes(p, target, target_len);
    return r;
}

static inline struct octo_record *record(enum octo_event_kind kind, const char *target)
{
    bool request = kind <= OCTO_EV_LLM_CALL_FAILED;

    return record_n(kind, request ? "req_0123456789abcdef" : "", request ? 20 : 0, "GET", request ? 3 : 0,
                    "shop:8080", request ? 9 : 0, target, strlen(target));
}

/* The same, with facts behind its texts. */
static inline struct octo_record *held_record(enum octo_event_kind kind, const char *id, size_t id_len,
                                              const char *method, size_t method_len, const char *host,
                                              size_t host_len, const char *target, size_t target_len,
                                              const struct octo_held_facts *facts)
{
    struct octo_record *r = record_n(kind, id, id_len, method, method_len, host, host_len, target, target_len);
    char *at = r->text + id_len + method_len + host_len + target_len;

    memcpy(at, facts, sizeof(*facts));
    r->size = (uint32_t)(at + sizeof(*facts) - (char *)r);
    r->flags |= OCTO_RECORD_HELD;
    return r;
}

/* Encodes, checks what holds for every line, and returns it parsed. */
static inline json_t *encode(const struct octo_record *r)
{
    size_t n = octo_encode(&json, r, OFFSET_NS, line);
    json_error_t error;

    assert_true(n > 0 && n <= OCTO_LINE_MAX);
    assert_int_equal(line[n - 1], '\n');
    line[n] = 0;
    for (size_t i = 0; i < n - 1; i++)
        if (line[i] < 0x20 || line[i] >= 0x7f)
            fail_msg("byte %zu: %s", i, line);
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

    if (object == NULL)
        fail_msg("%s: %s", error.text, line);
    fputs(line, lines);
    return object;
}

static inline void expect(const struct octo_record *r, const char *wanted)
{
    json_decref(encode(r));
    assert_string_equal(line, wanted);
}

#endif
