/*
 * The request target as it may be logged: a path without query, user information or secrets.
 *
 * For: the encoder. Pure. Source: RFC 9112 section 3.2 (the four forms), contract "Events".
 *
 *      origin     /a/b?q            path /a/b
 *      absolute   http://u:p@h/a?q  path /a, authority h
 *      authority  u:p@h:443         path h:443           (CONNECT)
 *      asterisk   *                 path *
 */
#ifndef OCTO_EXPORT_TARGET_H
#define OCTO_EXPORT_TARGET_H

#include <stdbool.h>
#include <stddef.h>

struct octo_span {
    const char *at;
    size_t len;
};

struct octo_target {
    struct octo_span path;      /* never empty */
    struct octo_span authority; /* of the absolute form, else empty */
    bool path_whole;            /* a query or fragment follows the path: it was not cut short */
};

/* Takes target[0..len) apart; the spans point into it. */
struct octo_target octo_target_split(const char *target, size_t len);

/* host[0..len) without what is before its last '@'. */
struct octo_span octo_target_host(const char *host, size_t len);

/* The first part of s[0..n) that looks like a credential: a JWT, sk-…, ghp_…, AKIA…. Empty, at the end, if none does. */
struct octo_span octo_target_secret(const char *s, size_t n);

/* Like octo_put_text(), *cut being false before, with REDACTED for what octo_target_secret() finds. */
char *octo_target_put(char *p, const char *end, struct octo_span path, bool *cut);

#endif
