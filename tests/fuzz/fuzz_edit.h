/*
 * How both editors' fuzzers read their input: see fuzz_edit_read.c.
 */
#ifndef OCTO_TESTS_FUZZ_EDIT_H
#define OCTO_TESTS_FUZZ_EDIT_H

#include "stream_gen.h"

static inline bool fuzz_edit_input(const uint8_t *data, size_t size, struct stream_text *stream,
                                   enum octo_role *role, struct choices *choices)
{
    size_t n;

    if (size < 3)
        return false;
    *role = data[0] & 1 ? OCTO_RESPONSE : OCTO_REQUEST;
    *choices = (struct choices){.bytes = data + 3, .left = size - 3};
    if (data[0] & 2) {
        gen_stream(stream, *role, choices);
        return stream->len > 0;
    }
    n = (size_t)data[1] << 8 | data[2];
    n = n < size - 3 ? n : size - 3;
    n = n < STREAM_MAX ? n : STREAM_MAX;
    memcpy(stream->bytes, data + 3, n);
    stream->len = n;
    *choices = (struct choices){.bytes = data + 3 + n, .left = size - 3 - n};
    for (size_t i = 0; i < STREAM_MESSAGES; i++)
        stream->methods[i] = (uint8_t)(choose(choices, 8) == 7 ? OCTO_METHOD_HEAD : OCTO_METHOD_OTHER);
    return n > 0;
}

#endif
