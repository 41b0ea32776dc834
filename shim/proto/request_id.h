/*
 * Request IDs: what is usable, how ours are made, the header line that carries one.
 *
 * Context: any thread, signal-safe.  Source: contract, "Request ID".
 */
#ifndef OCTO_PROTO_REQUEST_ID_H
#define OCTO_PROTO_REQUEST_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OCTO_ID_HEADER "X-Request-ID"

enum {
    OCTO_ID_AT = (int)sizeof(OCTO_ID_HEADER ": ") - 1,                 /* where the ID begins in its header line */
    OCTO_ID_MADE_LEN = 20,                                             /* "req_" and 16 hex digits */
    OCTO_ID_LINE_MAX = (int)sizeof(OCTO_ID_HEADER ": ") - 1 + 128 + 2, /* longest header line */
    OCTO_ID_LINE_MADE = (int)sizeof(OCTO_ID_HEADER ": ") - 1 + OCTO_ID_MADE_LEN + 2,
};

/* True for 1 to 128 characters of A-Z a-z 0-9 . _ ~ : / + = @ - */
bool octo_id_usable(const char *id, size_t len);

/* True for one such character. One bit a character: 0x20-0x3f is + - . / 0-9 : =, then @ A-Z _, then a-z ~ */
static inline bool octo_id_char(unsigned char c)
{
    static const uint32_t set[8] = {0, 0x27ffe800, 0x87ffffff, 0x47fffffe, 0, 0, 0, 0};

    return set[c >> 5] >> (c & 31) & 1;
}

/* Writes "req_" and the 16 lower-case hex digits of bits (most significant first): 20 bytes, no NUL. */
void octo_id_make(char out[OCTO_ID_MADE_LEN], uint64_t bits);

/* Writes the header line of the ID that octo_id_make() makes of bits: OCTO_ID_LINE_MADE bytes, which it returns. */
size_t octo_id_line_make(char out[OCTO_ID_LINE_MAX], uint64_t bits);

/* Writes "X-Request-ID: <id>\r\n", no NUL. len is 1 to 128. Returns the bytes written (<= OCTO_ID_LINE_MAX). */
size_t octo_id_line(char out[OCTO_ID_LINE_MAX], const char *id, size_t len);

#endif
