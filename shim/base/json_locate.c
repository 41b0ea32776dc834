/*
 * Where in a JSON text a value stands. See json_locate.h.
 *
 * One way down: at each step of the path the members or items before the wanted one are passed over, by counting brackets.
 * Keys are compared as they are unescaped, byte by byte, with no memory.
 */
#include "base/json_locate.h"

#include <stdint.h>
#include <string.h>

struct walk {
    const char *text;
    size_t len, at;
};

/* The next byte; -1 at the end. */
static int peek(const struct walk *w)
{
    return w->at < w->len ? (unsigned char)w->text[w->at] : -1;
}

static void pass_space(struct walk *w)
{
    while (peek(w) == ' ' || peek(w) == '\t' || peek(w) == '\n' || peek(w) == '\r')
        w->at++;
}

/* At a quotation mark: to behind the closing one. */
static void pass_string(struct walk *w)
{
    for (w->at++; w->at < w->len && w->text[w->at] != '"'; w->at++)
        if (w->text[w->at] == '\\')
            w->at++;
    w->at = w->at < w->len ? w->at + 1 : w->len;
}

/* At a value: to behind it. */
static void pass_value(struct walk *w)
{
    size_t depth = 0;

    while (w->at < w->len) {
        char c = w->text[w->at];

        if (c == '"') {
            pass_string(w);
        } else if (c == '{' || c == '[') {
            depth++;
            w->at++;
        } else if (depth == 0) { /* a number or literal */
            while (w->at < w->len && memchr(",]} \t\n\r", w->text[w->at], 7) == NULL)
                w->at++;
        } else {
            depth -= c == '}' || c == ']';
            w->at++;
        }
        if (depth == 0)
            return;
    }
}

/* At XXXX: its value, and behind it. */
static uint32_t hex4(struct walk *w)
{
    uint32_t value = 0;

    for (int i = 0; i < 4 && w->at < w->len; i++) {
        char c = w->text[w->at++];

        value = value << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

/* At the four digits of \uXXXX. */
static unsigned unescape_unicode(struct walk *w, unsigned char to[4])
{
    uint32_t c = hex4(w);

    if (c >= 0xd800 && c < 0xdc00 && w->at + 2 < w->len) { /* jansson takes pairs of surrogates only */
        w->at += 2;
        c = 0x10000 + ((c & 0x3ff) << 10 | (hex4(w) & 0x3ff));
    }
    if (c < 0x80) {
        to[0] = (unsigned char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (unsigned char)(0xc0 | c >> 6);
        to[1] = (unsigned char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (unsigned char)(0xe0 | c >> 12);
        to[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
        to[2] = (unsigned char)(0x80 | (c & 0x3f));
        return 3;
    }
    to[0] = (unsigned char)(0xf0 | c >> 18);
    to[1] = (unsigned char)(0x80 | (c >> 12 & 0x3f));
    to[2] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
    to[3] = (unsigned char)(0x80 | (c & 0x3f));
    return 4;
}

/* The next unescaped character of a string as UTF-8 in to[0..4). Returns its bytes, 0 at the closing mark. */
static unsigned unescape(struct walk *w, unsigned char to[4])
{
    static const char from[] = "bfnrt", into[] = "\b\f\n\r\t";
    const char *known;

    if (w->at >= w->len || w->text[w->at] == '"')
        return 0;
    to[0] = (unsigned char)w->text[w->at++];
    if (to[0] != '\\' || w->at >= w->len)
        return 1;
    to[0] = (unsigned char)w->text[w->at++];
    if (to[0] == 'u')
        return unescape_unicode(w, to);
    known = to[0] != '\0' ? strchr(from, to[0]) : NULL;
    if (known != NULL)
        to[0] = (unsigned char)into[known - from];
    return 1;
}

/* One step of a path. */
struct step {
    bool is_index, quoted;
    size_t index;
    const char *key; /* as in the path: len bytes, escaped if quoted */
    size_t len;
};

/* At a key in the text: does it equal the step's? Leaves w behind the key. */
static bool is_key(struct walk *w, const struct step *s)
{
    const char *k = s->key, *end = s->key + s->len;
    struct walk begin = *w;
    unsigned char bytes[4];
    unsigned n;
    bool same = true;

    begin.at++;
    pass_string(w);
    while (same && (n = unescape(&begin, bytes)) > 0) {
        for (unsigned i = 0; same && i < n; i++) {
            if (s->quoted && k < end && *k == '\\')
                k++;
            same = k < end && (unsigned char)*k++ == bytes[i];
        }
    }
    return same && k == end;
}

/* Reads a step off the path. Returns what is behind it, or NULL. */
static const char *next_step(const char *path, bool first, struct step *s)
{
    const char *p = path;

    *s = (struct step){0};
    if (*p == '[' && p[1] == '"') {
        s->quoted = true;
        s->key = p += 2;
        for (; *p != '"' && *p != '\0'; p++)
            if (*p == '\\' && p[1] != '\0')
                p++;
        s->len = (size_t)(p - s->key);
        return *p == '"' && p[1] == ']' ? p + 2 : NULL;
    }
    if (*p == '[') {
        s->is_index = true;
        for (p++; *p >= '0' && *p <= '9' && s->index < SIZE_MAX / 16; p++)
            s->index = s->index * 10 + (size_t)(*p - '0');
        return *p == ']' && p[-1] != '[' ? p + 1 : NULL;
    }
    if (!first && *p++ != '.')
        return NULL;
    s->key = p;
    s->len = strcspn(p, ".[]\"\\");
    p += s->len;
    return s->len > 0 && (*p == '\0' || *p == '.' || *p == '[') ? p : NULL;
}

/* At an object or array: to the value that the step leads to. */
static bool enter(struct walk *w, const struct step *s, size_t *key)
{
    if (peek(w) != (s->is_index ? '[' : '{'))
        return false;
    w->at++;
    for (size_t i = 0;; i++) {
        bool found = s->is_index && i == s->index;

        pass_space(w);
        if (peek(w) == -1 || peek(w) == '}' || peek(w) == ']')
            return false;
        *key = w->at;
        if (!s->is_index) {
            if (peek(w) != '"')
                return false;
            found = is_key(w, s);
            pass_space(w);
            w->at += peek(w) == ':';
            pass_space(w);
        }
        if (found)
            return w->at < w->len;
        pass_value(w);
        pass_space(w);
        if (peek(w) != ',')
            return false;
        w->at++;
    }
}

bool octo_json_find(const char *text, size_t len, const char *path, size_t *value, size_t *key)
{
    struct walk w = {text, len, 0};
    bool first = true;
    struct step s;

    pass_space(&w);
    *key = w.at;
    while (*path != '\0') {
        path = next_step(path, first, &s);
        if (path == NULL || !enter(&w, &s, key))
            return false;
        first = false;
    }
    *value = w.at;
    return w.at < len;
}

void octo_json_place(const char *text, size_t at, size_t *line, size_t *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < at; i++) {
        ++*column;
        if (text[i] == '\n') {
            ++*line;
            *column = 1;
        }
    }
}

bool octo_json_locate(const char *text, size_t len, const char *path, size_t *line, size_t *column)
{
    size_t value, key;

    if (!octo_json_find(text, len, path, &value, &key))
        return false;
    octo_json_place(text, value, line, column);
    return true;
}
