/*
 * Fuzzing streams of documents: whatever an API sends, in any pieces, is what the model makes of the whole.
 *
 * Input: a byte for the form, a byte for the longest piece; the stream.
 */
#include "sse_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned state;

static unsigned dice(unsigned below)
{
    state = state * 1103515245 + 12345;
    return (state >> 16) % below;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sse_text wanted = {NULL, 0, 0}, found = {NULL, 0, 0};

    if (size < 2)
        return 0;
    state = (unsigned)size;
    sse_model(&wanted, data + 2, size - 2, data[0] & 1);
    sse_real(&found, data + 2, size - 2, data[0] & 1, 1 + data[1] % 32, dice);
    if (wanted.len != found.len || (wanted.len > 0 && memcmp(wanted.at, found.at, wanted.len) != 0))
        abort();
    free(wanted.at);
    free(found.at);
    return 0;
}
