/*
 * Fuzzes the outgoing editor: the unit tests' model of a socket, with the input taking every decision.
 *
 *      input:  byte 0     bit 0 role; bit 1: the stream is made by the choices, else it is in the input
 *              bytes 1-2  bytes of stream (most significant first), then the stream
 *              rest       choices
 */
#include <stdlib.h>

#define CHECK(condition)                                                                                          \
    do {                                                                                                          \
        if (!(condition))                                                                                         \
            abort();                                                                                              \
    } while (0)

#include "fuzz_edit.h"
#include "write_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stream_text stream;
    struct choices choices;
    enum octo_role role;

    if (fuzz_edit_input(data, size, &stream, &role, &choices))
        write_model(&choices, &stream, role);
    return 0;
}
