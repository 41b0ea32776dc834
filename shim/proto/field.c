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

static inline uint64_t load8(const void *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

/*
 * True if name is `lower`, whatever its case; len is 8 to 24. Setting bit 5 makes letters lower-case, leaves
 * '-' alone, and among tchars turns nothing else into a letter or '-'. Three words cover the name:
 *
 *      |--- first 8 ---|  |--- last 8 ---|
 *               |-- middle 8 --|
 */
static inline bool same_name(const uint8_t *name, const char *lower, size_t len)
{
    const uint64_t bit5 = UINT64_C(0x2020202020202020);
    const size_t last = len - 8, middle = last / 2;

    return (((load8(name) | bit5) ^ load8(lower)) | ((load8(name + middle) | bit5) ^ load8(lower + middle)) |
            ((load8(name + last) | bit5) ^ load8(lower + last))) == 0;
}

static inline bool is_host(const uint8_t *name)
{
    return (name[0] | 0x20) == 'h' && (name[1] | 0x20) == 'o' && (name[2] | 0x20) == 's' &&
           (name[3] | 0x20) == 't';
}

enum field octo_field_find(const uint8_t *name, size_t len)
{
    switch (len) {
    case 2:
        return (name[0] | 0x20) == 'b' && name[1] == '3' ? FIELD_B3 : FIELD_NONE;
    case 4:
        return is_host(name) ? FIELD_HOST : FIELD_NONE;
    case 10:
        return same_name(name, "connection", 10)   ? FIELD_CONNECTION
               : same_name(name, "tracestate", 10) ? FIELD_TRACESTATE
                                                   : FIELD_NONE;
    case 11:
        return same_name(name, "traceparent", 11) ? FIELD_TRACEPARENT : FIELD_NONE;
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

/* A header that must come once begins: the first one is kept, but of two neither means anything. */
static void begin_single(struct octo_framer *f, uint8_t *len)
{
    if (f->text == NULL)
        f->field = FIELD_NONE;
    else if (*len > 0) {
        *len = OCTO_REPEATED;
        f->field = FIELD_NONE;
    }
}

/* What does not fit is not kept; but that there was more than blanks shows in the last byte. */
static void value_single(char *kept, size_t max, uint8_t *len, const uint8_t *p, size_t n)
{
    size_t room = max - *len, some = n < room ? n : room;

    memcpy(kept + *len, p, some);
    *len = (uint8_t)(*len + some);
    for (size_t i = some; i < n; i++)
        if (p[i] != ' ' && p[i] != '\t')
            kept[max - 1] = '?';
}

/* An empty one is there nevertheless: as one blank, which is not valid. */
static void end_single(char *kept, uint8_t *len)
{
    while (*len > 0 && (kept[*len - 1] == ' ' || kept[*len - 1] == '\t'))
        --*len;
    if (*len == 0)
        kept[(*len)++] = ' ';
}

static void value_tracestate(struct octo_framer *f, const uint8_t *p, size_t n)
{
    size_t room = f->text != NULL ? OCTO_TRACESTATE_KEPT - f->tracestate_len : 0;

    if (n > room)
        n = room;
    if (n > 0)
        memcpy(f->text->tracestate + f->tracestate_len, p, n);
    f->tracestate_len = (uint16_t)(f->tracestate_len + n);
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
    case FIELD_TRACEPARENT:
        begin_single(f, &f->traceparent_len);
        break;
    case FIELD_B3:
        begin_single(f, &f->b3_len);
        break;
    case FIELD_TRACESTATE:
        if (f->tracestate_len > 0)
            value_tracestate(f, (const uint8_t *)",", 1);
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
    const uint8_t *const end = p + n;

    for (; p < end; p++) {
        if (f->pos == POS_OTHER) {
            p = memchr(p, ',', (size_t)(end - p));
            if (p == NULL)
                return;
        }
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

/* A run of good characters: the first field's are kept in text->id, those of others are compared with it. */
static bool take_id(struct octo_framer *f, const uint8_t *p, size_t n)
{
    char *kept;

    if (f->pos + n > OCTO_ID_MAX) /* also if pos is POS_BLANK */
        return false;
    kept = f->text != NULL ? f->text->id + f->pos : NULL;
    if (f->flags & FLAG_ID)
        return kept != NULL && f->pos + n <= f->id_len && memcmp(kept, p, n) == 0;
    if (kept != NULL)
        memcpy(kept, p, n);
    f->id_len = (uint8_t)(f->pos + n);
    return true;
}

/* pos: bytes of this field's value so far, POS_BLANK after it. */
static void value_id(struct octo_framer *f, const uint8_t *p, size_t n)
{
    const uint8_t *const end = p + n;
    const uint8_t *run = p;

    if (f->flags & FLAG_ID_BAD)
        return;
    while (run < end && octo_id_char(*run))
        run++;
    if (run > p) {
        if (!take_id(f, p, (size_t)(run - p)))
            goto bad;
        f->pos = (uint8_t)(f->pos + (run - p));
    }
    if (run == end)
        return;
    if (f->pos != f->id_len && f->pos != POS_BLANK)
        goto bad; /* shorter than the first */
    for (; run < end; run++)
        if (*run != ' ' && *run != '\t')
            goto bad;
    f->pos = POS_BLANK;
    return;
bad:
    f->flags |= FLAG_ID_BAD;
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
    case FIELD_TRACEPARENT:
        value_single(f->text->traceparent, OCTO_TRACEPARENT_KEPT, &f->traceparent_len, p, n);
        break;
    case FIELD_B3:
        value_single(f->text->b3, OCTO_B3_KEPT, &f->b3_len, p, n);
        break;
    case FIELD_TRACESTATE:
        value_tracestate(f, p, n);
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
        while (f->host_len > 0 &&
               (f->text->host[f->host_len - 1] == ' ' || f->text->host[f->host_len - 1] == '\t'))
            f->host_len--;
        break;
    case FIELD_TRACEPARENT:
        end_single(f->text->traceparent, &f->traceparent_len);
        break;
    case FIELD_B3:
        end_single(f->text->b3, &f->b3_len);
        break;
    case FIELD_TRACESTATE:
    case FIELD_NONE:
        break;
    }
    f->field = FIELD_NONE;
}

/* 1xx and 204 have no body and must not say they have (RFC 9112 6.1, RFC 9110 8.6); where they do, parsers
 * disagree on whom to believe. */
static bool contradicts_itself(const struct octo_framer *f)
{
    return f->role == OCTO_RESPONSE && f->method != OCTO_METHOD_HEAD && (f->status < 200 || f->status == 204) &&
           ((f->flags & FLAG_CHUNKED) || ((f->flags & FLAG_LENGTH) && f->left > 0));
}

void octo_field_settle(struct octo_framer *f)
{
    if ((f->flags & (FLAG_LENGTH | FLAG_CHUNKED)) == (FLAG_LENGTH | FLAG_CHUNKED) || contradicts_itself(f)) {
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
