/*
 * Hex digits: numbers as text and back. Pure; any thread, signal-safe.
 */
#ifndef OCTO_BASE_HEX_H
#define OCTO_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Eight hex digits of v, most significant first, all at once: one nibble into each byte, then from 0..15 to ASCII. */
static inline char *octo_hex_put8(char *out, uint32_t v)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t x, above_9;

    x = (uint64_t)(v >> 16) | (uint64_t)(v & 0xffff) << 32; /* 16 bits in each 32, high half first */
    x = ((x >> 8) & 0x000000ff000000ffu) | (x & 0x000000ff000000ffu) << 16; /* 8 in each 16 */
    x = ((x >> 4) & 0x000f000f000f000fu) | (x & 0x000f000f000f000fu) << 8;  /* 4 in each 8 */
    above_9 = (x + 6 * ones) >> 4 & ones;
    x += '0' * ones + ('a' - '0' - 10) * above_9;
    memcpy(out, &x, 8); /* the first digit is in the lowest byte: little-endian, as all that we run on */
    return out + 8;
}

static inline char *octo_hex_put16(char *out, uint64_t v)
{
    return octo_hex_put8(octo_hex_put8(out, (uint32_t)(v >> 32)), (uint32_t)v);
}

/* Reads n lower-case hex digits, 1 to 16. False: something else is among them. */
static inline bool octo_hex_get(const char *p, size_t n, uint64_t *value)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++) {
        char c = p[i];

        if (c >= '0' && c <= '9')
            v = v << 4 | (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v = v << 4 | (unsigned)(c - 'a' + 10);
        else
            return false;
    }
    *value = v;
    return true;
}

#endif
