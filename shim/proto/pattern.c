/*
 * Patterns of paths as a user writes them in a settings file. The rules are in pattern.h.
 *
 * For: settings (check), the metric rules (match). Pure; owns nothing. Context: any thread, signal-safe.
 */
#include "pattern.h"

#include "endpoint.h"

#include <errno.h>
#include <string.h>

/* One pattern, being checked from left to right. */
struct check {
    const char *pattern;
    size_t n, at;
    unsigned names;
    size_t name_at[OCTO_PATTERN_CAPTURES], name_len[OCTO_PATTERN_CAPTURES];
    const char *why; /* NULL so far; `at` is the wrong byte */
};

static bool name_char(char c, bool first)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

static void wrong(struct check *c, size_t at, const char *why)
{
    c->at = at;
    c->why = why;
}

/* At '{'. Leaves `at` behind '}'. */
static void check_name(struct check *c)
{
    const size_t open = c->at, start = open + 1;
    size_t end = start;

    if (c->names == OCTO_PATTERN_CAPTURES) {
        wrong(c, open, "more than 8 names");
        return;
    }
    while (end < c->n && name_char(c->pattern[end], end == start))
        end++;
    if (end == c->n || c->pattern[end] == '/') {
        wrong(c, open, "'{' without '}'");
        return;
    }
    if (c->pattern[end] != '}') {
        wrong(c, end, "a name is made of letters, digits and '_', and does not begin with a digit");
        return;
    }
    if (end == start) {
        wrong(c, end, "no name between '{' and '}'");
        return;
    }
    for (unsigned i = 0; i < c->names; i++) {
        if (c->name_len[i] == end - start &&
            memcmp(c->pattern + c->name_at[i], c->pattern + start, end - start) == 0) {
            wrong(c, start, "this name is there already");
            return;
        }
    }
    c->name_at[c->names] = start;
    c->name_len[c->names++] = end - start;
    c->at = end + 1;
    if (c->at < c->n && c->pattern[c->at] != '/')
        wrong(c, c->at, "a name is a whole segment: only '/' may follow '}'");
}

/* Why c may not be in a literal segment, or NULL. */
static const char *literal_wrong(char c)
{
    switch (c) {
    case '{':
        return "a name is a whole segment: '{' must follow '/'";
    case '}':
        return "'}' without '{'";
    case '*':
        return "'*' must be the whole last segment";
    case '?':
    case '#':
        return "a path ends before '?' and '#'";
    case '"':
    case '\\':
        return "quotation marks and backslashes must be percent-encoded";
    default:
        return c > 0x20 && c < 0x7f ? NULL : "blanks, control and non-ASCII characters must be percent-encoded";
    }
}

/* At the first byte of a literal segment. */
static void check_literal(struct check *c)
{
    if (c->pattern[c->at] == ':') {
        wrong(c, c->at, "a name is written {name}, not :name");
        return;
    }
    for (; c->at < c->n && c->pattern[c->at] != '/'; c->at++) {
        c->why = literal_wrong(c->pattern[c->at]);
        if (c->why != NULL)
            return;
    }
}

/* At the '/' before a segment. */
static void check_segment(struct check *c)
{
    c->at++;
    if (c->at == c->n) {
        if (c->n > 1)
            wrong(c, c->at - 1, "'/' at the end");
    } else if (c->pattern[c->at] == '/') {
        wrong(c, c->at, "'/' after '/'");
    } else if (c->pattern[c->at] == '{') {
        check_name(c);
    } else if (c->pattern[c->at] == '*' && c->at + 1 == c->n) {
        c->at++;
    } else {
        check_literal(c);
    }
}

int octo_pattern_check(const char *pattern, size_t n, size_t *column, const char **why)
{
    struct check c = {.pattern = pattern, .n = n};

    if (n > OCTO_PATTERN_MAX)
        wrong(&c, OCTO_PATTERN_MAX, "longer than 128 bytes");
    else if (n == 0 || pattern[0] != '/')
        wrong(&c, 0, "must begin with '/'");
    while (c.why == NULL && c.at < n)
        check_segment(&c);
    if (c.why == NULL)
        return 0;
    *column = c.at + 1;
    *why = c.why;
    return -EINVAL;
}

bool octo_pattern_match(const char *pattern, size_t pattern_len, const char *path, size_t path_len,
                        struct octo_capture captures[OCTO_PATTERN_CAPTURES])
{
    const char *const end = path + path_len, *const pattern_end = pattern + pattern_len;
    const char *q = pattern;
    unsigned names = 0;
    size_t at;

    if (path_len > UINT16_MAX || octo_endpoint_form(path, path_len, &at) != OCTO_TARGET_PATH)
        return false;
    for (const char *p = path + at;;) {
        const char *s;

        while (p < end && *p == '/')
            p++;
        if (q < pattern_end) /* a checked one: at a '/' */
            q++;
        if (q == pattern_end)
            return p == end || octo_endpoint_ends(*p);
        if (*q == '*')
            return true;
        s = p;
        if (*q == '{') {
            while (p < end && !octo_endpoint_ends(*p))
                p++;
            if (p == s || names == OCTO_PATTERN_CAPTURES)
                return false;
            captures[names++] = (struct octo_capture){s, (uint16_t)(p - s)};
            while (q < pattern_end && *q != '/')
                q++;
        } else {
            for (; q < pattern_end && *q != '/'; q++, p++)
                if (p == end || *p != *q)
                    return false;
            if (p < end && !octo_endpoint_ends(*p))
                return false;
        }
    }
}

int octo_pattern_name(const char *pattern, size_t n, const char *name, size_t name_len)
{
    const char *const end = pattern + n;
    int index = 0;

    for (const char *p = pattern; p < end; p++) {
        const char *s = p + 1;

        if (*p != '{')
            continue;
        while (p < end && *p != '}')
            p++;
        if ((size_t)(p - s) == name_len && memcmp(s, name, name_len) == 0)
            return index;
        index++;
    }
    return -1;
}
