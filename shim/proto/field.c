/*
 * The fields that matter to framing and to the request ID, value piece by value piece.
 *
 * For: head.c, which has already checked every byte (tchar names, text values) and skips leading blanks.
 * A value may come in any number of pieces, down to one byte each; what has to be remembered between
 * pieces is `pos` (its meaning depends on the field, see each function) and for Content-Length `left`.
 * Context: any thread, signal-safe. Source: RFC 9112 sections 6.1 to 6.3; contract, "Request ID".
 */
#include "framer_parts.h"
#include "request_id.h"

#include <string.h>

static const uint64_t LENGTH_MAX = UINT64_C(1) << 53; /* the largest integer every parser can count */
static const uint8_t POS_BLANK = 254;                 /* blanks since the value proper: nothing may follow */
static const uint8_t POS_OTHER = 255;                 /* in a list: this member is not the one wanted */

/* Setting bit 5 makes letters lower-case, leaves '-' and digits alone, and among tchars turns nothing else
 * into a letter, '-' or digit. */
static bool same_name(const uint8_t *name, const char *lower, size_t len)
{
    unsigned differs = 0;

    for (size_t i = 0; i < len; i++)
        differs |= (name[i] | 0x20u) ^ (uint8_t)lower[i];
    return differs == 0;
}

enum field octo_field_find(const uint8_t *name, size_t len)
{
    switch (len) {
    case 4:
        return same_name(name, "host", 4) ? FIELD_HOST : FIELD_NONE;
    case 10:
        return same_name(name, "connection", 10) ? FIELD_CONNECTION : FIELD_NONE;
    case 12:
        return same_name(name, "x-request-id", 12) ? FIELD_ID : FIELD_NONE;
    case 14:
        return same_name(name, "content-length", 14) ? FIELD_LENGTH : FIELD_NONE;
    case 17:
        return same_name(name, "transfer-encoding", 17) ? FIELD_CODING : FIELD_NONE;
    default:
        return FIELD_NONE;
    }
}

void octo_field_begin(struct octo_framer *f, enum field field)
{
    f->field = (uint8_t)field;
    f->pos = 0;
    switch (field) {
    case FIELD_LENGTH:
        /* Repeated, even with the same value: parsers disagree on what to do. */
        if (f->flags & FLAG_LENGTH)
            octo_framer_opaque(f, OCTO_OPAQUE_LENGTH);
        f->flags |= FLAG_LENGTH;
        f->left = 0;
        break;
    case FIELD_CODING:
        if ((f->flags & FLAG_CHUNKED) || f->minor == 0)
            octo_framer_opaque(f, OCTO_OPAQUE_CODING);
        f->flags |= FLAG_CHUNKED;
        break;
    case FIELD_HOST:
        if (f->flags & FLAG_HOST)
            f->field = FIELD_NONE;
        f->flags |= FLAG_HOST;
        break;
    default:
        break;
    }
}

/* pos: 0 before the first digit, 1 after it, POS_BLANK after the number. */
static void value_length(struct octo_framer *f, const uint8_t *p, size_t n)
{
    for (; n > 0; p++, n--) {
        if ((*p == ' ' || *p == '\t') && f->pos != 0) {
            f->pos = POS_BLANK;
            continue;
        }
        if (*p < '0' || *p > '9' || f->pos == POS_BLANK) {
            octo_framer_opaque(f, OCTO_OPAQUE_LENGTH);
            return;
        }
        f->left = f->left * 10 + (*p - '0');
        f->pos = 1;
        if (f->left > LENGTH_MAX) {
            octo_framer_opaque(f, OCTO_OPAQUE_LENGTH);
            return;
        }
    }
}

/* pos: letters of "chunked" matched, POS_BLANK after all seven. */
static void value_coding(struct octo_framer *f, const uint8_t *p, size_t n)
{
    static const char chunked[] = "chunked";

    for (; n > 0; p++, n--) {
        if ((*p == ' ' || *p == '\t') && f->pos >= 7) {
            f->pos = POS_BLANK;
        } else if (f->pos < 7 && (*p | 0x20) == chunked[f->pos]) {
            f->pos++;
        } else {
            octo_framer_opaque(f, OCTO_OPAQUE_CODING);
            return;
        }
    }
}

/* pos: letters of "x-request-id" matched in the present member, 12 for all (blanks may follow), POS_OTHER
 * once it is known to be another one. */
static void value_connection(struct octo_framer *f, const uint8_t *p, size_t n)
{
    static const char wanted[] = "x-request-id";

    for (; n > 0; p++, n--) {
        if (*p == ',') {
            if (f->pos == 12)
                f->flags |= FLAG_ID_LISTED;
            f->pos = 0;
        } else if (*p == ' ' || *p == '\t') {
            if (f->pos != 0 && f->pos != 12)
                f->pos = POS_OTHER;
        } else if (f->pos < 12 && (*p | 0x20) == wanted[f->pos]) {
            f->pos++;
        } else {
            f->pos = POS_OTHER;
        }
    }
}

static bool same_id(const struct octo_framer *f, uint8_t c)
{
    return f->text != NULL && f->pos < f->id_len && f->text->id[f->pos] == (char)c;
}

/* pos: bytes of this field's value so far, POS_BLANK after it. The first field is kept in text->id, the
 * others are compared with it. */
static void value_id(struct octo_framer *f, const uint8_t *p, size_t n)
{
    const bool first = !(f->flags & FLAG_ID);

    for (; n > 0 && !(f->flags & FLAG_ID_BAD); p++, n--) {
        if (*p == ' ' || *p == '\t') {
            if (f->pos != f->id_len && f->pos != POS_BLANK)
                f->flags |= FLAG_ID_BAD; /* shorter than the first */
            f->pos = POS_BLANK;
            continue;
        }
        if (f->pos >= OCTO_ID_MAX || !octo_id_char(*p) || (!first && !same_id(f, *p))) {
            f->flags |= FLAG_ID_BAD;
            return;
        }
        if (first) {
            if (f->text != NULL)
                f->text->id[f->pos] = (char)*p;
            f->id_len = (uint8_t)(f->pos + 1);
        }
        f->pos++;
    }
}

static void value_host(struct octo_framer *f, const uint8_t *p, size_t n)
{
    size_t room = f->text != NULL ? OCTO_HOST_MAX - f->host_len : 0;

    if (n > room)
        n = room;
    if (n > 0)
        memcpy(f->text->host + f->host_len, p, n);
    f->host_len = (uint8_t)(f->host_len + n);
}

void octo_field_value(struct octo_framer *f, const uint8_t *p, size_t n)
{
    switch ((enum field)f->field) {
    case FIELD_LENGTH:
        value_length(f, p, n);
        break;
    case FIELD_CODING:
        value_coding(f, p, n);
        break;
    case FIELD_CONNECTION:
        value_connection(f, p, n);
        break;
    case FIELD_ID:
        value_id(f, p, n);
        break;
    case FIELD_HOST:
        value_host(f, p, n);
        break;
    case FIELD_NONE:
        break;
    }
}

void octo_field_end(struct octo_framer *f)
{
    switch ((enum field)f->field) {
    case FIELD_LENGTH:
        if (f->pos == 0)
            octo_framer_opaque(f, OCTO_OPAQUE_LENGTH);
        break;
    case FIELD_CODING:
        if (f->pos < 7)
            octo_framer_opaque(f, OCTO_OPAQUE_CODING);
        break;
    case FIELD_CONNECTION:
        if (f->pos == 12)
            f->flags |= FLAG_ID_LISTED;
        break;
    case FIELD_ID:
        if (f->pos == 0 || (f->pos != POS_BLANK && f->pos != f->id_len))
            f->flags |= FLAG_ID_BAD;
        f->flags |= FLAG_ID;
        break;
    case FIELD_HOST:
        while (f->host_len > 0 && (f->text->host[f->host_len - 1] == ' '
                                   || f->text->host[f->host_len - 1] == '\t'))
            f->host_len--;
        break;
    case FIELD_NONE:
        break;
    }
    f->field = FIELD_NONE;
}

void octo_field_settle(struct octo_framer *f)
{
    if ((f->flags & (FLAG_LENGTH | FLAG_CHUNKED)) == (FLAG_LENGTH | FLAG_CHUNKED)) {
        octo_framer_opaque(f, OCTO_OPAQUE_LENGTH);
        return;
    }
    if ((f->flags & FLAG_ID_BAD) || f->text == NULL)
        f->id_len = 0; /* never echoed, never logged */
    if (f->flags & FLAG_ID)
        f->id_state = f->flags & FLAG_ID_BAD ? OCTO_ID_UNUSABLE : OCTO_ID_USABLE;
    else
        f->id_state = f->flags & FLAG_ID_LISTED ? OCTO_ID_UNUSABLE : OCTO_ID_ABSENT;
}
