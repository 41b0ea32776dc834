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

void octo_id_make(char out[OCTO_ID_MADE_LEN], uint64_t bits)
{
    memcpy(out, "req_", 4);
    for (int i = OCTO_ID_MADE_LEN - 1; i >= 4; i--, bits >>= 4)
        out[i] = "0123456789abcdef"[bits & 15];
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
