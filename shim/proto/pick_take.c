/*
 * The picker's hands: keys that may be wanted, and the texts and numbers that are.
 *
 *      bytes, units of \u ─┬─ in a key ── narrow(): which candidates begin like this?
 *                          `─ in a value ─ put(): UTF-8 mended, into the picker's buffer
 *
 *      buffer  | value found | value found | the present one … |    free    |
 *              `--------- used ------------´`--- value_len ----´
 *                                           `-------- room, <= 128 --------´
 *
 * For: pick.c only. Context: any thread, signal-safe.
 * Source: RFC 8259 sections 6 to 8; Unicode 15 section 3.9, "U+FFFD Substitution of Maximal Subparts".
 */
#include "pick_parts.h"

#include <string.h>

enum { REPLACEMENT = 0xfffd };

void octo_pick_take_begin(struct octo_pick *p)
{
    unsigned free = (unsigned)p->buffer_size - p->used;

    p->taking = true;
    p->value_len = 0;
    p->room = free < OCTO_PICK_VALUE_MAX ? (uint8_t)free : OCTO_PICK_VALUE_MAX;
    p->need = p->part = 0;
    p->flags = PICK_EXACT;
    p->digits = p->exponent = 0;
    p->scale = 0;
}

/* Of the candidates those stay that go on with these bytes. */
static void narrow(struct octo_pick *p, const uint8_t *bytes, size_t n)
{
    const struct octo_pick_set *set = p->set;

    if (n == 0)
        return;
    for (uint64_t left = p->candidates; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        const uint8_t *rest = (const uint8_t *)set->text + set->node[i].place + p->matched;

        if (n > (size_t)set->node[i].len - p->matched || *rest != *bytes || memcmp(rest, bytes, n) != 0)
            p->candidates &= ~((uint64_t)1 << i);
    }
    if (p->candidates == 0)
        p->taking = false;
    else
        p->matched = (uint8_t)(p->matched + n); /* no more than the candidates have */
}

/* There is no room for the next byte: the text ends with the last whole character. */
static void cut(struct octo_pick *p)
{
    p->value_len = (uint8_t)(p->value_len - p->part);
    p->need = p->part = 0;
    p->flags |= PICK_CUT;
    p->taking = false;
}

static inline void put(struct octo_pick *p, uint8_t c)
{
    if (p->value_len == p->room)
        cut(p);
    else
        p->buffer[p->used + p->value_len++] = (char)c;
}

static unsigned utf8(uint32_t code, uint8_t out[4])
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

/* A whole character, of a key or a value. */
static void take_code(struct octo_pick *p, uint32_t code)
{
    uint8_t bytes[4];
    unsigned n = utf8(code, bytes);

    if (p->in_key) {
        narrow(p, bytes, n);
        return;
    }
    for (p->part = 0; p->taking && p->part < n; p->part++)
        put(p, bytes[p->part]);
    p->part = 0;
}

/* What was pending turned out to be no character: the beginning of a UTF-8 sequence, or a high surrogate. */
static void flush(struct octo_pick *p)
{
    if (p->need > 0) {
        p->value_len = (uint8_t)(p->value_len - p->part);
        p->need = p->part = 0;
        take_code(p, REPLACEMENT);
    }
    if (p->high != 0) {
        p->high = 0;
        if (p->in_key) {
            p->candidates = 0;
            p->taking = false;
        } else if (p->taking) {
            take_code(p, REPLACEMENT);
        }
    }
}

/* One byte of a value. */
static void take_byte(struct octo_pick *p, uint8_t c)
{
    if (p->need > 0) {
        if (c >= p->low && c <= p->top) {
            put(p, c);
            p->low = 0x80;
            p->top = 0xbf;
            if (!p->taking)
                return;
            p->part++;
            if (--p->need == 0)
                p->part = 0;
            return;
        }
        flush(p);
        if (!p->taking)
            return;
    }
    if (c < 0x80) {
        put(p, c);
        return;
    }
    p->need = octo_pick_utf8_lead(c, &p->low, &p->top);
    if (p->need == 0) {
        take_code(p, REPLACEMENT);
        return;
    }
    put(p, c);
    if (p->taking)
        p->part = 1;
}

/* How many of the bytes, from the first one on, are ASCII. */
static size_t ascii_prefix(const uint8_t *bytes, size_t n)
{
    const uint64_t highest = 0x8080808080808080u;
    size_t i = 0;

    for (uint64_t eight; n - i >= sizeof(eight); i += sizeof(eight)) {
        memcpy(&eight, bytes + i, sizeof(eight));
        if (eight & highest)
            break;
    }
    while (i < n && bytes[i] < 0x80)
        i++;
    return i;
}

void octo_pick_take_run(struct octo_pick *p, const uint8_t *bytes, size_t n)
{
    if (n > 0 && p->high != 0)
        flush(p);
    if (!p->taking)
        return;
    if (p->in_key) {
        narrow(p, bytes, n);
        return;
    }
    for (size_t i = 0; i < n && p->taking;) {
        size_t room = (size_t)p->room - p->value_len, rest = n - i, ascii = 0;

        if (p->need == 0)
            ascii = ascii_prefix(bytes + i, rest < room ? rest : room);
        if (ascii > 0) {
            memcpy(p->buffer + p->used + p->value_len, bytes + i, ascii);
            p->value_len = (uint8_t)(p->value_len + ascii);
            i += ascii;
        } else {
            take_byte(p, bytes[i++]);
        }
    }
}

void octo_pick_take_unit(struct octo_pick *p, uint16_t unit)
{
    bool is_low = unit >= 0xdc00 && unit <= 0xdfff;

    if (p->high != 0 && is_low) {
        uint32_t code = 0x10000 + ((uint32_t)(p->high - 0xd800) << 10 | (uint32_t)(unit - 0xdc00));

        p->high = 0;
        take_code(p, code);
        return;
    }
    flush(p);
    if (!p->taking)
        return;
    if (is_low || (unit >= 0xd800 && unit <= 0xdbff)) {
        p->high = unit; /* a low one waits in vain */
        if (is_low)
            flush(p);
        return;
    }
    take_code(p, unit);
}

void octo_pick_take_string_end(struct octo_pick *p)
{
    flush(p);
}

void octo_pick_take_number(struct octo_pick *p, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n && !(p->flags & PICK_CUT); i++) {
        if (p->value_len == p->room)
            p->flags |= PICK_CUT; /* its value is still computed */
        else
            p->buffer[p->used + p->value_len++] = (char)bytes[i];
    }
}

static void take_digit(struct octo_pick *p, unsigned digit)
{
    static const uint64_t exponent_max = 1000000000000000000u;

    if (p->phase == PICK_EXPONENT) {
        p->exponent = p->exponent * 10 + digit;
        if (p->exponent > exponent_max)
            p->exponent = exponent_max; /* more than digits could make up for */
        return;
    }
    if (p->digits <= (UINT64_MAX - 9) / 10) {
        p->digits = p->digits * 10 + digit;
        p->scale -= p->phase == PICK_FRACTION;
        return;
    }
    /* From here on digits are worth less than one millionth, unless the number is too large anyway. */
    p->scale += p->phase != PICK_FRACTION;
    if (digit != 0)
        p->flags &= (uint8_t)~PICK_EXACT;
}

void octo_pick_take_digits(struct octo_pick *p, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        take_digit(p, (unsigned)bytes[i] - '0');
}

/* digits * 10^shift, towards 0; saturates at UINT64_MAX. Clears PICK_EXACT where that is not the value. */
static uint64_t shifted(struct octo_pick *p, int64_t shift)
{
    uint64_t value = p->digits;
    bool lost = false;

    if (value == 0)
        return 0;
    for (; shift > 0 && value <= UINT64_MAX / 10; shift--)
        value *= 10;
    if (shift > 0) {
        value = UINT64_MAX;
        lost = true;
    }
    for (; shift < 0 && value > 0; shift++) {
        lost |= value % 10 != 0;
        value /= 10;
    }
    if (lost)
        p->flags &= (uint8_t)~PICK_EXACT;
    return value;
}

int64_t octo_pick_take_millionths(struct octo_pick *p)
{
    bool negative = p->flags & PICK_NEGATIVE;
    int64_t exponent = p->flags & PICK_EXPONENT_NEGATIVE ? -(int64_t)p->exponent : (int64_t)p->exponent;
    uint64_t value = shifted(p, p->scale + exponent + 6);
    uint64_t most = (uint64_t)INT64_MAX + negative;

    if (value > most) {
        value = most;
        p->flags &= (uint8_t)~PICK_EXACT;
    }
    return negative ? (int64_t)(0 - value) : (int64_t)value;
}
