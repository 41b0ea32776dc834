/*
 * Trace context: the values that the W3C's validation suite sends, and what is passed on of them. Inputs stand against a guard page.
 */
#include "guard.h"

#include "proto/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define T "4bf92f3577b34da6a3ce929d0e0e4736"
#define S "00f067aa0ba902b7"

static bool reads(struct octo_trace *t, const char *value)
{
    struct guard g = guard_new(256);
    bool read = octo_trace_read(t, (const char *)guard_tail(&g, value, strlen(value)), strlen(value));

    guard_free(&g);
    return read;
}

static void traceparent(void **state)
{
    static const char *const bad[] = {
        "",
        "00",
        "00-" T "-" S, /* no flags */
        "00-" T "-" S "-",
        "00-" T "-" S "-1",
        "00-" T "-" S "-01-", /* version 00 ends here */
        "00-" T "-" S "-01-what-the-future-will-be-like",
        "00-" T "-" S "-01.",
        "cc-" T "-" S "-01.what-the-future-will-not-be-like", /* no hyphen */
        "ff-" T "-" S "-01",
        "0-" T "-" S "-01",
        ".0-" T "-" S "-01",
        "0A-" T "-" S "-01",
        "00-" T "-" S "-0A",
        "00-" T "-" S "-.0",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" S "-01",
        "00-.bf92f3577b34da6a3ce929d0e0e4736-" S "-01",
        "00-00000000000000000000000000000000-" S "-01",
        "00-" T "-0000000000000000-01",
        "00-" T "-00F067AA0BA902B7-01",
        "00-" T "0-" S "-01",
        "00_" T "-" S "-01",
        "00-" T "_" S "-01",
        "00-" T "-" S "_01",
        "00-" T "-" S "-01 ", /* blanks at the end are the caller's to take off */
    };
    struct octo_trace t = {.span = 7};

    (void)state;
    assert_true(reads(&t, "00-" T "-" S "-01"));
    assert_true(t.id[0] == 0x4bf92f3577b34da6 && t.id[1] == 0xa3ce929d0e0e4736 && t.parent == 0x00f067aa0ba902b7);
    assert_int_equal(t.flags, OCTO_TRACE_SAMPLED);
    assert_int_equal(t.span, 7);
    assert_true(reads(&t, "00-" T "-" S "-00"));
    assert_int_equal(t.flags, 0);
    assert_true(reads(&t, "00-" T "-" S "-ff")); /* of the flags two are known, and go on */
    assert_int_equal(t.flags, OCTO_TRACE_SAMPLED | OCTO_TRACE_RANDOM);
    assert_true(reads(&t, "cc-" T "-" S "-01"));
    assert_true(reads(&t, "cc-" T "-" S "-01-what-the-future-will-be-like"));
    assert_true(reads(&t, "00-" T "-"
                          "0000000000000001-00"));
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct octo_trace before = {{1, 2}, 3, 4, 5}, after = before;

        if (reads(&after, bad[i]))
            fail_msg("taken: %s", bad[i]);
        assert_memory_equal(&before, &after, sizeof(before));
    }
}

static void every_byte_of_traceparent_counts(void **state)
{
    static const char good[] = "00-" T "-" S "-01";

    (void)state;
    for (unsigned at = 0; at < sizeof(good) - 1; at++)
        for (unsigned c = 0; c < 256; c++) {
            char value[sizeof(good)];
            struct octo_trace t;
            bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'), hyphen = at == 2 || at == 35 || at == 52;

            memcpy(value, good, sizeof(good));
            value[at] = (char)c;
            if (octo_trace_read(&t, value, sizeof(good) - 1) != (hyphen ? c == '-' : hex))
                fail_msg("byte %u as 0x%02x", at, c);
        }
}

static void b3(void **state)
{
    static const char *const bad[] = {
        "",
        "0",
        "1",
        "d",
        T,
        T "-",
        T "-" S "-",
        T "-" S "-2",
        T "-" S "-1-",
        T "-" S "-1-" S "0",
        T "-" S "-1_" S,
        "00000000000000000000000000000000-" S "-1",
        T "-0000000000000000-1",
        "a3ce929d0e0e473-" S "-1",
        T "-" S "-1-" S "-",
        "A3CE929D0E0E4736-" S "-1",
    };
    struct octo_trace t;

    (void)state;
    assert_true(octo_trace_read_b3(&t, T "-" S "-1-" S, 32 + 1 + 16 + 2 + 17));
    assert_true(t.id[0] == 0x4bf92f3577b34da6 && t.id[1] == 0xa3ce929d0e0e4736 && t.parent == 0x00f067aa0ba902b7 &&
                t.flags == OCTO_TRACE_SAMPLED);
    assert_true(octo_trace_read_b3(&t, "a3ce929d0e0e4736-" S "-0", 35));
    assert_true(t.id[0] == 0 && t.id[1] == 0xa3ce929d0e0e4736 && t.flags == 0);
    assert_true(octo_trace_read_b3(&t, T "-" S "-d", 51) && t.flags == OCTO_TRACE_SAMPLED);
    assert_true(octo_trace_read_b3(&t, T "-" S, 49) && t.flags == OCTO_TRACE_SAMPLED);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (octo_trace_read_b3(&t, bad[i], strlen(bad[i])))
            fail_msg("taken: %s", bad[i]);
}

/* What is written is what is read. */
static void lines(void **state)
{
    uint64_t x = 88172645463325252u;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        char line[OCTO_TRACEPARENT_LINE], single[OCTO_B3_LINE], want[80];
        struct octo_trace t = {.flags = (uint8_t)(i % 4)}, back = {.span = 0};
        uint64_t *numbers[] = {&t.id[0], &t.id[1], &t.span};

        for (unsigned k = 0; k < 3; k++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            *numbers[k] = i == 0 ? 1 : x;
        }
        assert_int_equal(octo_trace_line(line, &t), sizeof(line));
        sprintf(want, "traceparent: 00-%016lx%016lx-%016lx-%02x\r\n", t.id[0], t.id[1], t.span, t.flags);
        assert_memory_equal(line, want, sizeof(line));
        assert_true(octo_trace_read(&back, line + 13, 55));
        assert_true(back.id[0] == t.id[0] && back.id[1] == t.id[1] && back.parent == t.span &&
                    back.flags == t.flags);
        assert_int_equal(octo_trace_line_b3(single, &t), sizeof(single));
        sprintf(want, "b3: %016lx%016lx-%016lx-%d\r\n", t.id[0], t.id[1], t.span, t.flags & 1);
        assert_memory_equal(single, want, sizeof(single));
        assert_true(octo_trace_read_b3(&back, single + 4, 51) && back.parent == t.span);
    }
}

static void passes(const char *value, bool cut, const char *want)
{
    struct guard g = guard_new(2048);
    char out[OCTO_TRACESTATE_MAX + 1];
    size_t n = octo_tracestate_pass(out, (const char *)guard_tail(&g, value, strlen(value)), strlen(value), cut);

    guard_free(&g);
    out[n] = '\0';
    if (strcmp(out, want) != 0)
        fail_msg("\"%s\" is passed on as \"%s\", wanted \"%s\"", value, out, want);
}

static void tracestate(void **state)
{
    char many[1024] = "", long_one[600], member[32];

    (void)state;
    passes("", false, "");
    passes("foo=1,bar=2", false, "foo=1,bar=2");
    passes("foo=1 \t , \t bar=2, ,,baz=3,", false, "foo=1,bar=2,baz=3");
    passes(" \t foo=1 \t ", false, "foo=1");
    passes("foo=1,foo=1,foo=2", false, "foo=1,foo=1,foo=2"); /* its sender's business */
    passes("foo@=1,bar=2", false, "foo@=1,bar=2");
    passes("t61rcwkgmze@fw529a3039=v", false, "t61rcwkgmze@fw529a3039=v");
    passes("0a-b_c*d/e=!#$%&'()+-./:;<>?@[]^_`{|}~", false, "0a-b_c*d/e=!#$%&'()+-./:;<>?@[]^_`{|}~");
    passes("foo= 1 2", false, "foo= 1 2");
    passes("foo", false, "");
    passes("foo=", false, "");
    passes("=1", false, "");
    passes("foo=1,bar", false, "");
    passes("foo=bar=baz", false, "");
    passes("foo =1", false, "");
    passes("FOO=1", false, "");
    passes("foo.bar=1", false, "");
    passes("@foo=1,bar=2", false, "");
    passes("foo=a\x80", false, "");
    passes("foo=a\tb", false, "");
    passes("foo=1,bar=2", true, "foo=1"); /* bar=2 may go on */
    passes("foo=1,", true, "foo=1");
    passes("foo", true, "");

    for (unsigned i = 0; i < 33; i++) {
        if (i == 32)
            passes(many, false, many);
        sprintf(member, "%sbar%02u=%02u", i ? "," : "", i, i);
        strcat(many, member);
    }
    passes(many, false, ""); /* 33 */

    memset(long_one, 'z', sizeof(long_one));
    memcpy(long_one + 256, "=1", 3);
    passes(long_one, false, long_one);
    memset(long_one, 'z', 257);
    memcpy(long_one + 257, "=1", 3);
    passes(long_one, false, "");

    /* Whole members, as many as fit, from the first on: 4 of 102 bytes and their commas, of 6. */
    many[0] = '\0';
    for (int i = 0; i < 6; i++) {
        memset(long_one, 'a' + i, 100);
        memcpy(long_one + 100, "=1", 3);
        strcat(many, i ? "," : "");
        strcat(many, long_one);
    }
    memcpy(long_one, many, 4 * 102 + 3);
    long_one[4 * 102 + 3] = '\0';
    passes(many, false, long_one);
}

/* A share is a share of the IDs; a larger one holds all of a smaller. */
static void shares(void **state)
{
    enum { ALL = 1 << 24, TRACES = 100000 };
    static const uint32_t share[] = {0, ALL / 10, ALL / 4, ALL / 2, ALL};
    uint64_t random = 88172645463325252u;
    unsigned in[5] = {0};

    (void)state;
    for (unsigned i = 0; i < TRACES; i++) {
        bool before = false;

        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        for (unsigned k = 0; k < 5; k++) {
            struct octo_trace t = {.id = {~random, random}};
            bool now = octo_trace_in_share(&t, share[k]);

            assert_true(now || !before);
            in[k] += now;
            before = now;
        }
    }
    for (unsigned k = 0; k < 5; k++)
        assert_in_range(in[k] + 500, (uint64_t)share[k] * TRACES / ALL, (uint64_t)share[k] * TRACES / ALL + 1000);
    assert_int_equal(in[0], 0);
    assert_int_equal(in[4], TRACES);
    assert_false(octo_trace_in_share(&(struct octo_trace){.id = {1, ~0ull}}, 0));
    assert_true(octo_trace_in_share(&(struct octo_trace){.id = {1, 0xff00000000000000u}}, ALL));
    assert_true(octo_trace_in_share(&(struct octo_trace){.id = {1, 0x0080000000000000u}}, ALL / 2));
    assert_false(octo_trace_in_share(&(struct octo_trace){.id = {1, 0xff7fffffffffffffu}}, ALL / 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traceparent), cmocka_unit_test(every_byte_of_traceparent_counts),
        cmocka_unit_test(b3),          cmocka_unit_test(lines),
        cmocka_unit_test(tracestate),  cmocka_unit_test(shares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
