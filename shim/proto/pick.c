/*
 * The picker: the grammar, and the calls.
 *
 *      VALUE ──┬─ { FIRST_KEY ─ STRING ─ COLON ─ VALUE … AFTER ─┬─ , KEY ─ STRING …
 *              │                                                 `─ } ─ AFTER
 *              ├─ [ FIRST_ITEM … AFTER ─┬─ , VALUE …
 *              │                        `─ ] ─ AFTER
 *              ├─ STRING (ESCAPE, HEX) ─ AFTER
 *              ├─ LITERAL ─ AFTER
 *              `─ NUMBER … ─ AFTER
 *
 * A step goes on to the next phase by itself where the next byte is there and most probably the expected one; this halves
 * the steps. What a value means for the paths is pick_tree.c's business.
 *
 * For: whoever picks. Context: any thread, signal-safe.  Source: RFC 8259.
 */
#include "pick_parts.h"
#include "scan.h"

#include <string.h>

static inline bool is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline bool is_digit(uint8_t c)
{
    return (uint8_t)(c - '0') <= 9;
}

static const uint8_t *scan_string_plain(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p >= 0x20 && *p != '"' && *p != '\\')
        p++;
    return p;
}

#if defined(__SSE2__)
/* Bit i is set if byte i of the 16 at p ends a run within a string. */
static inline unsigned odd_string16(const uint8_t *p)
{
    __m128i c = _mm_loadu_si128((const __m128i *)p);
    __m128i odd = _mm_cmpeq_epi8(_mm_min_epu8(c, _mm_set1_epi8(0x1f)), c);

    odd = _mm_or_si128(odd, _mm_cmpeq_epi8(c, _mm_set1_epi8('"')));
    odd = _mm_or_si128(odd, _mm_cmpeq_epi8(c, _mm_set1_epi8('\\')));
    return (unsigned)_mm_movemask_epi8(odd);
}
#endif

/* The first byte of p[0..end) that is a quote, a backslash or a control, or end. Reads nothing before base. */
static inline const uint8_t *scan_string(const uint8_t *base, const uint8_t *p, const uint8_t *end)
{
#if defined(__SSE2__)
    return octo_scan_with(odd_string16, scan_string_plain, base, p, end);
#else
    (void)base;
    return scan_string_plain(p, end);
#endif
}

static const uint8_t *fail(struct octo_pick *p, const uint8_t *at)
{
    p->state = OCTO_PICK_BAD;
    return at;
}

/* From here on all take bytes of at[0..end), at least one, and return where they stopped. Some may be called at the end. */

/* Within a string, which may be a key. */
static const uint8_t *feed_string(struct octo_pick *p, const uint8_t *base, const uint8_t *at, const uint8_t *end)
{
    const uint8_t *stop = scan_string(base, at, end);

    if (p->taking)
        octo_pick_take_run(p, at, (size_t)(stop - at));
    if (stop == end)
        return stop;
    if (*stop == '"') {
        if (!p->in_key) {
            if (p->taking)
                octo_pick_take_string_end(p);
            octo_pick_tree_scalar_end(p, OCTO_PICK_STRING);
            return stop + 1;
        }
        octo_pick_tree_key_end(p);
        if (stop + 1 == end || stop[1] != ':')
            return stop + 1;
        p->phase = PICK_VALUE;
        return stop + 2;
    }
    if (*stop != '\\')
        return fail(p, stop);
    p->phase = PICK_ESCAPE;
    return stop + 1;
}

static const uint8_t *feed_hex(struct octo_pick *p, const uint8_t *at, const uint8_t *end)
{
    for (; at < end && p->pos < 4; at++, p->pos++) {
        uint8_t letter = *at | 0x20;
        unsigned digit;

        if (is_digit(*at))
            digit = (unsigned)*at - '0';
        else if (letter >= 'a' && letter <= 'f')
            digit = (unsigned)letter - 'a' + 10;
        else
            return fail(p, at);
        p->unit = (uint16_t)(p->unit << 4 | digit);
    }
    if (p->pos == 4) {
        if (p->taking)
            octo_pick_take_unit(p, p->unit);
        p->phase = PICK_STRING;
    }
    return at;
}

static const uint8_t *feed_escape(struct octo_pick *p, const uint8_t *base, const uint8_t *at, const uint8_t *end)
{
    static const char names[] = "\"\\/bfnrt", units[] = "\"\\/\b\f\n\r\t";
    const char *name;

    if (*at == 'u') {
        p->unit = 0;
        p->pos = 0;
        p->phase = PICK_HEX;
        return feed_hex(p, at + 1, end);
    }
    name = memchr(names, *at, sizeof(names) - 1);
    if (name == NULL)
        return fail(p, at);
    if (p->taking)
        octo_pick_take_unit(p, (uint8_t)units[name - names]);
    p->phase = PICK_STRING;
    return feed_string(p, base, at + 1, end);
}

static const uint8_t *feed_literal(struct octo_pick *p, const uint8_t *at, const uint8_t *end)
{
    static const char literals[][6] = {[PICK_TRUE] = "true", [PICK_FALSE] = "false", [PICK_NULL] = "null"};
    const char *literal = literals[p->literal];

    for (; at < end && literal[p->pos] != '\0'; at++, p->pos++)
        if (*at != (uint8_t)literal[p->pos])
            return fail(p, at);
    if (literal[p->pos] != '\0')
        return at;
    p->flags = p->literal == PICK_TRUE ? PICK_IS_TRUE : 0;
    octo_pick_tree_scalar_end(p, p->literal == PICK_NULL ? OCTO_PICK_NULL : OCTO_PICK_BOOL);
    return at;
}

/* May a number end in this phase? */
static inline bool is_number_whole(enum pick_phase phase)
{
    return phase == PICK_ZERO || phase == PICK_WHOLE || phase == PICK_FRACTION || phase == PICK_EXPONENT;
}

/* A byte within a number that is no digit. Returns whether it belongs to the number; p->phase is then the next one. */
static bool feed_number_sign(struct octo_pick *p, uint8_t c)
{
    bool whole = p->phase == PICK_ZERO || p->phase == PICK_WHOLE;

    if (c == '.' && whole) {
        p->phase = PICK_POINT;
    } else if ((c | 0x20) == 'e' && (whole || p->phase == PICK_FRACTION)) {
        p->phase = PICK_E;
    } else if ((c == '-' || c == '+') && p->phase == PICK_E) {
        p->phase = PICK_E_SIGN;
        p->flags |= c == '-' ? PICK_EXPONENT_NEGATIVE : 0;
    } else if (c == '-' && p->phase == PICK_NUMBER) {
        p->phase = PICK_MINUS;
        p->flags |= PICK_NEGATIVE;
    } else {
        return false;
    }
    return true;
}

/* A run of digits within a number. */
static const uint8_t *feed_digits(struct octo_pick *p, const uint8_t *at, const uint8_t *end)
{
    const uint8_t *from = at++;

    switch ((enum pick_phase)p->phase) {
    case PICK_NUMBER:
    case PICK_MINUS:
        p->phase = *from == '0' ? PICK_ZERO : PICK_WHOLE;
        break;
    case PICK_ZERO:
        return fail(p, from); /* a leading zero */
    case PICK_POINT:
        p->phase = PICK_FRACTION;
        break;
    case PICK_E:
    case PICK_E_SIGN:
        p->phase = PICK_EXPONENT;
        break;
    default:
        break;
    }
    while (p->phase != PICK_ZERO && at < end && is_digit(*at))
        at++;
    if (p->taking)
        octo_pick_take_digits(p, from, (size_t)(at - from));
    return at;
}

static inline bool may_follow_number(const struct octo_pick *p, uint8_t c)
{
    return is_space(c) || (p->depth > 0 && (c == ',' || c == ']' || c == '}'));
}

static const uint8_t *feed_number(struct octo_pick *p, const uint8_t *at, const uint8_t *end)
{
    const uint8_t *from = at;

    while (at < end && p->state == OCTO_PICK_MORE) {
        if (is_digit(*at))
            at = feed_digits(p, at, end);
        else if (feed_number_sign(p, *at))
            at++;
        else
            break;
    }
    if (p->taking)
        octo_pick_take_number(p, from, (size_t)(at - from));
    if (at == end || p->state != OCTO_PICK_MORE)
        return at;
    if (!is_number_whole((enum pick_phase)p->phase) || !may_follow_number(p, *at))
        return fail(p, at);
    octo_pick_tree_scalar_end(p, OCTO_PICK_NUMBER);
    return at;
}

static inline const uint8_t *begin_value(struct octo_pick *p, const uint8_t *base, const uint8_t *at,
                                         const uint8_t *end)
{
    uint8_t c = *at;

    if (c == '"') {
        octo_pick_tree_scalar_begin(p);
        p->phase = PICK_STRING;
        return feed_string(p, base, at + 1, end);
    }
    if (c == '{' || c == '[')
        return octo_pick_tree_open(p, c == '{') ? at + 1 : fail(p, at);
    if (c == '-' || is_digit(c)) {
        octo_pick_tree_scalar_begin(p);
        p->phase = PICK_NUMBER;
        return feed_number(p, at, end);
    }
    if (c == 't' || c == 'f' || c == 'n') {
        octo_pick_tree_scalar_begin(p);
        p->phase = PICK_LITERAL;
        p->literal = c == 't' ? PICK_TRUE : c == 'f' ? PICK_FALSE : PICK_NULL;
        p->pos = 1;
        return feed_literal(p, at + 1, end);
    }
    if (c != ']' || p->phase != PICK_FIRST_ITEM)
        return fail(p, at);
    octo_pick_tree_close(p);
    return at + 1;
}

static inline const uint8_t *begin_key(struct octo_pick *p, const uint8_t *base, const uint8_t *at,
                                       const uint8_t *end)
{
    if (*at == '"') {
        octo_pick_tree_key_begin(p);
        return feed_string(p, base, at + 1, end);
    }
    if (*at != '}' || p->phase != PICK_FIRST_KEY)
        return fail(p, at);
    octo_pick_tree_close(p);
    return at + 1;
}

static inline const uint8_t *feed_after(struct octo_pick *p, const uint8_t *base, const uint8_t *at,
                                        const uint8_t *end)
{
    bool object = p->objects >> (p->depth - 1) & 1;

    if (*at == (object ? '}' : ']')) {
        octo_pick_tree_close(p);
        return at + 1;
    }
    if (*at++ != ',')
        return fail(p, at);
    if (!object) {
        octo_pick_tree_next_item(p);
        return at;
    }
    p->phase = PICK_KEY;
    return at < end && *at == '"' ? begin_key(p, base, at, end) : at;
}

static inline const uint8_t *step(struct octo_pick *p, const uint8_t *base, const uint8_t *at, const uint8_t *end)
{
    if (p->phase <= PICK_AFTER && is_space(*at))
        return at + 1;
    switch ((enum pick_phase)p->phase) {
    case PICK_VALUE:
    case PICK_FIRST_ITEM:
        return begin_value(p, base, at, end);
    case PICK_FIRST_KEY:
    case PICK_KEY:
        return begin_key(p, base, at, end);
    case PICK_COLON:
        p->phase = PICK_VALUE;
        return *at == ':' ? at + 1 : fail(p, at);
    case PICK_AFTER:
        return feed_after(p, base, at, end);
    case PICK_STRING:
        return feed_string(p, base, at, end);
    case PICK_ESCAPE:
        return feed_escape(p, base, at, end);
    case PICK_HEX:
        return feed_hex(p, at, end);
    case PICK_LITERAL:
        return feed_literal(p, at, end);
    default:
        return feed_number(p, at, end);
    }
}

void octo_pick_begin(struct octo_pick *p, const struct octo_pick_set *set, char *buffer, size_t buffer_size,
                     uint64_t limit_bytes)
{
    p->set = set;
    p->buffer = buffer;
    p->left = limit_bytes;
    p->objects = 0;
    p->seen = 0;
    p->buffer_size = buffer_size < UINT16_MAX ? (uint16_t)buffer_size : UINT16_MAX;
    p->used = 0;
    p->pending = set->node[0].paths;
    p->found = 0;
    p->high = 0;
    p->state = p->pending != 0 ? OCTO_PICK_MORE : OCTO_PICK_DONE;
    p->phase = PICK_VALUE;
    p->depth = p->live = 0;
    p->node = p->target = 0;
    p->taking = p->in_key = false;
    p->need = p->part = 0;
}

enum octo_pick_state octo_pick_feed(struct octo_pick *p, const void *bytes, size_t n)
{
    const uint8_t *base = bytes, *at = base, *end;
    size_t some = n < p->left ? n : (size_t)p->left;

    if (p->state != OCTO_PICK_MORE || n == 0)
        return (enum octo_pick_state)p->state;
    end = base + some;
    while (at < end && p->state == OCTO_PICK_MORE)
        at = step(p, base, at, end);
    p->left -= some;
    if (p->state == OCTO_PICK_MORE && some < n)
        p->state = OCTO_PICK_TOO_LONG;
    return (enum octo_pick_state)p->state;
}

enum octo_pick_state octo_pick_end(struct octo_pick *p)
{
    if (p->state != OCTO_PICK_MORE)
        return (enum octo_pick_state)p->state;
    if (p->depth == 0 && is_number_whole((enum pick_phase)p->phase))
        octo_pick_tree_scalar_end(p, OCTO_PICK_NUMBER);
    else
        p->state = OCTO_PICK_BAD;
    return (enum octo_pick_state)p->state;
}
