/* Documents of a stream, found the plain way: line by line, over the whole. For test_sse.c and fuzz_sse.c. */
#ifndef OCTO_TEST_SSE_MODEL_H
#define OCTO_TEST_SSE_MODEL_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/sse.h"

/* Documents one behind the other: their bytes, with [ before and ] behind each; ! for one that has not ended. */
struct sse_text {
    char *at;
    size_t len, room;
};

static inline void sse_put(struct sse_text *t, const void *bytes, size_t n)
{
    if (t->len + n > t->room) {
        t->room = 2 * (t->len + n);
        t->at = realloc(t->at, t->room);
        if (t->at == NULL)
            abort();
    }
    if (n > 0)
        memcpy(t->at + t->len, bytes, n);
    t->len += n;
}

static inline void sse_begins(void *owner)
{
    sse_put(owner, "[", 1);
}

static inline void sse_goes_on(void *owner, const uint8_t *p, size_t n)
{
    sse_put(owner, p, n);
}

static inline void sse_ends(void *owner)
{
    sse_put(owner, "]", 1);
}

static const struct octo_sse_ops sse_text_ops = {sse_begins, sse_goes_on, sse_ends};

/* The model's view of the whole stream, which ends here. */
static inline void sse_model(struct sse_text *t, const uint8_t *p, size_t n, bool lines)
{
    bool open = false;

    for (size_t at = 0, end, next; at < n; at = next) {
        bool data;
        size_t skip = 0;

        for (end = at; end < n && p[end] != '\n' && p[end] != '\r';)
            end++;
        next = end < n ? end + 1 : n;
        if (end + 1 < n && p[end] == '\r' && p[end + 1] == '\n')
            next++;
        data = lines ? end > at : end - at >= 5 && memcmp(p + at, "data:", 5) == 0;
        if (!lines && data)
            skip = end - at > 5 && p[at + 5] == ' ' ? 6 : 5;
        if (data && !lines && end == n && end - at == 5)
            data = false; /* nobody knows yet whether a blank follows */
        if (data) {
            sse_put(t, open ? "\n" : "[", 1);
            sse_put(t, p + at + skip, end - at - skip);
            open = true;
        }
        if (open && ((lines && (end < n || data)) || (!lines && end == at && end < n))) {
            sse_put(t, "]", 1);
            open = false;
        }
    }
}

/* The same by the real one, given pieces of 1 to `most` bytes as dice() throws. */
static inline void sse_real(struct sse_text *t, const uint8_t *p, size_t n, bool lines, size_t most,
                            unsigned (*dice)(unsigned below))
{
    struct octo_sse s = {.lines = lines};

    for (size_t at = 0, k; at < n; at += k) {
        uint8_t *piece;

        k = 1 + dice((unsigned)most);
        if (k > n - at)
            k = n - at;
        piece = malloc(k); /* of its own size, so that a sanitizer sees every byte too many */
        if (piece == NULL)
            abort();
        memcpy(piece, p + at, k);
        octo_sse_feed(&s, piece, k, &sse_text_ops, t);
        free(piece);
    }
    octo_sse_end(&s, &sse_text_ops, t);
}

#endif
