/*
 * Text in a buffer of fixed size: what the shim uses where others would use snprintf.
 *
 * For: every room. Context: any thread, signal-safe. Owns nothing: the buffer is the caller's. Never writes
 * past the buffer; what does not fit is left out and remembered in `cut`. The text always ends in a NUL.
 *
 *      buffer                        at                   end
 *      | written so far ............ | room ............. | NUL's place |
 */
#ifndef OCTO_BASE_TEXT_H
#define OCTO_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct octo_text {
    char *start;
    char *at;  /* where the next byte goes; holds a NUL */
    char *end; /* last byte of the buffer, kept for the NUL */
    bool cut;  /* something did not fit */
};

/* Begins an empty text in buffer[0..size), size >= 1. */
void octo_text_begin(struct octo_text *t, char *buffer, size_t size);

/* Each appends as much as fits and sets t->cut if that is not all. */
void octo_text_bytes(struct octo_text *t, const char *bytes, size_t len);
void octo_text_str(struct octo_text *t, const char *s);
void octo_text_char(struct octo_text *t, char c);

/* Numbers are written whole or not at all. */
void octo_text_u64(struct octo_text *t, uint64_t value);
void octo_text_i64(struct octo_text *t, int64_t value);

/* The low `digits` hex digits (1 to 16) of value, lower case, zero-padded. */
void octo_text_hex(struct octo_text *t, uint64_t value, unsigned digits);

/* Two random numbers as a random UUID. Source: RFC 9562, 5.4. */
void octo_text_uuid(struct octo_text *t, const uint64_t numbers[2]);

static inline size_t octo_text_len(const struct octo_text *t)
{
    return (size_t)(t->at - t->start);
}

/* Compares a[0..len) with the NUL-terminated b, ASCII letters without case. */
bool octo_text_same(const char *a, size_t len, const char *b);

/* True if the whole of s matches pattern[0..len): `*` any run, `?` any one byte, else the byte itself.
 * Time at most len * strlen(s). */
bool octo_text_glob(const char *pattern, size_t len, const char *s);

#endif
