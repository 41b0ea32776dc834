/*
 * Request IDs: what is usable, how ours are made, the header line that carries one.
 *
 * For: framer (the set), conn/ (making and inserting). Pure. Context: any thread, signal-safe.
 */
#include "request_id.h"

#include <string.h>

bool octo_id_usable(const char *id, size_t len)
{
    if (len == 0 || len > 128)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!octo_id_char((unsigned char)id[i]))
            return false;
    return true;
}

/* Eight hex digits of v, most significant first, all at once: one nibble into each byte, then from 0..15 to ASCII. */
static void put_hex8(char *out, uint32_t v)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t x, above_9;

    x = (uint64_t)(v >> 16) | (uint64_t)(v & 0xffff) << 32; /* 16 bits in each 32, high half first */
    x = ((x >> 8) & 0x000000ff000000ffu) | (x & 0x000000ff000000ffu) << 16; /* 8 in each 16 */
    x = ((x >> 4) & 0x000f000f000f000fu) | (x & 0x000f000f000f000fu) << 8;  /* 4 in each 8 */
    above_9 = (x + 6 * ones) >> 4 & ones;
    x += '0' * ones + ('a' - '0' - 10) * above_9;
    memcpy(out, &x, 8); /* the first digit is in the lowest byte: little-endian, as all that we run on */
}

void octo_id_make(char out[OCTO_ID_MADE_LEN], uint64_t bits)
{
    memcpy(out, "req_", 4);
    put_hex8(out + 4, (uint32_t)(bits >> 32));
    put_hex8(out + 12, (uint32_t)bits);
}

size_t octo_id_line_make(char out[OCTO_ID_LINE_MAX], uint64_t bits)
{
    memcpy(out, OCTO_ID_HEADER ": ", OCTO_ID_AT);
    octo_id_make(out + OCTO_ID_AT, bits);
    memcpy(out + OCTO_ID_AT + OCTO_ID_MADE_LEN, "\r\n", 2);
    return OCTO_ID_LINE_MADE;
}

size_t octo_id_line(char out[OCTO_ID_LINE_MAX], const char *id, size_t len)
{
    static const char before[] = OCTO_ID_HEADER ": ";
    const size_t at = sizeof(before) - 1;

    memcpy(out, before, at);
    memcpy(out + at, id, len);
    memcpy(out + at + len, "\r\n", 2);
    return at + len + 2;
}
