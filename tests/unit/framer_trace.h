/*
 * What the framer's tests share: a framer fed and its reports noted, cases taken apart.
 */
#ifndef OCTO_TESTS_FRAMER_TRACE_H
#define OCTO_TESTS_FRAMER_TRACE_H

#include "framer_cases.h"
#include "guard.h"

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

#endif
