/* What a scraper asks for: see http_request.h. */
#include "export/http_request.h"

#include "base/text.h"
#include "proto/endpoint.h"

#include <string.h>

enum { Q_ONE = 1000 };

void octo_ask_begin(struct octo_ask *a)
{
    octo_framer_init(&a->framer, OCTO_REQUEST);
    a->framer.text = &a->text;
    a->used = a->framed = a->head = a->skipped = 0;
}

char *octo_ask_room(struct octo_ask *a, size_t *room)
{
    *room = sizeof(a->bytes) - a->used;
    return a->bytes + a->used;
}

/* True if the first `framed` bytes, and those skipped before, are more than a head, its blank line and the longest body. */
static bool is_too_long(const struct octo_ask *a, size_t framed)
{
    return a->skipped + (framed - a->head) > sizeof("\r\n") - 1 + OCTO_ASK_BODY_MAX;
}

enum octo_ask_state octo_ask_feed(struct octo_ask *a, size_t n)
{
    a->used += n;
    while (a->framed < a->used) {
        enum octo_verdict verdict;
        const uint8_t *at = (const uint8_t *)a->bytes + a->framed;

        a->framed += octo_framer_feed(&a->framer, at, a->used - a->framed, &verdict);
        switch (verdict) {
        case OCTO_AT_BLANK:
            a->head = a->framed;
            break;
        case OCTO_AT_END:
            return is_too_long(a, a->framed) ? OCTO_ASK_BAD : OCTO_ASK_WHOLE;
        case OCTO_IS_OPAQUE:
            return OCTO_ASK_BAD;
        case OCTO_MORE:
            break;
        }
    }
    /* A body is of no interest: its bytes make room for more of it. */
    if (a->head != 0 && a->used > a->head) {
        a->skipped += a->used - a->head;
        a->used = a->framed = a->head;
    }
    return a->used == sizeof(a->bytes) || is_too_long(a, a->head) ? OCTO_ASK_BAD : OCTO_ASK_MORE;
}

void octo_ask_next(struct octo_ask *a)
{
    size_t left = a->used - a->framed;

    memmove(a->bytes, a->bytes + a->framed, left);
    a->used = left;
    a->framed = a->head = a->skipped = 0;
    a->framer.text = &a->text;
}

bool octo_ask_is(const struct octo_ask *a, const char *method)
{
    size_t n = strlen(method);

    return a->framer.method_len == n && memcmp(a->text.method, method, n) == 0;
}

bool octo_ask_is_for(const struct octo_ask *a, const char *path)
{
    size_t n = strlen(path), at = 0, len = a->framer.target_len;

    return octo_endpoint_form(a->text.target, len, &at) == OCTO_TARGET_PATH && len - at >= n &&
           memcmp(a->text.target + at, path, n) == 0 && (len - at == n || a->text.target[at + n] == '?');
}

/* ── fields ────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static void trim(const char **at, const char **end)
{
    while (*at < *end && is_space(**at))
        (*at)++;
    while (*at < *end && is_space((*end)[-1]))
        (*end)--;
}

/* The next field line of that name from *at on: its value. The framer has seen that each line is name:value CRLF. */
static bool next_field(const struct octo_ask *a, const char *name, const char **at, const char **value,
                       const char **end)
{
    const char *stop = a->bytes + a->head;
    size_t n = strlen(name);

    while (*at < stop) {
        const char *line = *at, *line_end = memchr(line, '\r', (size_t)(stop - line));

        if (line_end == NULL)
            line_end = stop;
        *at = line_end + 2;
        if ((size_t)(line_end - line) > n && line[n] == ':' && octo_text_same(line, n, name)) {
            *value = line + n + 1;
            *end = line_end;
            return true;
        }
    }
    return false;
}

/* The next element of a comma-separated list. */
static bool next_element(const char **at, const char *end, const char **element, const char **element_end)
{
    const char *comma;

    if (*at >= end)
        return false;
    comma = memchr(*at, ',', (size_t)(end - *at));
    *element = *at;
    *element_end = comma ? comma : end;
    *at = comma ? comma + 1 : end;
    trim(element, element_end);
    return true;
}

/* 0 to 1000 for 0, 1, 0.5, 0.123; nonsense counts as 0: not wanted. */
static unsigned parse_q(const char *at, const char *end)
{
    unsigned q = 0, unit = Q_ONE / 10;

    if (at == end || (*at != '0' && *at != '1'))
        return 0;
    q = (unsigned)(*at++ - '0') * Q_ONE;
    if (at < end && *at++ != '.')
        return 0;
    for (; at < end; at++, unit /= 10) {
        if (*at < '0' || *at > '9')
            return 0;
        q += unit * (unsigned)(*at - '0');
    }
    return q > Q_ONE ? Q_ONE : q;
}

/* The q of an element and, if it has one, its parameter `version`; cuts the parameters off the element. */
static unsigned quality(const char *element, const char **element_end, const char **version,
                        const char **version_end)
{
    const char *end = *element_end, *at = memchr(element, ';', (size_t)(end - element));
    unsigned q = Q_ONE;

    *version = NULL;
    if (at == NULL)
        return q;
    *element_end = at;
    trim(&element, element_end);
    while (at < end) {
        const char *name = at + 1, *name_end = memchr(name, ';', (size_t)(end - name));

        at = name_end = name_end ? name_end : end;
        trim(&name, &name_end);
        if (name_end - name >= 2 && (name[0] == 'q' || name[0] == 'Q') && name[1] == '=')
            q = parse_q(name + 2, name_end);
        if (name_end - name >= 8 && octo_text_same(name, 8, "version=")) {
            *version = name + 8;
            *version_end = name_end;
        }
    }
    return q;
}

bool octo_ask_wants_openmetrics(const struct octo_ask *a)
{
    const char *at = a->bytes, *value, *end;
    unsigned open = 0, text = 0, anything = 0;
    bool names_text = false; /* then a range that holds it too says nothing of it */

    while (next_field(a, "accept", &at, &value, &end)) {
        const char *element, *element_end, *version, *version_end;

        while (next_element(&value, end, &element, &element_end)) {
            unsigned q = quality(element, &element_end, &version, &version_end);
            size_t n = (size_t)(element_end - element);

            if (octo_text_same(element, n, "application/openmetrics-text")) {
                if (!version || octo_text_same(version, (size_t)(version_end - version), "1.0.0"))
                    open = q > open ? q : open;
            } else if (octo_text_same(element, n, "text/plain")) {
                names_text = true;
                text = q > text ? q : text;
            } else if (octo_text_same(element, n, "text/*") || octo_text_same(element, n, "*/*")) {
                anything = q > anything ? q : anything;
            }
        }
    }
    return open != 0 && open >= (names_text ? text : anything);
}

bool octo_ask_wants_gzip(const struct octo_ask *a)
{
    const char *at = a->bytes, *value, *end;
    unsigned gzip = 0;

    while (next_field(a, "accept-encoding", &at, &value, &end)) {
        const char *element, *element_end, *version, *version_end;

        while (next_element(&value, end, &element, &element_end)) {
            unsigned q = quality(element, &element_end, &version, &version_end);
            size_t n = (size_t)(element_end - element);

            if (octo_text_same(element, n, "gzip") || octo_text_same(element, n, "x-gzip"))
                gzip = q;
        }
    }
    return gzip != 0;
}

bool octo_ask_is_last(const struct octo_ask *a)
{
    const char *at = a->bytes, *value, *end;

    if (a->framer.minor == 0)
        return true;
    while (next_field(a, "connection", &at, &value, &end)) {
        const char *element, *element_end;

        while (next_element(&value, end, &element, &element_end))
            if (octo_text_same(element, (size_t)(element_end - element), "close"))
                return true;
    }
    return false;
}
