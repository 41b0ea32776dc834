/*
 * Text in a buffer of fixed size. See text.h.
 */
#include "base/text.h"

#include <string.h>

void octo_text_begin(struct octo_text *t, char *buffer, size_t size)
{
    t->start = buffer;
    t->at = buffer;
    t->end = buffer + size - 1;
    t->cut = false;
    *buffer = '\0';
}

void octo_text_bytes(struct octo_text *t, const char *bytes, size_t len)
{
    size_t room = (size_t)(t->end - t->at);

    if (len > room) {
        len = room;
        t->cut = true;
    }
    memcpy(t->at, bytes, len);
    t->at += len;
    *t->at = '\0';
}

void octo_text_str(struct octo_text *t, const char *s)
{
    octo_text_bytes(t, s, strlen(s));
}

void octo_text_char(struct octo_text *t, char c)
{
    octo_text_bytes(t, &c, 1);
}

/* A number cut short would be another number, so it goes in whole or not at all. */
static void append_number(struct octo_text *t, const char *digits, size_t len)
{
    if (len > (size_t)(t->end - t->at))
        t->cut = true;
    else
        octo_text_bytes(t, digits, len);
}

static void append_decimal(struct octo_text *t, bool negative, uint64_t value)
{
    char digits[21]; /* sign and the 20 digits of 2^64 - 1 */
    char *p = digits + sizeof(digits);

    do
        *--p = (char)('0' + value % 10);
    while (value /= 10);
    if (negative)
        *--p = '-';
    append_number(t, p, (size_t)(digits + sizeof(digits) - p));
}

void octo_text_u64(struct octo_text *t, uint64_t value)
{
    append_decimal(t, false, value);
}

void octo_text_i64(struct octo_text *t, int64_t value)
{
    /* Negated as unsigned: the lowest int64_t has no positive twin. */
    append_decimal(t, value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void octo_text_hex(struct octo_text *t, uint64_t value, unsigned digits)
{
    char hex[16];
    unsigned i;

    for (i = digits; i-- > 0; value >>= 4)
        hex[i] = "0123456789abcdef"[value & 15];
    append_number(t, hex, digits);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

void octo_text_uuid(struct octo_text *t, const uint64_t numbers[2])
{
    uint64_t high = (numbers[0] & ~UINT64_C(0xf000)) | 0x4000, low = numbers[1] << 2 >> 2 | UINT64_C(1) << 63;

    octo_text_hex(t, high >> 32, 8);
    octo_text_char(t, '-');
    octo_text_hex(t, high >> 16, 4);
    octo_text_char(t, '-');
    octo_text_hex(t, high, 4);
    octo_text_char(t, '-');
    octo_text_hex(t, low >> 48, 4);
    octo_text_char(t, '-');
    octo_text_hex(t, low, 12);
}

bool octo_text_same(const char *a, size_t len, const char *b)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (b[i] == '\0' || lower(a[i]) != lower(b[i]))
            return false;
    return b[len] == '\0';
}

/* Only the last `*` is ever retried: an earlier one cannot do better than it already did. */
bool octo_text_glob(const char *pattern, size_t len, const char *s)
{
    size_t p = 0;
    size_t star = SIZE_MAX;      /* place after the last `*` met */
    const char *star_end = NULL; /* where what that `*` took ends */

    while (*s != '\0') {
        if (p < len && pattern[p] == '*') {
            star = ++p;
            star_end = s;
        } else if (p < len && (pattern[p] == '?' || pattern[p] == *s)) {
            p++;
            s++;
        } else if (star != SIZE_MAX) {
            p = star;
            s = ++star_end;
        } else {
            return false;
        }
    }
    while (p < len && pattern[p] == '*')
        p++;
    return p == len;
}
