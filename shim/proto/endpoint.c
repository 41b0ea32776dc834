/*
 * The label `endpoint`: a request target with what varies folded away. The rules are in endpoint.h.
 *
 * For: the metric cells; pattern.c (the form of a target). Pure; owns nothing. Context: any thread, signal-safe.
 */
#include "endpoint.h"

#include <string.h>

enum {
    DEPTH_MAX = 8,                     /* segments */
    WHOLE_MAX = OCTO_ENDPOINT_MAX - 2, /* a segment ends here at the latest: then there is room for the rest */
    SEGMENT_MAX = 32,                  /* bytes of a segment that is kept */
    SECRET_MIN = 19,                   /* bytes of the shortest thing that is taken for a credential */
    EXT_MAX = 5,                       /* bytes of an extension, without its '.' */
    HASH_MIN = 8,                      /* hex digits */
    ULID_LEN = 26,                     /* bytes */
    TOKEN_MIN = 16,                    /* bytes of a base64url-like stem, */
    TOKEN_DIGITS = 3,                  /* which has so many digits */
    PREFIX_MIN = 2,                    /* letters before an ID's - or _ */
    PREFIX_MAX = 12,
    TAIL_MIN = 3, /* bytes after it */
};

/* What a byte is. DIGIT is 1, so that digits are counted by adding. */
enum { DIGIT = 0x01, LETTER = 0x02, HEX = 0x04, BASE32 = 0x08, DASH = 0x10, DOT = 0x20, END = 0x40, BAD = 0x80 };

/* HEX and BASE32 (Crockford's) in either case; DASH is - and _; END is / ? and #; BAD is in no segment that is kept. */
static const uint8_t kinds[256] = {
    [0x00 ... 0x22] = BAD,
    ['#'] = END,
    ['$' ... ','] = BAD,
    ['-'] = DASH,
    ['.'] = DOT,
    ['/'] = END,
    ['0' ... '9'] = DIGIT | HEX | BASE32,
    [':' ... '>'] = BAD,
    ['?'] = END,
    ['@'] = BAD,
    ['A' ... 'F'] = LETTER | HEX | BASE32,
    ['G' ... 'H'] = LETTER | BASE32,
    ['I'] = LETTER,
    ['J' ... 'K'] = LETTER | BASE32,
    ['L'] = LETTER,
    ['M' ... 'N'] = LETTER | BASE32,
    ['O'] = LETTER,
    ['P' ... 'T'] = LETTER | BASE32,
    ['U'] = LETTER,
    ['V' ... 'Z'] = LETTER | BASE32,
    ['[' ... '^'] = BAD,
    ['_'] = DASH,
    ['`'] = BAD,
    ['a' ... 'f'] = LETTER | HEX | BASE32,
    ['g' ... 'h'] = LETTER | BASE32,
    ['i'] = LETTER,
    ['j' ... 'k'] = LETTER | BASE32,
    ['l'] = LETTER,
    ['m' ... 'n'] = LETTER | BASE32,
    ['o'] = LETTER,
    ['p' ... 't'] = LETTER | BASE32,
    ['u'] = LETTER,
    ['v' ... 'z'] = LETTER | BASE32,
    ['{' ... 0xff] = BAD,
};

enum verdict { KEEP, ID, HASH };

static inline unsigned kind(char c)
{
    return kinds[(unsigned char)c];
}

/* Bytes of the extension of s[0..len), 0 if there is none. */
static size_t extension(const char *s, size_t len)
{
    for (size_t n = 1; n <= EXT_MAX && n + 1 < len; n++) {
        unsigned k = kind(s[len - n]);

        if (!(k & (LETTER | DIGIT)))
            return 0;
        if (s[len - n - 1] == '.')
            return k & LETTER ? n : 0;
    }
    return 0;
}

/* True for what folding writes and a segment could not be otherwise. */
static bool is_folded(const char *s, size_t len)
{
    if (len == 1)
        return s[0] == '*';
    if (len == 3)
        return memcmp(s, ":id", 3) == 0;
    return len > 6 && memcmp(s, ":hash.", 6) == 0 && extension(s, len) == len - 6;
}

/* As the events' REDACTED (export/target.c), and a little more. len >= SECRET_MIN. */
static bool is_secret(const char *s)
{
    switch (s[0]) {
    case 'A':
        return memcmp(s, "AKIA", 4) == 0 || memcmp(s, "ASIA", 4) == 0;
    case 'e':
        return memcmp(s, "eyJ", 3) == 0;
    case 'g':
        return (s[1] == 'h' && s[3] == '_') || memcmp(s, "github_pat_", 11) == 0;
    case 's':
        return memcmp(s, "sk-", 3) == 0;
    default:
        return false;
    }
}

/* task-123, req_ab12, INV-2025-001. There is a digit in s[0..len). */
static bool is_prefixed(const char *s, size_t len)
{
    unsigned tail = 0;
    size_t at = 0;

    while (at < len && at < PREFIX_MAX && (kind(s[at]) & LETTER))
        at++;
    if (at < PREFIX_MIN || at + 1 + TAIL_MIN > len || !(kind(s[at]) & DASH))
        return false;
    for (at++; at < len; at++)
        tail |= kind(s[at]);
    return !(tail & DOT) && (tail & (DASH | LETTER)) != (DASH | LETTER);
}

/* s[0..len) has a digit and no bad byte. *ext: bytes of its extension. */
static enum verdict judge_digits(const char *s, size_t len, size_t *ext)
{
    const size_t dot_ext = (*ext = extension(s, len)) != 0 ? *ext + 1 : 0;
    const size_t stem = len - dot_ext;
    unsigned any = 0, all = 0xff, digits = 0;
    unsigned run_all = HEX, run_any = 0; /* since the last - _ . */
    size_t run = 0;

    for (size_t i = 0; i < stem; i++) {
        unsigned k = kind(s[i]);

        any |= k;
        all &= k;
        digits += k & DIGIT;
        if (k & (DASH | DOT)) {
            if (run >= HASH_MIN && (run_all & HEX) && (run_any & DIGIT))
                break;
            run_all = HEX;
            run_any = 0;
            run = 0;
        } else {
            run_all &= k;
            run_any |= k;
            run++;
        }
    }
    if (run >= HASH_MIN && (run_all & HEX) && (run_any & DIGIT))
        return *ext != 0 ? HASH : ID;
    if (len > SEGMENT_MAX)
        return ID;
    if (digits == 0)
        return KEEP;
    if (!(any & LETTER))
        return ID;
    if (stem == ULID_LEN && (all & BASE32) && s[0] <= '7')
        return ID;
    if (stem >= TOKEN_MIN && digits >= TOKEN_DIGITS && !(any & DOT))
        return ID;
    return is_prefixed(s, stem) ? ID : KEEP;
}

/* any: the kinds of all bytes of s[0..len), len >= 1. *ext is set with HASH. */
static inline enum verdict judge(const char *s, size_t len, unsigned any, size_t *ext)
{
    if (any & BAD)
        return is_folded(s, len) ? KEEP : ID;
    if (len >= SECRET_MIN && is_secret(s))
        return ID;
    if (any & DIGIT)
        return judge_digits(s, len, ext);
    return len > SEGMENT_MAX ? ID : KEEP;
}

/* Folds the path that begins at p; what octo_endpoint_fold() promises of its result holds here. */
static size_t fold_path(const char *p, const char *end, char *out)
{
    size_t used = 0;

    for (unsigned depth = 0;; depth++) {
        const char *s;
        unsigned any = 0, k;
        size_t len, ext = 0, size;
        enum verdict verdict;

        while (p < end && *p == '/')
            p++;
        for (s = p; p < end && !((k = kind(*p)) & END); p++)
            any |= k;
        len = (size_t)(p - s);
        if (len == 0)
            break;
        verdict = judge(s, len, any, &ext);
        size = verdict == KEEP ? len : verdict == ID ? 3 : 6 + ext;
        out[used] = '/';
        if (depth == DEPTH_MAX || used + 1 + size > WHOLE_MAX) {
            out[used + 1] = '*';
            return used + 2;
        }
        if (verdict == KEEP) {
            memcpy(out + used + 1, s, len);
        } else if (verdict == ID) {
            memcpy(out + used + 1, ":id", 3);
        } else {
            memcpy(out + used + 1, ":hash.", 6);
            memcpy(out + used + 7, s + len - ext, ext);
        }
        used += 1 + size;
    }
    if (used == 0)
        out[used++] = '/';
    return used;
}

/* host:port, up to five digits, or the word that stands for it. */
static bool is_authority(const char *target, size_t n)
{
    size_t colon = n;

    if (n == 7 && memcmp(target, "CONNECT", 7) == 0)
        return true;
    while (colon > 0 && (kind(target[colon - 1]) & DIGIT))
        colon--;
    if (colon == n || n - colon > 5 || colon < 2 || target[colon - 1] != ':')
        return false;
    for (size_t i = 0; i < colon; i++)
        if (octo_endpoint_ends(target[i]))
            return false;
    return true;
}

enum octo_target_form octo_endpoint_form(const char *target, size_t n, size_t *path_at)
{
    size_t at = 0;

    *path_at = 0;
    if (n == 0 || octo_endpoint_ends(target[0]))
        return OCTO_TARGET_PATH;
    if (target[0] == '*' && (n == 1 || target[1] == '?' || target[1] == '#'))
        return OCTO_TARGET_ASTERISK;
    /* scheme "://" authority [ path ] */
    if (kind(target[0]) & LETTER)
        while (at < n && ((kind(target[at]) & (LETTER | DIGIT | DOT)) || target[at] == '-' || target[at] == '+'))
            at++;
    if (at == 0 || n - at < 3 || memcmp(target + at, "://", 3) != 0)
        return is_authority(target, n) ? OCTO_TARGET_AUTHORITY : OCTO_TARGET_ODD;
    at += 3;
    while (at < n && !octo_endpoint_ends(target[at]))
        at++;
    *path_at = at;
    return OCTO_TARGET_PATH;
}

size_t octo_endpoint_fold(const char *target, size_t n, char *out)
{
    size_t at;

    switch (octo_endpoint_form(target, n, &at)) {
    case OCTO_TARGET_PATH:
        return fold_path(target + at, target + n, out);
    case OCTO_TARGET_ASTERISK:
        out[0] = '*';
        return 1;
    case OCTO_TARGET_AUTHORITY:
        memcpy(out, "CONNECT", 7);
        return 7;
    case OCTO_TARGET_ODD:
        break;
    }
    memcpy(out, ":id", 3);
    return 3;
}
