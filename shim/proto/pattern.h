/*
 * Patterns of paths as a user writes them in a settings file: /users/{name}/posts/{id}
 *
 * For: settings (check), the metric rules (match). Pure; owns nothing. Context: any thread, signal-safe.
 *
 *      segment    matches
 *      {name}     one segment, whatever it is, and captures it. A name is [A-Za-z_][A-Za-z0-9_]*
 *      *          all segments that are left, also none; only as the last one
 *      other      the same bytes: nothing is decoded, case counts
 *
 * Of a target the path is matched, found as octo_endpoint_fold() finds it: without query and fragment, and after the host
 * in the absolute form. Empty segments of a path do not count (/a//b/ is /a/b, and /a/ is matched by /a); a pattern has
 * none, but `/` alone is the root. The targets `*` and host:port have no path, so no pattern matches them.
 */
#ifndef OCTO_PROTO_PATTERN_H
#define OCTO_PROTO_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OCTO_PATTERN_MAX = 128,    /* bytes of a pattern */
    OCTO_PATTERN_CAPTURES = 8, /* names in a pattern */
};

struct octo_capture {
    const char *at; /* into the path; no NUL */
    uint16_t len;   /* bytes, 1 or more */
};

/* Returns 0 if pattern[0..n) can be used, else -EINVAL with *column, the byte that is wrong, counted from 1, and *why, a
 * static English text without a full stop. The leftmost error is told, but first of all too great a length (column 129).
 * A pattern that can be used is a label value without escapes. */
int octo_pattern_check(const char *pattern, size_t n, size_t *column, const char **why);

/* True if the path of target path[0..path_len), any bytes, matches; then captures[0..] are the named segments in order of
 * appearance, as many as there are names, otherwise they are undefined. False also if path_len > 65535. The pattern has
 * passed octo_pattern_check(); with another one the answer is undefined, but nothing is accessed that should not be. Time
 * is linear in path_len + pattern_len. */
bool octo_pattern_match(const char *pattern, size_t pattern_len, const char *path, size_t path_len,
                        struct octo_capture captures[OCTO_PATTERN_CAPTURES]);

/* The index of the capture of that name in a checked pattern, 0 to OCTO_PATTERN_CAPTURES - 1, or -1. */
int octo_pattern_name(const char *pattern, size_t n, const char *name, size_t name_len);

#endif
