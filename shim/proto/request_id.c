/*
 * Request IDs: what is usable, how ours are made, the header line that carries one.
 *
 * For: framer (the set), conn/ (making and inserting). Pure. Context: any thread, signal-safe.
 */
#include "request_id.h"

#include "base/hex.h"

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

void octo_id_make(char out[OCTO_ID_MADE_LEN], uint64_t bits)
{
    memcpy(out, "req_", 4);
    octo_hex_put16(out + 4, bits);
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
