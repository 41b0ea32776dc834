/*
 * The framer, on every split point of every case, with every input flush against a guard page.
 *
 * A case is the bytes of a stream with two marks in them: B where OCTO_AT_BLANK and E where OCTO_AT_END must be
 * reported. The rest of the expectation is the reason for becoming opaque, if any, and what the first head says.
 */
#include "framer_trace.h"

static void same_text(const char *name, const char *what, const char *wanted, const char *got, size_t len)
{
    if (wanted == NULL || (strlen(wanted) == len && memcmp(wanted, got, len) == 0))
        return;
    fail_msg("%s: %s is \"%.*s\", not \"%s\"", name, what, (int)len, got, wanted);
}

static void compare(const struct framer_case *c, const struct trace *t, const struct trace *wanted,
                    const char *how, size_t split)
{
    if (t->events != wanted->events || memcmp(t->event, wanted->event, t->events * sizeof(t->event[0])) != 0) {
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
        cmocka_unit_test(test_cases),    cmocka_unit_test(test_without_text), cmocka_unit_test(test_sticky),
        cmocka_unit_test(test_raw_left), cmocka_unit_test(test_reason_names),
    };

    guard = guard_new(BYTES_MAX);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
