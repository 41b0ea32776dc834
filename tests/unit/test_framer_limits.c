/*
 * The framer at its limits, on a copy that is dropped, on what is nearly HTTP; and the scans it is made of.
 */
#include "framer_trace.h"
#include "proto/scan.h"

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
        bool tchar = c != 0 && c < 128 &&
                     (strchr("!#$%&'*+-.^_`|~0123456789", (int)c) != NULL || (c >= 'A' && c <= 'Z') ||
                      (c >= 'a' && c <= 'z'));

        assert_int_equal(octo_is_tchar((uint8_t)c), tchar);
        for (size_t lane = 0; lane < 16; lane++) {
            uint8_t bytes[16];

            memset(bytes, 'x', sizeof(bytes));
            bytes[lane] = (uint8_t)c;
            assert_int_equal(octo_scan_token(bytes, bytes, bytes + 16) == bytes + 16, tchar);
            assert_int_equal(octo_scan_text(bytes, bytes, bytes + 16) == bytes + 16, octo_is_text((uint8_t)c));
            assert_int_equal(octo_scan_target(bytes, bytes, bytes + 16) == bytes + 16, octo_is_target((uint8_t)c));
        }
    }
}

/* Mutations of the cases: whole and in pieces must agree, whatever comes. */
static void test_mutations(void **state)
{
    static const char spice[] = "\r\n :;,\t0aF/\x00\x7f\x80"
                                "chunked";
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head_limits), cmocka_unit_test(test_trailer_limit),
        cmocka_unit_test(test_cut_text),    cmocka_unit_test(test_dropped_copy),
        cmocka_unit_test(test_scans),       cmocka_unit_test(test_mutations),
    };

    guard = guard_new(BYTES_MAX);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
