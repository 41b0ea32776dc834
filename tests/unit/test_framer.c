/*
 * The framer, on every split point of every case, with every input flush against a guard page.
 *
 * A case is the bytes of a stream with two marks in them: B where OCTO_AT_BLANK and E where OCTO_AT_END must be
 * reported. The rest of the expectation is the reason for becoming opaque, if any, and what the first head says.
 */
#include "framer_cases.h"
#include "guard.h"
#include "proto/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { EVENTS_MAX = 64, BYTES_MAX = 200000 };

struct event {
    size_t offset;
    char mark; /* B or E */
};

/* What a framer said of a stream. */
struct trace {
    struct event event[EVENTS_MAX];
    size_t events;
    enum octo_opaque_reason reason;
    bool at_start;
    bool head_seen;
    struct octo_framer head; /* at the first B */
};

static struct guard guard;
static struct octo_head_text text;

static void note(struct trace *t, size_t offset, char mark)
{
    assert_true(t->events < EVENTS_MAX);
    t->event[t->events++] = (struct event){offset, mark};
}

/* Feeds p[0..n) in one go. */
static void feed(struct octo_framer *f, struct trace *t, size_t base, const uint8_t *p, size_t n)
{
    size_t at = 0;
    enum octo_verdict verdict = OCTO_MORE;

    while (at < n && verdict != OCTO_IS_OPAQUE) {
        size_t used = octo_framer_feed(f, p + at, n - at, &verdict);

        assert_true(used <= n - at);
        at += used;
        if (verdict == OCTO_MORE)
            assert_int_equal(at, n);
        if (verdict == OCTO_AT_BLANK) {
            note(t, base + at, 'B');
            if (!t->head_seen)
                t->head = *f;
            t->head_seen = true;
        }
        if (verdict == OCTO_AT_END)
            note(t, base + at, 'E');
        if (verdict == OCTO_IS_OPAQUE)
            assert_int_equal(used, 0);
    }
    t->reason = f->reason;
    t->at_start = octo_framer_at_start(f);
}

static struct octo_framer fresh(const struct framer_case *c)
{
    struct octo_framer f;

    octo_framer_init(&f, c->role);
    if (c->role == OCTO_REQUEST)
        f.text = &text;
    f.method = (uint8_t)c->method;
    return f;
}

static void same_text(const char *name, const char *what, const char *wanted, const char *got, size_t len)
{
    if (wanted == NULL || (strlen(wanted) == len && memcmp(wanted, got, len) == 0))
        return;
    fail_msg("%s: %s is \"%.*s\", not \"%s\"", name, what, (int)len, got, wanted);
}

static void compare(const struct framer_case *c, const struct trace *t, const struct trace *wanted, const char *how,
                    size_t split)
{
    if (t->events != wanted->events
        || memcmp(t->event, wanted->event, t->events * sizeof(t->event[0])) != 0) {
        for (size_t i = 0; i < t->events; i++)
            print_message("got %c at %zu\n", t->event[i].mark, t->event[i].offset);
        for (size_t i = 0; i < wanted->events; i++)
            print_message("wanted %c at %zu\n", wanted->event[i].mark, wanted->event[i].offset);
        fail_msg("%s: wrong marks, %s %zu", c->name, how, split);
    }
    if (t->reason != wanted->reason)
        fail_msg("%s: reason %s, not %s, %s %zu", c->name, octo_opaque_reason_name(t->reason),
                 octo_opaque_reason_name(wanted->reason), how, split);
    if (wanted->at_start && !t->at_start)
        fail_msg("%s: not at the start of a message, %s %zu", c->name, how, split);
    if (c->status != 0 && t->head.status != c->status)
        fail_msg("%s: status %d, not %d, %s %zu", c->name, t->head.status, c->status, how, split);
    if (!t->head_seen)
        return;
    if (t->head.id_state != c->id_state)
        fail_msg("%s: id state %d, not %d, %s %zu", c->name, t->head.id_state, c->id_state, how, split);
}

static void compare_text(const struct framer_case *c, const struct trace *t)
{
    same_text(c->name, "method", c->verb, text.method, t->head.method_len);
    same_text(c->name, "target", c->target, text.target, t->head.target_len);
    same_text(c->name, "host", c->host, text.host, t->head.host_len);
    same_text(c->name, "id", c->id, text.id, t->head.id_len);
}

/* Takes the marks out of the case's bytes. Returns the bytes left. */
static size_t unmark(const struct framer_case *c, uint8_t *out, struct trace *wanted)
{
    size_t n = 0;

    memset(wanted, 0, sizeof(*wanted));
    for (size_t i = 0; i < c->len; i++) {
        if (c->bytes[i] == B[0])
            note(wanted, n, 'B');
        else if (c->bytes[i] == E[0])
            note(wanted, n, 'E');
        else
            out[n++] = (uint8_t)c->bytes[i];
    }
    wanted->reason = c->reason;
    wanted->at_start = c->reason == OCTO_OPAQUE_NONE && c->len > 0 && c->bytes[c->len - 1] == E[0];
    return n;
}

static void run_case(const struct framer_case *c)
{
    static uint8_t bytes[BYTES_MAX];
    struct trace wanted;
    size_t n = unmark(c, bytes, &wanted);
    const uint8_t *p;
    bool one_head = c->verb != NULL || c->target != NULL || c->host != NULL || c->id != NULL;

    for (size_t split = 0; split <= n; split++) {
        struct octo_framer f = fresh(c);
        struct trace t = {0};

        memset(&text, 'x', sizeof(text));
        p = guard_tail(&guard, bytes, split);
        feed(&f, &t, 0, p, split);
        p = split % 2 ? guard_tail(&guard, bytes + split, n - split)
                      : guard_front(&guard, bytes + split, n - split);
        feed(&f, &t, split, p, n - split);
        compare(c, &t, &wanted, "split at", split);
        if (one_head)
            compare_text(c, &t);
    }
    for (size_t step = 1; step <= 3; step++) {
        struct octo_framer f = fresh(c);
        struct trace t = {0};

        memset(&text, 'x', sizeof(text));
        for (size_t at = 0; at < n; at += step) {
            size_t len = n - at < step ? n - at : step;

            feed(&f, &t, at, guard_tail(&guard, bytes + at, len), len);
        }
        compare(c, &t, &wanted, "in steps of", step);
        if (one_head)
            compare_text(c, &t);
    }
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        run_case(&cases[i]);
    print_message("%zu cases\n", sizeof(cases) / sizeof(cases[0]));
    assert_true(sizeof(cases) / sizeof(cases[0]) >= 120);
}

/* Without a place for text the framing is the same, and nothing is counted as kept. */
static void test_without_text(void **state)
{
    static uint8_t bytes[BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct trace wanted, t = {0};
        size_t n = unmark(&cases[i], bytes, &wanted);
        struct octo_framer f = fresh(&cases[i]);

        f.text = NULL;
        feed(&f, &t, 0, bytes, n);
        assert_int_equal(t.events, wanted.events);
        assert_memory_equal(t.event, wanted.event, t.events * sizeof(t.event[0]));
        assert_int_equal(t.reason, wanted.reason);
        assert_int_equal(f.target_len + f.method_len + f.host_len + f.id_len, 0);
    }
}

/* Opaque is for good, whatever follows. */
static void test_sticky(void **state)
{
    static const char good[] = "GET / HTTP/1.1\r\n\r\n";
    static uint8_t bytes[BYTES_MAX];
    int opaque = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct trace wanted, t = {0};
        size_t n = unmark(&cases[i], bytes, &wanted);
        struct octo_framer f = fresh(&cases[i]);
        enum octo_verdict verdict;

        feed(&f, &t, 0, bytes, n);
        if (t.reason == OCTO_OPAQUE_NONE)
            continue;
        opaque++;
        assert_int_equal(octo_framer_feed(&f, (const uint8_t *)good, sizeof(good) - 1, &verdict), 0);
        assert_int_equal(verdict, OCTO_IS_OPAQUE);
        assert_true(octo_framer_raw_left(&f) == UINT64_MAX);
        assert_int_equal(octo_framer_skip(&f, 1000), OCTO_MORE);
        assert_int_equal(octo_framer_eof(&f), OCTO_IS_OPAQUE);
        octo_framer_opaque(&f, OCTO_OPAQUE_MEMORY);
        assert_int_equal(f.reason, t.reason);
        assert_false(octo_framer_at_start(&f));
    }
    assert_true(opaque > 60);
}

static struct octo_framer after(enum octo_role role, const char *head)
{
    struct octo_framer f;
    struct trace t = {0};

    octo_framer_init(&f, role);
    f.text = role == OCTO_REQUEST ? &text : NULL;
    feed(&f, &t, 0, (const uint8_t *)head, strlen(head));
    return f;
}

static void test_raw_left(void **state)
{
    struct octo_framer f;
    enum octo_verdict verdict;

    (void)state;
    f = after(OCTO_REQUEST, "");
    assert_int_equal(octo_framer_raw_left(&f), 0);
    assert_true(octo_framer_at_start(&f));
    f = after(OCTO_REQUEST, "\r\n");
    assert_true(octo_framer_at_start(&f));
    f = after(OCTO_REQUEST, "P");
    assert_int_equal(octo_framer_raw_left(&f), 0);
    assert_false(octo_framer_at_start(&f));

    f = after(OCTO_REQUEST, "POST / HTTP/1.1\r\nContent-Length: 9007199254740992\r\n\r\n0123456789");
    assert_true(octo_framer_raw_left(&f) == 9007199254740992u - 10);
    assert_int_equal(octo_framer_skip(&f, 9007199254740992u - 11), OCTO_MORE);
    assert_int_equal(octo_framer_raw_left(&f), 1);
    assert_int_equal(octo_framer_skip(&f, 0), OCTO_MORE);
    assert_int_equal(octo_framer_eof(&f), OCTO_IS_OPAQUE); /* cut short, but no fault of framing */
    assert_int_equal(octo_framer_skip(&f, 1), OCTO_AT_END);
    assert_true(octo_framer_at_start(&f));
    assert_int_equal(octo_framer_eof(&f), OCTO_MORE);

    f = after(OCTO_REQUEST, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1F;x=y\r\n");
    assert_int_equal(octo_framer_raw_left(&f), 31);
    assert_int_equal(octo_framer_skip(&f, 31), OCTO_MORE);
    assert_int_equal(octo_framer_raw_left(&f), 0);
    assert_int_equal(octo_framer_feed(&f, (const uint8_t *)"\r\n0\r\n\r\nGET", 10, &verdict), 7);
    assert_int_equal(verdict, OCTO_AT_END);

    f = after(OCTO_RESPONSE, "HTTP/1.1 200 OK\r\n\r\nabc");
    assert_true(octo_framer_raw_left(&f) == UINT64_MAX);
    assert_int_equal(octo_framer_skip(&f, UINT64_MAX), OCTO_MORE);
    assert_int_equal(octo_framer_eof(&f), OCTO_AT_END);
    assert_true(octo_framer_at_start(&f));
}

/* A head of `bytes` bytes in all, by one long field. */
static size_t long_head(char *out, size_t bytes)
{
    static const char begin[] = "GET / HTTP/1.1\r\nX: ";
    size_t pad = bytes - (sizeof(begin) - 1) - 4;

    memcpy(out, begin, sizeof(begin) - 1);
    memset(out + sizeof(begin) - 1, 'a', pad);
    memcpy(out + sizeof(begin) - 1 + pad, "\r\n\r\n", 4);
    return bytes;
}

static void check_size(const char *bytes, size_t n, size_t step, enum octo_opaque_reason reason, size_t events)
{
    struct octo_framer f;
    struct trace t = {0};

    octo_framer_init(&f, OCTO_REQUEST);
    for (size_t at = 0; at < n; at += step) {
        size_t len = n - at < step ? n - at : step;

        feed(&f, &t, at, (const uint8_t *)bytes + at, len);
    }
    assert_int_equal(t.reason, reason);
    assert_int_equal(t.events, events);
}

static void test_head_limits(void **state)
{
    static char head[BYTES_MAX];
    static const size_t steps[] = {1, 7, 4096, BYTES_MAX};
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        check_size(head, long_head(head, OCTO_HEAD_MAX), steps[i], OCTO_OPAQUE_NONE, 2);
        for (size_t over = 1; over < 6; over++)
            check_size(head, long_head(head, OCTO_HEAD_MAX + over), steps[i], OCTO_OPAQUE_TOO_LARGE, 0);
        check_size(head, long_head(head, 3 * OCTO_HEAD_MAX), steps[i], OCTO_OPAQUE_TOO_LARGE, 0);

        for (int lines = OCTO_HEAD_LINES_MAX; lines <= OCTO_HEAD_LINES_MAX + 1; lines++) {
            bool ok = lines == OCTO_HEAD_LINES_MAX;

            n = (size_t)sprintf(head, "GET / HTTP/1.1\r\n");
            for (int line = 0; line < lines; line++)
                n += (size_t)sprintf(head + n, "N%d: v\r\n", line);
            n += (size_t)sprintf(head + n, "\r\n");
            check_size(head, n, steps[i], ok ? OCTO_OPAQUE_NONE : OCTO_OPAQUE_TOO_LARGE, ok ? 2 : 0);

            n = (size_t)sprintf(head, "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
            for (int line = 0; line < lines; line++)
                n += (size_t)sprintf(head + n, "N%d: v\r\n", line);
            n += (size_t)sprintf(head + n, "\r\n");
            check_size(head, n, steps[i], ok ? OCTO_OPAQUE_NONE : OCTO_OPAQUE_TOO_LARGE, ok ? 2 : 1);
        }
        memset(head, 'T', BYTES_MAX); /* a method without end */
        check_size(head, BYTES_MAX, steps[i], OCTO_OPAQUE_TOO_LARGE, 0);
        memcpy(head, "GET /", 5); /* a target without end */
        check_size(head, BYTES_MAX, steps[i], OCTO_OPAQUE_TOO_LARGE, 0);
        memcpy(head, "GET / HTTP/1.1\r\n", 16); /* a field name without end */
        check_size(head, BYTES_MAX, steps[i], OCTO_OPAQUE_TOO_LARGE, 0);
    }
}

/* Trailers reach exactly to the limit, too, however they are cut. */
static void test_trailer_limit(void **state)
{
    static const char before[] = "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    static char stream[BYTES_MAX];
    static const size_t steps[] = {1, 4096, BYTES_MAX};

    (void)state;
    for (size_t pad = OCTO_HEAD_MAX - 10; pad < OCTO_HEAD_MAX; pad++) {
        size_t n = sizeof(before) - 1;
        bool ok = pad + 3 + 2 + 1 <= OCTO_HEAD_MAX; /* "T: ", the line's CRLF, the blank line's CR */

        memcpy(stream, before, n);
        memcpy(stream + n, "T: ", 3);
        memset(stream + n + 3, 'v', pad);
        memcpy(stream + n + 3 + pad, "\r\n\r\n", 4);
        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
            check_size(stream, n + pad + 7, steps[i], ok ? OCTO_OPAQUE_NONE : OCTO_OPAQUE_TOO_LARGE, ok ? 2 : 1);
    }
}

/* Long names are cut, not refused; what is behind them is untouched. */
static void test_cut_text(void **state)
{
    static char stream[BYTES_MAX];
    char method[64], target[3000], host[600];
    size_t n;

    (void)state;
    memset(method, 'M', sizeof(method));
    memset(target, 't', sizeof(target));
    target[0] = '/';
    memset(host, 'h', sizeof(host));
    n = (size_t)sprintf(stream, "%.*s %.*s HTTP/1.1\r\nHost: %.*s\r\n\r\n", (int)sizeof(method), method,
                        (int)sizeof(target), target, (int)sizeof(host), host);
    for (size_t step = 1; step < n; step += step) {
        struct octo_framer f;
        struct trace t = {0};

        memset(&text, 0, sizeof(text));
        octo_framer_init(&f, OCTO_REQUEST);
        f.text = &text;
        for (size_t at = 0; at < n; at += step)
            feed(&f, &t, at, (const uint8_t *)stream + at, n - at < step ? n - at : step);
        assert_int_equal(t.events, 2);
        assert_int_equal(f.method_len, OCTO_METHOD_MAX);
        assert_int_equal(f.target_len, OCTO_TARGET_MAX);
        assert_int_equal(f.host_len, OCTO_HOST_MAX);
        assert_memory_equal(text.method, method, OCTO_METHOD_MAX);
        assert_memory_equal(text.target, target, OCTO_TARGET_MAX);
        assert_memory_equal(text.host, host, OCTO_HOST_MAX);
        assert_int_equal(text.method[OCTO_METHOD_MAX] | text.host[OCTO_HOST_MAX], 0);
    }
}

/* A copy that ran ahead and was dropped leaves nothing behind, though it wrote to the same text. */
static void test_dropped_copy(void **state)
{
    static const char head[] = "GET /one HTTP/1.1\r\nHost: a.example\r\nX-Request-ID: abc\r\n";
    static const char said[] = "\r\n";
    static const char other[] = "X-Request-ID: abc\r\n\r\n";

    (void)state;
    for (size_t split = 0; split < sizeof(head); split++) {
        struct octo_framer f, copy;
        struct trace t = {0}, u = {0};

        octo_framer_init(&f, OCTO_REQUEST);
        f.text = &text;
        feed(&f, &t, 0, (const uint8_t *)head, split);
        copy = f;
        feed(&copy, &u, 0, (const uint8_t *)head + split, sizeof(head) - 1 - split);
        feed(&copy, &u, 0, (const uint8_t *)said, sizeof(said) - 1);
        feed(&f, &t, 0, (const uint8_t *)head + split, sizeof(head) - 1 - split);
        feed(&f, &t, 0, (const uint8_t *)other, sizeof(other) - 1);
        assert_int_equal(t.events, 2);
        assert_int_equal(f.id_state, OCTO_ID_USABLE);
        assert_int_equal(f.id_len, 3);
        assert_memory_equal(text.id, "abc", 3);
        assert_memory_equal(text.target, "/one", f.target_len);
    }
}

static uint64_t seed = 0x2545f4914f6cdd1d;

static uint32_t draw(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32) % below;
}

/* The 16-byte scans answer as the plain ones, on every alignment and length, within the guard pages. */
static void test_scans(void **state)
{
    (void)state;
    for (int round = 0; round < 200000; round++) {
        uint8_t bytes[80];
        size_t n = draw(sizeof(bytes));
        size_t from = draw((uint32_t)n + 1);
        const uint8_t *p, *end, *wanted;

        for (size_t i = 0; i < n; i++)
            bytes[i] = draw(24) == 0 ? (uint8_t)draw(256) : (uint8_t)('a' + draw(26));
        p = round % 2 ? guard_tail(&guard, bytes, n) : guard_front(&guard, bytes, n);
        end = p + n;
        wanted = octo_scan_token_plain(p + from, end);
        assert_ptr_equal(octo_scan_token(p, p + from, end), wanted);
        wanted = octo_scan_text_plain(p + from, end);
        assert_ptr_equal(octo_scan_text(p, p + from, end), wanted);
        wanted = octo_scan_target_plain(p + from, end);
        assert_ptr_equal(octo_scan_target(p, p + from, end), wanted);
    }
    for (unsigned c = 0; c < 256; c++) { /* every byte, in every lane, against the grammar itself */
        bool tchar = c != 0 && c < 128
                     && (strchr("!#$%&'*+-.^_`|~0123456789", (int)c) != NULL || (c >= 'A' && c <= 'Z')
                         || (c >= 'a' && c <= 'z'));

        assert_int_equal(octo_is_tchar((uint8_t)c), tchar);
        for (size_t lane = 0; lane < 16; lane++) {
            uint8_t bytes[16];

            memset(bytes, 'x', sizeof(bytes));
            bytes[lane] = (uint8_t)c;
            assert_int_equal(octo_scan_token(bytes, bytes, bytes + 16) == bytes + 16, tchar);
            assert_int_equal(octo_scan_text(bytes, bytes, bytes + 16) == bytes + 16, octo_is_text((uint8_t)c));
            assert_int_equal(octo_scan_target(bytes, bytes, bytes + 16) == bytes + 16,
                             octo_is_target((uint8_t)c));
        }
    }
}

/* Mutations of the cases: whole and in pieces must agree, whatever comes. */
static void test_mutations(void **state)
{
    static const char spice[] = "\r\n :;,\t0aF/\x00\x7f\x80" "chunked";
    static uint8_t bytes[BYTES_MAX];

    (void)state;
    for (int round = 0; round < 200000; round++) {
        const struct framer_case *c = &cases[draw(sizeof(cases) / sizeof(cases[0]))];
        struct trace whole = {0}, pieces = {0};
        struct octo_framer f = fresh(c), g = fresh(c);
        size_t n = unmark(c, bytes, &whole), at = 0;

        memset(&whole, 0, sizeof(whole));
        for (uint32_t i = draw(3); n > 0 && i > 0; i--)
            bytes[draw((uint32_t)n)] = (uint8_t)spice[draw(sizeof(spice) - 1)];
        if (draw(4) == 0)
            n = draw((uint32_t)n + 1);
        feed(&f, &whole, 0, guard_tail(&guard, bytes, n), n);
        while (at < n) {
            size_t len = 1 + draw(12);

            if (len > n - at)
                len = n - at;
            feed(&g, &pieces, at, guard_tail(&guard, bytes + at, len), len);
            at += len;
        }
        assert_int_equal(whole.events, pieces.events);
        assert_memory_equal(whole.event, pieces.event, whole.events * sizeof(whole.event[0]));
        assert_int_equal(whole.reason, pieces.reason);
        if (whole.reason == OCTO_OPAQUE_NONE) {
            assert_int_equal(f.phase, g.phase);
            assert_int_equal(f.head_bytes, g.head_bytes);
            assert_int_equal(f.id_state, g.id_state);
            assert_int_equal(f.target_len, g.target_len);
            assert_true(octo_framer_raw_left(&f) == octo_framer_raw_left(&g));
        }
    }
}

static void test_reason_names(void **state)
{
    (void)state;
    for (int i = 0; i < OCTO_OPAQUE_REASONS; i++) {
        const char *name = octo_opaque_reason_name((enum octo_opaque_reason)i);

        assert_non_null(name);
        assert_true(strlen(name) > 0 && strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(name, octo_opaque_reason_name((enum octo_opaque_reason)j));
    }
    assert_string_equal(octo_opaque_reason_name(OCTO_OPAQUE_REASONS), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),         cmocka_unit_test(test_without_text),
        cmocka_unit_test(test_sticky),        cmocka_unit_test(test_raw_left),
        cmocka_unit_test(test_head_limits),   cmocka_unit_test(test_trailer_limit),
        cmocka_unit_test(test_cut_text),      cmocka_unit_test(test_dropped_copy),
        cmocka_unit_test(test_scans),         cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_reason_names),
    };

    guard = guard_new(BYTES_MAX);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
