/*
 * The label `endpoint`: a request target with what varies folded away, so that few names cover many requests.
 *
 * For: the metric cells, on a target that has not been seen lately. Pure; owns nothing. Context: any thread,
 * signal-safe.  Source: conventions 3.2, contract "Metrics"; RFC 9112 section 3.2 (the forms of a target).
 *
 * What the endpoint of a target is:
 *
 *      target                          endpoint
 *      /a/b?q#f                        /a/b folded (below). An empty path, also before '?' or '#', is /
 *      http://u:p@h:80/a?q             /a folded; without a path /
 *      *    *?q                        *
 *      h:443    [::1]:443    CONNECT   CONNECT   (up to five digits; no '/', '?' or '#')
 *      anything else                   :id
 *
 * A path is folded segment by segment. Empty segments do not count: /a//b/ is /a/b. The first line that fits decides.
 * EXT is an extension, 1 to 5 letters or digits, the first a letter, after the last '.', which is not the segment's first
 * byte; STEM is what is before that '.', or the segment if there is none.
 *
 *      segment                                                         becomes      examples
 *      :id    *    :hash.EXT                                           itself       so that folding twice is folding once
 *      a byte that is none of A-Z a-z 0-9 - _ .                        :id          a%20b  u@h  12:30  ~joe  a;v=1
 *      19 bytes or more, sk- gh?_ github_pat_ AKIA ASIA eyJ first      :id          credentials, as in the events
 *      8 or more hex digits, not all letters, next to no               :hash.EXT    app.8f3a2b1c.js  20251110.csv
 *          letter or digit, in STEM                  without EXT       :id          deadbeef01  order-5f0c9a7e
 *      more than 32 bytes                                              :id          UUIDs, hashes, tokens
 *      no digit in STEM                                                itself       facade  .well-known  clip.mp4
 *      STEM only of digits - _ .                                       :id          7  7.json  2025-11-10  10.0.0.1
 *      STEM is a ULID: 26 bytes, 0-7 first, no I L O U                 :id          01ARZ3NDEKTSV4RRFFQ69G5FAV
 *      STEM of 16 bytes or more, no '.', three digits or more          :id          base64url, long slugs with a date
 *      STEM is 2 to 12 letters, - or _, and 3 bytes or more,           :id          task-123  req_ab12  INV-2025-001
 *          with a digit, of letters and digits or of digits - _
 *      anything else                                                   itself       v2  v1beta1  oauth2  jquery-3.6.0.js
 *
 * Segments after the eighth become one `*`. So does the rest when the next segment would end beyond byte 198.
 * Nothing is decoded, and `.` and `..` are words like others: a server may or may not resolve them, and a wrong
 * guess would name an endpoint that was never asked for. A target that was cut short (OCTO_TARGET_MAX) is folded as it is.
 */
#ifndef OCTO_PROTO_ENDPOINT_H
#define OCTO_PROTO_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OCTO_ENDPOINT_MAX = 200 }; /* bytes of the longest endpoint */

enum octo_target_form {
    OCTO_TARGET_PATH,      /* origin or absolute form: there is a path, though it may be empty */
    OCTO_TARGET_ASTERISK,  /* OPTIONS * */
    OCTO_TARGET_AUTHORITY, /* CONNECT host:port */
    OCTO_TARGET_ODD,       /* none that RFC 9112 knows */
};

/* The form of target[0..n), any bytes, n >= 0. *path_at: where the path begins if there is one, 0 to n; the path ends
 * at the first '?', '#' or the end. */
enum octo_target_form octo_endpoint_form(const char *target, size_t n, size_t *path_at);

/* True for what ends a segment: '/', '?', '#'. */
static inline bool octo_endpoint_ends(char c)
{
    const uint32_t set = 1u << ('/' - 0x20) | 1u << ('?' - 0x20) | 1u << ('#' - 0x20);

    return ((unsigned char)c & 0xe0) == 0x20 && (set >> (c & 31) & 1);
}

/* Writes the endpoint of target[0..n), any bytes, n >= 0, to out, which has OCTO_ENDPOINT_MAX bytes and does not overlap
 * it. Returns its length, 1 to OCTO_ENDPOINT_MAX; no NUL. It is made of A-Z a-z 0-9 - _ . / : * only, so it is a label
 * value without escapes. Folding an endpoint gives that endpoint. */
size_t octo_endpoint_fold(const char *target, size_t n, char *out);

#endif
