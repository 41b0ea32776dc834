/*
 * Putting text and numbers into a line: each returns where the next byte goes.
 *
 * For: the encoder. Context: any thread; owns nothing. The caller has made sure of the room; a put of fixed
 * length may scribble up to OCTO_PUT_SLACK bytes beyond what it returns.
 */
#ifndef OCTO_EXPORT_PUT_H
#define OCTO_EXPORT_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { OCTO_PUT_SLACK = 64 };

static inline char *octo_put_bytes(char *p, const void *bytes, size_t n)
{
    memcpy(p, bytes, n);
    return p + n;
}

/* A string literal. */
#define OCTO_PUT(p, literal) octo_put_bytes((p), (literal), sizeof(literal) - 1)

extern const char octo_put_pairs[201]; /* "00" "01" … "99" */

/* Exactly two, three, six digits. */
static inline char *octo_put_2(char *p, uint32_t v)
{
    memcpy(p, octo_put_pairs + 2 * v, 2);
    return p + 2;
}

static inline char *octo_put_3(char *p, uint32_t v)
{
    *p = (char)('0' + v / 100);
    return octo_put_2(p + 1, v % 100);
}

static inline char *octo_put_6(char *p, uint32_t v)
{
    p = octo_put_2(p, v / 10000);
    p = octo_put_2(p, v / 100 % 100);
    return octo_put_2(p, v % 100);
}

/* A decimal number, up to 20 digits. */
static inline char *octo_put_u64(char *p, uint64_t v)
{
    unsigned n = 1;
    char *d;

    for (uint64_t bound = 10; n < 20 && v >= bound; bound *= 10)
        n++;
    d = p + n;
    while (v >= 100) {
        d -= 2;
        memcpy(d, octo_put_pairs + 2 * (v % 100), 2);
        v /= 100;
    }
    if (v >= 10)
        memcpy(p, octo_put_pairs + 2 * v, 2);
    else
        *p = (char)('0' + v);
    return p + n;
}

/* Nanoseconds as milliseconds with three decimals, rounded. */
static inline char *octo_put_ms(char *p, uint64_t ns)
{
    uint64_t us = ns / 1000 + (ns % 1000 >= 500);

    p = octo_put_u64(p, us / 1000);
    *p++ = '.';
    return octo_put_3(p, (uint32_t)(us % 1000));
}

/*
 * One code point at s[0..n), n > 0, not ASCII. Returns the bytes it takes; *code is U+FFFD for a bad sequence,
 * which takes the longest prefix of a good one (as WHATWG and Python replace it).
 */
size_t octo_put_decode(const uint8_t *s, size_t n, uint32_t *code);

/*
 * text[0..n) as the inside of a JSON string in ASCII: escapes for quote, backslash and controls (C0, DEL, C1),
 * \uXXXX (surrogate pairs) for the rest of Unicode, \ufffd for each bad run of UTF-8. Never writes at or beyond
 * end; what does not fit is left out as a whole and *cut is set.
 */
char *octo_put_text(char *p, const char *end, const char *text, size_t n, bool *cut);

/* "2025-11-10T10:30:45" and "2025-11-10", 19 and 10 bytes, of seconds since 1970 UTC (years 1970 to 9999). */
char *octo_put_time(char *p, uint64_t unix_s);
char *octo_put_date(char *p, uint64_t unix_s);

/* The text of an IPv4 (4 bytes) or IPv6 (16 bytes, RFC 5952; mapped ones as IPv4) address; at most 39 bytes. */
char *octo_put_ipv4(char *p, const uint8_t address[4]);
char *octo_put_ipv6(char *p, const uint8_t address[16]);

#endif
