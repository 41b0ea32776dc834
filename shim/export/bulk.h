/*
 * Bulk: a text of any length, in memory that is mapped and grows.
 *
 * For: the answer to a scrape. Context: one thread per bulk; raw system calls. Owns its mapping.
 */
#ifndef OCTO_EXPORT_BULK_H
#define OCTO_EXPORT_BULK_H

#include "export/put.h"

#include <stdbool.h>
#include <stddef.h>

struct octo_bulk {
    char *start;  /* NULL: nothing is mapped */
    size_t used;  /* bytes of text */
    size_t size;  /* bytes mapped */
    size_t limit; /* never larger than this */
    bool cut;     /* something did not fit */
};

/* An empty text of at most `limit` bytes. Maps nothing yet. */
static inline void octo_bulk_begin(struct octo_bulk *b, size_t limit)
{
    *b = (struct octo_bulk){.limit = limit};
}

/* Makes the mapping larger. False, and b->cut: it cannot be had. */
bool octo_bulk_grow(struct octo_bulk *b, size_t more);

/* Where the next bytes go, with room for at least n of them (and OCTO_PUT_SLACK to scribble on), or NULL. */
static inline char *octo_bulk_room(struct octo_bulk *b, size_t n)
{
    if (__builtin_expect(b->size - b->used < n + OCTO_PUT_SLACK, 0) && !octo_bulk_grow(b, n + OCTO_PUT_SLACK))
        return NULL;
    return b->start + b->used;
}

/* Appends bytes, a string, a number. */
void octo_bulk_bytes(struct octo_bulk *b, const void *bytes, size_t n);
void octo_bulk_str(struct octo_bulk *b, const char *text);
void octo_bulk_u64(struct octo_bulk *b, uint64_t value);

/* Empties it; keeps the mapping. */
static inline void octo_bulk_clear(struct octo_bulk *b)
{
    b->used = 0;
    b->cut = false;
}

/* Gives the mapping back. */
void octo_bulk_end(struct octo_bulk *b);

#endif
