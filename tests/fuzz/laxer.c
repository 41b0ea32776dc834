/*
 * Prints, as a Markdown table, the refused cases of the framer's tests that an oracle accepts.
 *
 * "Accepts" means that it has reported the end of more messages than we have, or has read all of the case without
 * an error. For: make fuzz-laxer, which compares the table with LAXER.md.
 */
#include "oracle.h"

#include "../unit/framer_cases.h"

#include <stdio.h>
#include <string.h>

static const char *opinion(const struct oracle *oracle, const struct framer_case *c, const uint8_t *p, size_t n,
                           size_t ours)
{
    static struct oracle_trace t;
    size_t ends = 0;

    oracle->run(&t, c->role, c->method == OCTO_METHOD_HEAD, p, n);
    for (size_t i = 0; i < t.events; i++)
        ends += t.event[i].mark == 'E';
    return t.stopped == SIZE_MAX || ends > ours ? "accepts" : "refuses";
}

int main(void)
{
    printf("| case | http_parser | llhttp |\n|---|---|---|\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct framer_case *c = &cases[i];
        const char *theirs[2];
        uint8_t bytes[4096];
        size_t n = 0, ours = 0;

        if (c->reason == OCTO_OPAQUE_NONE || c->reason == OCTO_OPAQUE_UPGRADED)
            continue;
        for (size_t j = 0; j < c->len; j++) {
            ours += c->bytes[j] == E[0];
            if (c->bytes[j] != B[0] && c->bytes[j] != E[0])
                bytes[n++] = (uint8_t)c->bytes[j];
        }
        theirs[0] = opinion(&oracle_http_parser, c, bytes, n, ours);
        theirs[1] = opinion(&oracle_llhttp, c, bytes, n, ours);
        if (strcmp(theirs[0], "accepts") == 0 || strcmp(theirs[1], "accepts") == 0)
            printf("| %s | %s | %s |\n", c->name, theirs[0], theirs[1]);
    }
    return 0;
}
