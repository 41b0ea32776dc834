/* Where the documents are in a stream: see sse.h. */
#include "proto/sse.h"

#include <string.h>

/* NAME: matching "data:"; SPACE: one blank may follow it; VALUE: the document's bytes; OTHER: a line of another field. */
enum { NAME, SPACE, VALUE, OTHER };

static const char name[] = "data:";
enum { NAME_LEN = sizeof(name) - 1 };

static void open_document(struct octo_sse *s, const struct octo_sse_ops *ops, void *owner)
{
    if (s->open)
        ops->data(owner, (const uint8_t *)"\n", 1);
    else
        ops->begin(owner);
    s->open = true;
}

static void close_document(struct octo_sse *s, const struct octo_sse_ops *ops, void *owner)
{
    if (s->open)
        ops->end(owner);
    s->open = false;
}

/* A line is over. The empty one ends an event. */
static void end_line(struct octo_sse *s, const struct octo_sse_ops *ops, void *owner)
{
    if (s->lines || (s->phase == NAME && s->matched == 0))
        close_document(s, ops, owner);
    s->phase = NAME;
    s->matched = 0;
}

/* Bytes that end no line. Returns how many are dealt with. */
static size_t within_line(struct octo_sse *s, const uint8_t *p, size_t n, const struct octo_sse_ops *ops,
                          void *owner)
{
    switch (s->phase) {
    case NAME:
        if (s->lines) {
            s->phase = VALUE;
            open_document(s, ops, owner);
            return 0;
        }
        if (*p != (uint8_t)name[s->matched])
            s->phase = OTHER;
        else if (++s->matched == NAME_LEN)
            s->phase = SPACE;
        return 1;
    case SPACE:
        s->phase = VALUE;
        open_document(s, ops, owner);
        return *p == ' ';
    case VALUE:
        ops->data(owner, p, n);
        return n;
    default:
        return n;
    }
}

/* How many bytes there are before the end of the line. */
static size_t line_left(const uint8_t *p, size_t n)
{
    const uint8_t *feed = memchr(p, '\n', n), *cr = memchr(p, '\r', feed ? (size_t)(feed - p) : n);

    return cr ? (size_t)(cr - p) : feed ? (size_t)(feed - p) : n;
}

void octo_sse_feed(struct octo_sse *s, const uint8_t *p, size_t n, const struct octo_sse_ops *ops, void *owner)
{
    while (n > 0) {
        size_t left, used;

        if (*p == '\n' || *p == '\r') {
            if (!(s->after_cr && *p == '\n')) {
                if (s->phase == SPACE) { /* "data:" and nothing */
                    open_document(s, ops, owner);
                    s->phase = VALUE;
                }
                end_line(s, ops, owner);
            }
            s->after_cr = *p == '\r';
            p++;
            n--;
            continue;
        }
        s->after_cr = false;
        for (left = line_left(p, n); left > 0; left -= used, p += used, n -= used)
            used = within_line(s, p, left, ops, owner);
    }
}

void octo_sse_end(struct octo_sse *s, const struct octo_sse_ops *ops, void *owner)
{
    if (s->lines)
        close_document(s, ops, owner);
}
