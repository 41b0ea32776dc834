/* The request target as it may be logged. See target.h. */
#include "export/target.h"

#include "export/put.h"

#include <stdint.h>

enum { SECRET_MIN = 19 }; /* bytes of the shortest thing that is taken for a credential: sk- and 16 */

struct octo_span octo_target_host(const char *host, size_t len)
{
    size_t start = memchr(host, '@', len) != NULL ? len : 0;

    while (start > 0 && host[start - 1] != '@') /* there is one: find the last */
        start--;
    return (struct octo_span){host + start, len - start};
}

struct octo_target octo_target_split(const char *target, size_t len)
{
    struct octo_target t = {.path = {"/", 1}};
    const char *end = memchr(target, '?', len);

    if (end == NULL)
        end = target + len;
    const char *fragment = memchr(target, '#', (size_t)(end - target));

    if (fragment != NULL)
        end = fragment;
    t.path_whole = end < target + len;
    size_t n = (size_t)(end - target);

    if (n == 0)
        return t;
    if (target[0] == '/') {
        t.path = (struct octo_span){target, n};
        return t;
    }
    /* scheme "://" authority [ path ] */
    const char *colon = memchr(target, ':', n);

    if (colon != NULL && end - colon >= 3 && colon[1] == '/' && colon[2] == '/') {
        const char *authority = colon + 3;
        const char *path = memchr(authority, '/', (size_t)(end - authority));

        t.authority = octo_target_host(authority, (size_t)((path != NULL ? path : end) - authority));
        if (path != NULL)
            t.path = (struct octo_span){path, (size_t)(end - path)};
        return t;
    }
    t.path = octo_target_host(target, n);
    if (t.path.len == 0)
        t.path = (struct octo_span){"/", 1};
    return t;
}

/* Characters that credentials are made of. */
static const bool token_char[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['_'] = true, ['-'] = true, ['.'] = true,
};

static bool starts(const char *s, const char *with, size_t n)
{
    return memcmp(s, with, n) == 0;
}

static bool aws_key(const char *s)
{
    for (unsigned i = 4; i < 20; i++)
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'A' && s[i] <= 'Z')))
            return false;
    return true;
}

static bool jwt(const char *s, size_t n)
{
    const char *dot = memchr(s, '.', n);

    if (dot == NULL)
        return false;
    dot++;
    return memchr(dot, '.', (size_t)(s + n - dot)) != NULL;
}

/* s[0..n) is a whole run of token characters, n >= SECRET_MIN. */
static bool secret(const char *s, size_t n)
{
    switch (s[0]) {
    case 'e':
        return starts(s, "eyJ", 3) && jwt(s, n);
    case 's':
        return starts(s, "sk-", 3);
    case 'g': /* ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ */
        return (s[1] == 'h' && s[3] == '_' && memchr("pousr", s[2], 5) != NULL) || starts(s, "github_pat_", 11);
    case 'A':
        return (starts(s, "AKIA", 4) || starts(s, "ASIA", 4)) && n >= 20 && aws_key(s);
    default:
        return false;
    }
}

struct octo_span octo_target_secret(const char *s, size_t n)
{
    size_t at = 0;

    while (n - at >= SECRET_MIN) {
        size_t start = at;

        while (at < n && token_char[(uint8_t)s[at]])
            at++;
        if (at - start >= SECRET_MIN && secret(s + start, at - start))
            return (struct octo_span){s + start, at - start};
        if (at == n)
            break;
        at += s[at] == '%' && n - at >= 3 ? 3 : 1; /* an encoded character separates, digits and all */
    }
    return (struct octo_span){s + n, 0};
}

char *octo_target_put(char *p, const char *end, struct octo_span path, bool *cut)
{
    const char *stop = path.at + path.len;

    while (path.at < stop) {
        struct octo_span found = octo_target_secret(path.at, (size_t)(stop - path.at));

        p = octo_put_text(p, end, path.at, (size_t)(found.at - path.at), cut);
        if (found.len != 0 && !*cut)
            p = octo_put_text(p, end, "REDACTED", 8, cut);
        if (*cut)
            break;
        path.at = found.at + found.len;
    }
    return p;
}
