/*
 * A line that is a JSON object, as loggers write them: where may members be added, and which are there?
 *
 *      {"event": "paid", "order": {"id": 7}}
 *      ^ begins                            ^ at: before the brace that ends it
 *
 * For: conn/enrich.c. Pure; any thread, signal-safe. Strict as far as it must be to be sure of the place: braces, brackets and strings
 * match, and members begin with a name; the values' grammar is their writer's.
 */
#ifndef OCTO_PROTO_OBJECT_LINE_H
#define OCTO_PROTO_OBJECT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct octo_object_line {
    size_t at;    /* of its last brace */
    bool empty;   /* it has no members */
    uint32_t has; /* bit i: names[i] is one of its members' */
};

/* Looks at line[0..n), without its line feed; blanks around the object are fine. False: it is none, or has names with escapes in
 * them that might be one of names[0..count) (count <= 32, NUL-terminated). */
bool octo_object_line(const char *line, size_t n, const char *const names[], unsigned count,
                      struct octo_object_line *found);

#endif
