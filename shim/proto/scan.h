/*
 * Scans: how far does a run of allowed bytes reach?
 *
 * For: head.c and its tests. Each scan has a plain form, and on x86-64 one that looks at 16 bytes at a
 * time (SSE2, which every x86-64 has); both give the same answer. No byte outside base[0..end) is read:
 *
 *      base ........ p . . . . end        fewer than 16 left: load the 16 bytes that end at `end`
 *              `----16 bytes----´         and drop the answers about bytes before p
 *
 * Context: any thread, signal-safe. All return the first byte of p[0..end) that is not allowed, or end.
 */
#ifndef OCTO_PROTO_SCAN_H
#define OCTO_PROTO_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* tchar of RFC 9110 5.6.2, one bit a character: the words are 0x20-0x3f, 0x40-0x5f, 0x60-0x7f. */
static inline bool octo_is_tchar(uint8_t c)
{
    static const uint32_t set[8] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff, 0, 0, 0, 0};

    return set[c >> 5] >> (c & 31) & 1;
}

/* SP, HT, VCHAR and obs-text: what a field value or reason phrase may hold. */
static inline bool octo_is_text(uint8_t c)
{
    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

/* VCHAR and obs-text: what we let pass in a request target. */
static inline bool octo_is_target(uint8_t c)
{
    return c > 0x20 && c != 0x7f;
}

static inline const uint8_t *octo_scan_token_plain(const uint8_t *p, const uint8_t *end)
{
    while (p < end && octo_is_tchar(*p))
        p++;
    return p;
}

static inline const uint8_t *octo_scan_text_plain(const uint8_t *p, const uint8_t *end)
{
    while (p < end && octo_is_text(*p))
        p++;
    return p;
}

static inline const uint8_t *octo_scan_target_plain(const uint8_t *p, const uint8_t *end)
{
    while (p < end && octo_is_target(*p))
        p++;
    return p;
}

#if defined(__SSE2__)
#include <emmintrin.h>

/* Bit i is set if byte i of the 16 at p is no letter, digit, - or _ (a subset of tchar that covers nearly
 * every name and method; the caller asks the table about the others). */
static inline unsigned octo_odd_token16(const uint8_t *p)
{
    __m128i c = _mm_loadu_si128((const __m128i *)p);
    __m128i letter = _mm_sub_epi8(_mm_or_si128(c, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i digit = _mm_sub_epi8(c, _mm_set1_epi8('0'));
    __m128i ok = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter);

    ok = _mm_or_si128(ok, _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit));
    ok = _mm_or_si128(ok, _mm_cmpeq_epi8(c, _mm_set1_epi8('-')));
    ok = _mm_or_si128(ok, _mm_cmpeq_epi8(c, _mm_set1_epi8('_')));
    return (unsigned)_mm_movemask_epi8(ok) ^ 0xffff;
}

static inline unsigned octo_odd_text16(const uint8_t *p)
{
    __m128i c = _mm_loadu_si128((const __m128i *)p);
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(c, _mm_set1_epi8(0x1f)), c);

    control = _mm_andnot_si128(_mm_cmpeq_epi8(c, _mm_set1_epi8('\t')), control);
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(control, _mm_cmpeq_epi8(c, _mm_set1_epi8(0x7f))));
}

static inline unsigned octo_odd_target16(const uint8_t *p)
{
    __m128i c = _mm_loadu_si128((const __m128i *)p);
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(c, _mm_set1_epi8(0x20)), c);

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(control, _mm_cmpeq_epi8(c, _mm_set1_epi8(0x7f))));
}

/* Runs odd16 from p on; falls back to plain where the buffer is shorter than 16 bytes altogether. */
static inline __attribute__((always_inline)) const uint8_t *
octo_scan_with(unsigned (*odd16)(const uint8_t *), const uint8_t *(*plain)(const uint8_t *, const uint8_t *),
               const uint8_t *base, const uint8_t *p, const uint8_t *end)
{
    unsigned odd;

    for (; end - p >= 16; p += 16) {
        odd = odd16(p);
        if (odd != 0)
            return p + __builtin_ctz(odd);
    }
    if (end - base < 16)
        return plain(p, end);
    odd = odd16(end - 16) >> (16 - (end - p));
    return odd != 0 ? p + __builtin_ctz(odd) : end;
}

static inline const uint8_t *octo_scan_token(const uint8_t *base, const uint8_t *p, const uint8_t *end)
{
    p = octo_scan_with(octo_odd_token16, octo_scan_token_plain, base, p, end);
    return p < end && octo_is_tchar(*p) ? octo_scan_token_plain(p, end) : p;
}

static inline const uint8_t *octo_scan_text(const uint8_t *base, const uint8_t *p, const uint8_t *end)
{
    return octo_scan_with(octo_odd_text16, octo_scan_text_plain, base, p, end);
}

static inline const uint8_t *octo_scan_target(const uint8_t *base, const uint8_t *p, const uint8_t *end)
{
    return octo_scan_with(octo_odd_target16, octo_scan_target_plain, base, p, end);
}

#else

static inline const uint8_t *octo_scan_token(const uint8_t *base, const uint8_t *p, const uint8_t *end)
{
    (void)base;
    return octo_scan_token_plain(p, end);
}

static inline const uint8_t *octo_scan_text(const uint8_t *base, const uint8_t *p, const uint8_t *end)
{
    (void)base;
    return octo_scan_text_plain(p, end);
}

static inline const uint8_t *octo_scan_target(const uint8_t *base, const uint8_t *p, const uint8_t *end)
{
    (void)base;
    return octo_scan_target_plain(p, end);
}

#endif
#endif
