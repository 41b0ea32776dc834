/*
 * Two other parsers' opinion of a stream, as oracles for the framer: http_parser 2.9 and llhttp 8.
 *
 * For: fuzz_framer.c and laxer.c. Each oracle has a file of its own, since their headers define the same names.
 * Bytes are fed one at a time, so the offset of an event is that of the byte that caused it.
 */
#ifndef OCTO_TESTS_ORACLE_H
#define OCTO_TESTS_ORACLE_H

#include "proto/framer.h"

enum { ORACLE_EVENTS_MAX = 4096 };

struct oracle_event {
    size_t offset; /* behind the byte that caused it */
    char mark;     /* B: a head is complete, with its blank line; E: a message is */
};

struct oracle_trace {
    struct oracle_event event[ORACLE_EVENTS_MAX];
    size_t events;
    size_t stopped;  /* offset at which it refused, or left HTTP; SIZE_MAX: never */
    const char *why; /* the oracle's own word for it */
};

struct oracle {
    const char *name;
    /* bodyless: the responses answer HEAD. */
    void (*run)(struct oracle_trace *t, enum octo_role role, bool bodyless, const uint8_t *p, size_t n);
};

extern const struct oracle oracle_http_parser, oracle_llhttp;

static inline void oracle_note(struct oracle_trace *t, size_t offset, char mark)
{
    if (t->events < ORACLE_EVENTS_MAX)
        t->event[t->events++] = (struct oracle_event){offset, mark};
}

#endif
