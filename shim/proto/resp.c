/* RESP: see resp.h. */
#include "proto/resp.h"

#include <string.h>

enum { DIGITS_MAX = 12 }; /* a text has at most 512 MiB, an array at most 2^32 elements */

static enum octo_resp_event bad(struct octo_resp *r)
{
    r->bad = true;
    return OCTO_RESP_BAD;
}

/* The type of an element; false: there is none such. */
static bool begin(struct octo_resp *r, uint8_t type)
{
    if (type == '\0' || !strchr("+-:$*_#,(!=%~>|", type))
        return false;
    r->type = type;
    r->value = 0;
    r->digits = 0;
    r->negative = false;
    if (r->items > 0) {
        r->items--;
        r->number++;
    } else {
        r->number = 0;
        r->messages += type != '>' && type != '|';
    }
    return true;
}

static bool has_length(uint8_t type)
{
    return strchr("$!=*~>%|", type) != NULL;
}

/* One byte of a length. */
static bool length(struct octo_resp *r, uint8_t c)
{
    if (c == '-' && r->digits == 0 && !r->negative) {
        r->negative = true;
        return true;
    }
    if (c < '0' || c > '9' || r->digits == DIGITS_MAX)
        return c == '\r' && r->digits > 0;
    r->value = r->value * 10 + (c - '0');
    r->digits++;
    return true;
}

/* The line is over. */
static void end_line(struct octo_resp *r)
{
    uint64_t n = r->negative ? 0 : r->value; /* -1: there is no text, no array */

    switch (r->type) {
    case '$':
    case '=':
    case '!':
        r->in_text = !r->negative;
        r->left = n + 2;
        break;
    case '|': /* it is besides, not instead of, the element that follows */
        r->items += 2 * n + (r->number > 0);
        r->number -= r->number > 0;
        break;
    case '%':
        r->items += 2 * n;
        break;
    case '*':
    case '~':
    case '>':
        r->items += n;
        break;
    }
    r->type = 0;
}

/* What is there of the present line. False: it is bad. */
static bool read_line(struct octo_resp *r, const uint8_t **at, const uint8_t *end)
{
    if (!has_length(r->type)) {
        const uint8_t *feed = memchr(*at, '\n', (size_t)(end - *at));

        *at = feed ? feed + 1 : end;
        if (feed)
            end_line(r);
        return true;
    }
    while (*at < end) {
        uint8_t c = *(*at)++;

        if (c == '\n' && r->digits > 0) {
            end_line(r);
            return true;
        }
        if (!length(r, c))
            return false;
    }
    return true;
}

enum octo_resp_event octo_resp_next(struct octo_resp *r, const uint8_t **at, const uint8_t *end,
                                    const uint8_t **text, size_t *len)
{
    if (r->bad)
        return OCTO_RESP_BAD;
    while (*at < end) {
        uint64_t there = (uint64_t)(end - *at);

        if (r->in_text && r->left > 2) {
            *text = *at;
            *len = (size_t)(r->left - 2 < there ? r->left - 2 : there);
            *at += *len;
            r->left -= *len;
            return OCTO_RESP_TEXT;
        }
        if (r->in_text) {
            if (*(*at)++ != (r->left == 2 ? '\r' : '\n'))
                return bad(r);
            if (--r->left > 0)
                continue;
            r->in_text = false;
            return OCTO_RESP_END;
        }
        if (r->type == 0 && !begin(r, *(*at)++))
            return bad(r);
        if (!read_line(r, at, end))
            return bad(r);
    }
    return OCTO_RESP_MORE;
}
