/*
 * Fuzzes the framer: whole against pieces, and against two other parsers.
 *
 *      input:  byte 0  bit 0 role, bits 1-2 method of the requests answered
 *              byte 1  how the second run cuts the stream
 *              rest    the stream
 *
 * What is demanded of the oracles: wherever we report a head or an end, an oracle that has not stopped before
 * reports the same, at the same byte. (What they accept and we do not is no fault: see LAXER.md.)
 */
#include "oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_MAX = 4096 };

struct trace {
    struct oracle_event event[EVENTS_MAX];
    size_t events;
    struct octo_framer f;
};

static struct octo_head_text text[2];

static void feed(struct trace *t, size_t base, const uint8_t *p, size_t n)
{
    enum octo_verdict verdict = OCTO_MORE;
    size_t at = 0;

    while (at < n && verdict != OCTO_IS_OPAQUE) {
        size_t used = octo_framer_feed(&t->f, p + at, n - at, &verdict);

        if (used > n - at || (verdict == OCTO_MORE && used != n - at))
            abort();
        at += used;
        if (verdict == OCTO_AT_BLANK || verdict == OCTO_AT_END) {
            if (t->events == EVENTS_MAX)
                return;
            t->event[t->events++] = (struct oracle_event){base + at, verdict == OCTO_AT_BLANK ? 'B' : 'E'};
        }
    }
}

static void start(struct trace *t, enum octo_role role, enum octo_method method, struct octo_head_text *where)
{
    t->events = 0;
    octo_framer_init(&t->f, role);
    t->f.text = role == OCTO_REQUEST ? where : NULL;
    t->f.method = (uint8_t)method;
}

static void demand(bool holds, const char *what, const struct trace *t, const struct oracle_trace *o, size_t i)
{
    if (holds)
        return;
    fprintf(stderr, "%s: event %zu: ours %c at %zu", what, i, t->event[i].mark, t->event[i].offset);
    if (o != NULL && i < o->events)
        fprintf(stderr, ", theirs %c at %zu", o->event[i].mark, o->event[i].offset);
    if (o != NULL && o->stopped != SIZE_MAX)
        fprintf(stderr, ", theirs stopped at %zu: %s", o->stopped, o->why);
    fprintf(stderr, "\n");
    abort();
}

static void ask(const struct oracle *oracle, const struct trace *t, enum octo_role role, enum octo_method method,
                const uint8_t *p, size_t n)
{
    static struct oracle_trace o;

    oracle->run(&o, role, role == OCTO_RESPONSE && method == OCTO_METHOD_HEAD, p, n);
    for (size_t i = 0; i < t->events; i++) {
        /* We announce a head before its blank line, they behind it. */
        size_t offset = t->event[i].offset + (t->event[i].mark == 'B' ? 2 : 0);

        if (o.stopped <= offset && i >= o.events)
            return; /* stricter, or it knows of an upgrade */
        if (offset > n)
            return; /* the blank line is not complete: they cannot know yet */
        if (t->event[i].mark == 'B' && (p[offset - 2] != '\r' || p[offset - 1] != '\n'))
            return; /* what looked like a blank line was none: we are opaque from here */
        demand(i < o.events && o.event[i].offset == offset && o.event[i].mark == t->event[i].mark, oracle->name, t,
               &o, i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trace whole, pieces;
    enum octo_role role;
    enum octo_method method;
    uint32_t cut;

    if (size < 2)
        return 0;
    role = data[0] & 1 ? OCTO_RESPONSE : OCTO_REQUEST;
    method = (enum octo_method)((data[0] >> 1) % 3);
    cut = data[1];
    data += 2;
    size -= 2;

    start(&whole, role, method, &text[0]);
    start(&pieces, role, method, &text[1]);
    feed(&whole, 0, data, size);
    for (size_t at = 0; at < size;) {
        size_t n = cut % 3 == 0 ? 1 : 1 + (cut >> 2) % 40;
        uint8_t *copy;

        cut = cut * 1103515245 + 12345;
        n = n < size - at ? n : size - at;
        copy = malloc(n); /* exactly as large, so that the sanitizer sees a step beyond */
        memcpy(copy, data + at, n);
        feed(&pieces, at, copy, n);
        free(copy);
        at += n;
    }

    if (whole.events != pieces.events || whole.f.reason != pieces.f.reason || whole.f.phase != pieces.f.phase)
        abort();
    for (size_t i = 0; i < whole.events; i++)
        demand(memcmp(&whole.event[i].offset, &pieces.event[i].offset, sizeof(size_t)) == 0 &&
                   whole.event[i].mark == pieces.event[i].mark,
               "pieces", &whole, NULL, i);
    /* What is kept of a head is settled at its end. */
    if (role == OCTO_REQUEST && whole.f.reason == OCTO_OPAQUE_NONE &&
        (octo_framer_at_start(&whole.f) || octo_framer_raw_left(&whole.f) > 0)) {
        if (whole.f.id_state != pieces.f.id_state || whole.f.id_len != pieces.f.id_len ||
            whole.f.host_len != pieces.f.host_len || whole.f.target_len != pieces.f.target_len ||
            whole.f.method_len != pieces.f.method_len || memcmp(text[0].id, text[1].id, whole.f.id_len) != 0 ||
            memcmp(text[0].host, text[1].host, whole.f.host_len) != 0 ||
            memcmp(text[0].target, text[1].target, whole.f.target_len) != 0 ||
            memcmp(text[0].method, text[1].method, whole.f.method_len) != 0)
            abort();
    }

    if (method != OCTO_METHOD_CONNECT || role == OCTO_REQUEST) { /* they know nothing of answers to CONNECT */
        ask(&oracle_http_parser, &whole, role, method, data, size);
        ask(&oracle_llhttp, &whole, role, method, data, size);
    }
    return 0;
}
