/*
 * Fuzzing what databases, and whatever else a service connects to, send and are sent.
 *
 * Input: pieces, each a byte (which side, how many bytes) and its bytes. One reader is shown the pieces as they are, in memory
 * of exactly their size, another one every byte by itself: both must come to know the same. The first piece also begins a connection
 * whose protocol is asked for.
 */
#include "proto/info.h"
#include "proto/recognise.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

/* Lines of INFO, one after the other. */
struct lines {
    char text[65536];
    size_t len;
};

static void take(void *owner, const char *line, size_t len)
{
    struct lines *lines = owner;

    demand(lines->len + len + 1 <= sizeof(lines->text));
    memcpy(lines->text + lines->len, line, len);
    lines->text[lines->len + len] = '\n';
    lines->len += len + 1;
}

static void show(struct octo_info *info, struct lines *lines, bool answer, const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n);

    memcpy(copy, bytes, n);
    if (answer)
        octo_info_answered(info, copy, n, take, lines);
    else
        octo_info_asked(info, copy, n);
    free(copy);
}

static void recognise(bool client, const uint8_t *bytes, size_t n)
{
    enum octo_protocol last = OCTO_PROTOCOL_UNDECIDED;

    for (size_t i = 0; i <= n && i <= OCTO_RECOGNISE_MAX + 1; i++) {
        uint8_t *copy = malloc(i + 1);
        enum octo_protocol now;

        memcpy(copy + 1, bytes, i);
        now = octo_recognise(client, copy + 1, i);
        demand(last == OCTO_PROTOCOL_UNDECIDED || now == last);
        demand(i < OCTO_RECOGNISE_MAX || now != OCTO_PROTOCOL_UNDECIDED);
        last = now;
        free(copy);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct octo_info *whole = calloc(1, sizeof(*whole)), *bytewise = calloc(1, sizeof(*bytewise));
    struct lines *of_whole = calloc(1, sizeof(*of_whole)), *of_bytewise = calloc(1, sizeof(*of_bytewise));

    if (size > 1)
        recognise(!(data[0] & 1), data + 1, size - 1);
    while (size > 1) {
        bool answer = data[0] & 1;
        size_t n = 1 + (data[0] >> 1);

        data++;
        size--;
        n = n < size ? n : size;
        show(whole, of_whole, answer, data, n);
        for (size_t i = 0; i < n; i++)
            show(bytewise, of_bytewise, answer, data + i, 1);
        demand(memcmp(whole, bytewise, offsetof(struct octo_info, line)) == 0);
        demand(of_whole->len == of_bytewise->len && memcmp(of_whole->text, of_bytewise->text, of_whole->len) == 0);
        data += n;
        size -= n;
    }
    free(whole);
    free(bytewise);
    free(of_whole);
    free(of_bytewise);
    return 0;
}
