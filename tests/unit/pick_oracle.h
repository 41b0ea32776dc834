/*
 * What the picker must say of a document: jansson's word, and some arithmetic that is done otherwise than the picker does it.
 *
 * For: test_pick.c, test_pick_random.c and fuzz_pick.c, each of which includes it once.
 *
 * Where the picker differs from jansson on purpose, and how it is compared nevertheless:
 *   - Bytes that are no UTF-8, and \u escapes of lone surrogates, are U+FFFD in a value, and jansson refuses them:
 *     oracle_clean() writes U+FFFD in their place before jansson sees the document.
 *   - Of equal keys the first counts, jansson's is the last: `duplicates` says that values cannot be compared.
 *   - Deeper than 64 is bad, jansson's limit is 2048: the depth of what it accepts is counted.
 *   - A number too large for a double is a number: not compared (ORACLE_SILENT).
 *   - A key may hold \u0000: not compared.
 *   - jansson loses a byte NUL behind a number or literal (it puts it back, and then takes it for the end of its buffer):
 *     oracle_clean() writes \x01, which is as bad everywhere.
 *   - What stands behind the document is not judged. jansson is asked likewise (JSON_DISABLE_EOF_CHECK), but where the
 *     whole document is a number or a literal its tokens end otherwise, and the oracle knows the rule.
 */
#ifndef OCTO_TESTS_PICK_ORACLE_H
#define OCTO_TESTS_PICK_ORACLE_H

#include "proto/pick.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ORACLE_KEY_MAX = 80, ORACLE_STEPS_MAX = 6 };

/* A path in parts, from which its text is made. */
struct oracle_path {
    size_t steps;
    struct {
        bool is_index;
        unsigned index;
        size_t len;
        char key[ORACLE_KEY_MAX]; /* UTF-8 without controls */
    } step[ORACLE_STEPS_MAX];
};

/* Writes the path as octo_pick_set_add() takes it, of at most 2 * ORACLE_KEY_MAX * steps bytes. quoted: all keys are. */
static inline size_t oracle_path_text(const struct oracle_path *path, bool quoted, char *out)
{
    char *to = out;

    for (size_t i = 0; i < path->steps; i++) {
        const char *key = path->step[i].key;
        size_t len = path->step[i].len;

        if (path->step[i].is_index) {
            to += sprintf(to, "[%u]", path->step[i].index);
            continue;
        }
        if (!quoted && len > 0 && memchr(key, '\x7f', len) == NULL && memchr(key, ' ', len) == NULL &&
            memchr(key, '.', len) == NULL && memchr(key, '[', len) == NULL && memchr(key, ']', len) == NULL &&
            memchr(key, '"', len) == NULL && memchr(key, '\\', len) == NULL) {
            if (i > 0)
                *to++ = '.';
            memcpy(to, key, len);
            to += len;
            continue;
        }
        to += sprintf(to, "[\"");
        for (size_t j = 0; j < len; j++) {
            if (key[j] == '"' || key[j] == '\\')
                *to++ = '\\';
            *to++ = key[j];
        }
        to += sprintf(to, "\"]");
    }
    return (size_t)(to - out);
}

/* Bytes of the character at p[0..n) if it is well-formed UTF-8, else minus the bytes of it that one U+FFFD stands for. */
static inline int oracle_utf8(const uint8_t *p, size_t n)
{
    static const struct {
        uint8_t from[4], to[4];
        int len;
    } table[] = {
        /* Unicode 15, table 3-7 */
        {{0x00}, {0x7f}, 1},
        {{0xc2, 0x80}, {0xdf, 0xbf}, 2},
        {{0xe0, 0xa0, 0x80}, {0xe0, 0xbf, 0xbf}, 3},
        {{0xe1, 0x80, 0x80}, {0xec, 0xbf, 0xbf}, 3},
        {{0xed, 0x80, 0x80}, {0xed, 0x9f, 0xbf}, 3},
        {{0xee, 0x80, 0x80}, {0xef, 0xbf, 0xbf}, 3},
        {{0xf0, 0x90, 0x80, 0x80}, {0xf0, 0xbf, 0xbf, 0xbf}, 4},
        {{0xf1, 0x80, 0x80, 0x80}, {0xf3, 0xbf, 0xbf, 0xbf}, 4},
        {{0xf4, 0x80, 0x80, 0x80}, {0xf4, 0x8f, 0xbf, 0xbf}, 4},
    };
    int best = 0;

    for (size_t row = 0; row < sizeof(table) / sizeof(table[0]); row++) {
        int i = 0;

        while (i < table[row].len && (size_t)i < n && p[i] >= table[row].from[i] && p[i] <= table[row].to[i])
            i++;
        if (i == table[row].len)
            return i;
        best = i > best ? i : best;
    }
    return best > 0 ? -best : -1;
}

/* The \uXXXX at p[0..n): its unit, or -1. */
static inline long oracle_escape(const uint8_t *p, size_t n)
{
    char digits[5] = {0};

    if (n < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    memcpy(digits, p + 2, 4);
    return strspn(digits, "0123456789abcdefABCDEF") == 4 ? strtol(digits, NULL, 16) : -1;
}

/* Copies the document to out (3 * n bytes of room), with U+FFFD where the picker sees one. Returns its length. */
static inline size_t oracle_clean(const uint8_t *p, size_t n, char *out)
{
    char *to = out;

    for (size_t i = 0; i < n;) {
        long unit = oracle_escape(p + i, n - i), after;
        int len;

        if (unit >= 0xd800 && unit <= 0xdfff) {
            after = unit <= 0xdbff ? oracle_escape(p + i + 6, n - i - 6) : -1;
            if (after >= 0xdc00 && after <= 0xdfff) {
                memcpy(to, p + i, 12);
                to += 12;
                i += 12;
            } else {
                memcpy(to, "\\ufffd", 6);
                to += 6;
                i += 6;
            }
            continue;
        }
        if (p[i] == '\\' && i + 1 < n &&
            p[i + 1] < 0x80) { /* so that the second of two is not taken for a first one */
            *to++ = '\\';
            *to++ = p[i + 1] == 0 ? 1 : (char)p[i + 1];
            i += 2;
            continue;
        }
        if (p[i] == 0) {
            *to++ = 1;
            i++;
            continue;
        }
        len = oracle_utf8(p + i, n - i);
        memcpy(to, len > 0 ? (const char *)p + i : "\xef\xbf\xbd", len > 0 ? (size_t)len : 3);
        to += len > 0 ? len : 3;
        i += (size_t)abs(len);
    }
    return (size_t)(to - out);
}

enum oracle_verdict { ORACLE_ACCEPT, ORACLE_REJECT, ORACLE_SILENT };

struct oracle {
    enum oracle_verdict verdict;
    bool duplicates; /* there are equal keys */
    json_t *root;    /* or NULL; oracle_free() */
};

/* How deep the brackets outside strings go. */
static inline size_t oracle_nesting(const char *text, size_t n)
{
    size_t depth = 0, most = 0;
    bool in_string = false;

    for (size_t i = 0; i < n; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == '{' || text[i] == '['))
            most = ++depth > most ? depth : most;
        else if (!in_string && (text[i] == '}' || text[i] == ']'))
            depth--;
    }
    return most;
}

/* Asks jansson about the document. */
static inline struct oracle oracle_ask(const uint8_t *p, size_t n)
{
    const size_t flags = JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
    char *text = malloc(3 * n + 1);
    size_t len = oracle_clean(p, n, text), first;
    struct oracle o = {.verdict = ORACLE_REJECT};
    json_error_t error;
    json_t *unique;

    text[len] = '\0';
    first = strspn(text, " \t\r\n");
    if (strncmp(text + first, "true", 4) == 0 || strncmp(text + first, "false", 5) == 0 ||
        strncmp(text + first, "null", 4) == 0)
        len = first + (text[first] == 'f' ? 5 : 4); /* a document that is a literal ends with it */
    o.root = json_loadb(text, len, flags, &error);
    if (o.root == NULL) {
        if (json_error_code(&error) == json_error_numeric_overflow ||
            json_error_code(&error) == json_error_null_byte_in_key)
            o.verdict = ORACLE_SILENT;
    } else if (json_is_real(o.root)) {
        size_t at = (size_t)error.position;

        if (at == len || (text[at] != '\0' && strchr(" \t\r\n", text[at]) != NULL))
            o.verdict = ORACLE_ACCEPT;
    } else {
        o.verdict =
            oracle_nesting(text, (size_t)error.position) <= OCTO_PICK_DEPTH_MAX ? ORACLE_ACCEPT : ORACLE_REJECT;
    }
    unique = json_loadb(text, len, flags | JSON_REJECT_DUPLICATES, &error);
    o.duplicates = unique == NULL && o.root != NULL;
    json_decref(unique);
    free(text);
    return o;
}

static inline void oracle_free(struct oracle *o)
{
    json_decref(o->root);
    o->root = NULL;
}

/* What the path leads to, or NULL. Borrowed. */
static inline json_t *oracle_resolve(json_t *value, const struct oracle_path *path)
{
    for (size_t i = 0; i < path->steps && value != NULL; i++)
        value = path->step[i].is_index ? json_array_get(value, path->step[i].index)
                                       : json_object_getn(value, path->step[i].key, path->step[i].len);
    return value;
}

/* A number's millionths from its text, by moving the point in a row of digits. */
static inline int64_t oracle_millionths(const char *text, size_t len, bool *exact)
{
    enum { MOST = 40 };
    static const char largest[2][20] = {"9223372036854775807", "9223372036854775808"};
    bool negative = len > 0 && text[0] == '-';
    size_t e = strcspn(text, "eE"), digits = 0, first;
    char *row = calloc(1, len + MOST + 20);
    long long point = 0, exponent = e < len ? strtoll(text + e + 1, NULL, 10) : 0;
    bool behind = false;
    uint64_t value = 0;

    for (size_t i = 0; i < len && i < e; i++) {
        if (text[i] == '.')
            behind = true;
        else if (text[i] != '-') {
            row[digits++] = text[i];
            point += !behind;
        }
    }
    first = strspn(row, "0");
    *exact = true;
    if (first == digits) {
        free(row);
        return 0;
    }
    exponent = exponent > 100000000 ? 100000000 : exponent < -100000000 ? -100000000 : exponent;
    point += exponent + 6;
    /* row[0..point) are the millionths, what follows is lost */
    if (point - (long long)first > 19) {
        *exact = false;
        free(row);
        return negative ? INT64_MIN : INT64_MAX;
    }
    for (long long i = (long long)first; i < point; i++)
        value = value * 10 + (i < (long long)digits ? (uint64_t)(row[i] - '0') : 0);
    for (long long i = point > 0 ? point : 0; i < (long long)digits; i++)
        *exact &= row[i] == '0';
    if (point - (long long)first == 19) {
        char shown[32];

        snprintf(shown, sizeof(shown), "%020llu", (unsigned long long)value);
        if (shown[0] != '0' || memcmp(shown + 1, largest[negative], 19) > 0) {
            *exact = false;
            free(row);
            return negative ? INT64_MIN : INT64_MAX;
        }
    }
    free(row);
    return negative ? (int64_t)(0 - value) : (int64_t)value;
}

/* Are these the number's millionths, as far as a double can tell? */
static inline bool oracle_is_near(int64_t millionths, double number)
{
    long double wanted = (long double)number * 1e6L, off, size;

    wanted = wanted > (long double)INT64_MAX ? (long double)INT64_MAX : wanted;
    wanted = wanted < (long double)INT64_MIN ? (long double)INT64_MIN : wanted;
    off = wanted - (long double)millionths;
    size = wanted < 0 ? -wanted : wanted;
    return (off < 0 ? -off : off) <= 1 + size * 1e-14L;
}

/* NULL if v is what `wanted` (NULL: no such field) must look like, else what is wrong. In a buffer that is large enough. */
static inline const char *oracle_compare(const struct octo_pick_value *v, const json_t *wanted)
{
    const char *text;
    size_t len, whole;
    bool exact;

    if (wanted == NULL)
        return v->kind == OCTO_PICK_ABSENT && v->len == 0 ? NULL : "not absent";
    if (v->len > OCTO_PICK_VALUE_MAX)
        return "too long";
    if (v->cut && v->kind != OCTO_PICK_STRING && v->kind != OCTO_PICK_NUMBER)
        return "cut without text";
    if (v->kind != OCTO_PICK_NUMBER && (v->exact || v->millionths != 0))
        return "a number's value without a number";
    if (v->truth && v->kind != OCTO_PICK_BOOL)
        return "true and no bool";
    switch (json_typeof(wanted)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        return v->kind == OCTO_PICK_COMPOSITE && v->len == 0 ? NULL : "no composite";
    case JSON_NULL:
        return v->kind == OCTO_PICK_NULL && v->len == 4 && memcmp(v->text, "null", 4) == 0 ? NULL : "not null";
    case JSON_TRUE:
    case JSON_FALSE:
        text = json_is_true(wanted) ? "true" : "false";
        return v->kind == OCTO_PICK_BOOL && v->truth == json_is_true(wanted) && v->len == strlen(text) &&
                       memcmp(v->text, text, v->len) == 0
                   ? NULL
                   : "another bool";
    case JSON_STRING:
        text = json_string_value(wanted);
        len = whole = json_string_length(wanted);
        if (len > OCTO_PICK_VALUE_MAX)
            for (len = OCTO_PICK_VALUE_MAX; len > 0 && (text[len] & 0xc0) == 0x80;)
                len--;
        if (v->kind != OCTO_PICK_STRING)
            return "no string";
        if (v->cut != (len < whole))
            return "wrongly cut";
        return v->len == len && memcmp(v->text, text, len) == 0 ? NULL : "another text";
    default:
        if (v->kind != OCTO_PICK_NUMBER)
            return "no number";
        if (!oracle_is_near(v->millionths, json_real_value(wanted)))
            return "far from the number";
        if (!v->cut) {
            char copy[OCTO_PICK_VALUE_MAX + 1] = {0};

            memcpy(copy, v->text, v->len);
            if (strtod(copy, NULL) != json_real_value(wanted))
                return "another number";
            if (oracle_millionths(copy, v->len, &exact) != v->millionths)
                return "other millionths";
            return exact == v->exact ? NULL : "wrongly exact";
        }
        if (v->len != OCTO_PICK_VALUE_MAX)
            return "wrongly cut";
        return NULL;
    }
}

#endif
