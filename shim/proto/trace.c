/* Trace context: see trace.h. */
#include "proto/trace.h"

#include "base/hex.h"

/* ── traceparent, b3 ───────────────────────────────────────────────────────────────────────────────── */

enum { AT_TRACE = 3, AT_SPAN = 36, AT_FLAGS = 53, LEN = 55 };

bool octo_trace_read(struct octo_trace *t, const char *value, size_t len)
{
    uint64_t version, id[2], span, flags;

    if (len < LEN || !octo_hex_get(value, 2, &version) || version == 0xff || value[2] != '-' ||
        !octo_hex_get(value + AT_TRACE, 16, &id[0]) || !octo_hex_get(value + AT_TRACE + 16, 16, &id[1]) ||
        value[AT_SPAN - 1] != '-' || !octo_hex_get(value + AT_SPAN, 16, &span) || value[AT_FLAGS - 1] != '-' ||
        !octo_hex_get(value + AT_FLAGS, 2, &flags))
        return false;
    /* A later version may have more to say, behind another hyphen. */
    if (len > LEN && (version == 0 || value[LEN] != '-'))
        return false;
    if ((id[0] | id[1]) == 0 || span == 0)
        return false;
    t->id[0] = id[0];
    t->id[1] = id[1];
    t->parent = span;
    t->flags = (uint8_t)(flags & (OCTO_TRACE_SAMPLED | OCTO_TRACE_RANDOM));
    return true;
}

bool octo_trace_read_b3(struct octo_trace *t, const char *value, size_t len)
{
    uint64_t id[2] = {0, 0}, span, parent;
    const char *p = value, *end = value + len;
    bool sampled = true; /* not said: to be decided, so it is */

    if (len >= 33 && value[32] == '-') {
        if (!octo_hex_get(p, 16, &id[0]) || !octo_hex_get(p + 16, 16, &id[1]))
            return false;
        p += 33;
    } else if (len >= 17 && value[16] == '-') {
        if (!octo_hex_get(p, 16, &id[1]))
            return false;
        p += 17;
    } else {
        return false;
    }
    if (end - p < 16 || !octo_hex_get(p, 16, &span))
        return false;
    p += 16;
    if (p < end) {
        if (end - p < 2 || p[0] != '-' || (p[1] != '0' && p[1] != '1' && p[1] != 'd'))
            return false;
        sampled = p[1] != '0';
        p += 2;
    }
    if (p < end && (end - p != 17 || p[0] != '-' || !octo_hex_get(p + 1, 16, &parent)))
        return false;
    if ((id[0] | id[1]) == 0 || span == 0)
        return false;
    t->id[0] = id[0];
    t->id[1] = id[1];
    t->parent = span;
    t->flags = sampled ? OCTO_TRACE_SAMPLED : 0;
    return true;
}

static char *put(char *p, const char *bytes, size_t n)
{
    memcpy(p, bytes, n);
    return p + n;
}

size_t octo_trace_line(char out[OCTO_TRACEPARENT_LINE], const struct octo_trace *t)
{
    char *p = put(out, "traceparent: 00-", 16);

    p = octo_hex_put16(octo_hex_put16(p, t->id[0]), t->id[1]);
    *p++ = '-';
    p = octo_hex_put16(p, t->span);
    p = put(p, "-0", 2);
    *p++ = (char)('0' + t->flags); /* 0 to 3 */
    return (size_t)(put(p, "\r\n", 2) - out);
}

size_t octo_trace_line_b3(char out[OCTO_B3_LINE], const struct octo_trace *t)
{
    char *p = put(out, "b3: ", 4);

    p = octo_hex_put16(octo_hex_put16(p, t->id[0]), t->id[1]);
    *p++ = '-';
    p = octo_hex_put16(p, t->span);
    *p++ = '-';
    *p++ = t->flags & OCTO_TRACE_SAMPLED ? '1' : '0';
    return (size_t)(put(p, "\r\n", 2) - out);
}

/* ── tracestate ────────────────────────────────────────────────────────────────────────────────────── */

enum { MEMBERS_MAX = 32, KEY_MAX = 256, VALUE_MAX = 256 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_key(const char *key, size_t len)
{
    if (len == 0 || len > KEY_MAX || !((key[0] >= 'a' && key[0] <= 'z') || (key[0] >= '0' && key[0] <= '9')))
        return false;
    for (size_t i = 1; i < len; i++)
        if (!((key[i] >= 'a' && key[i] <= 'z') || (key[i] >= '0' && key[i] <= '9') || key[i] == '_' ||
              key[i] == '-' || key[i] == '*' || key[i] == '/' || key[i] == '@'))
            return false;
    return true;
}

/* Blanks at its end have been taken off. */
static bool is_value(const char *value, size_t len)
{
    if (len == 0 || len > VALUE_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (value[i] < 0x20 || value[i] > 0x7e || value[i] == '=')
            return false;
    return true;
}

static bool is_member(const char *member, size_t len)
{
    const char *equals = memchr(member, '=', len);

    return equals && is_key(member, (size_t)(equals - member)) &&
           is_value(equals + 1, len - (size_t)(equals + 1 - member));
}

size_t octo_tracestate_pass(char out[OCTO_TRACESTATE_MAX], const char *value, size_t len, bool cut)
{
    const char *end = value + len;
    unsigned members = 0;
    size_t put = 0;
    bool full = false;

    for (const char *p = value, *comma; p < end; p = comma + 1) {
        const char *to;
        size_t n;

        comma = memchr(p, ',', (size_t)(end - p));
        if (!comma && cut)
            break; /* its rest is not known */
        to = comma ? comma : end;
        while (p < to && is_blank(*p))
            p++;
        while (to > p && is_blank(to[-1]))
            to--;
        n = (size_t)(to - p);
        if (n > 0) {
            if (++members > MEMBERS_MAX || !is_member(p, n))
                return 0;
            full |= put + (put > 0) + n > OCTO_TRACESTATE_MAX;
            if (!full) {
                if (put > 0)
                    out[put++] = ',';
                memcpy(out + put, p, n);
                put += n;
            }
        }
        if (!comma)
            break;
    }
    return put;
}

bool octo_trace_in_share(const struct octo_trace *t, uint32_t share)
{
    const uint64_t all = 1ull << 56;

    return (t->id[1] & (all - 1)) >= all - ((uint64_t)share << 32);
}

size_t octo_tracestate_line(char out[OCTO_TRACESTATE_LINE_MAX], const char *value, size_t len)
{
    char *p = put(put(out, "tracestate: ", 12), value, len);

    return (size_t)(put(p, "\r\n", 2) - out);
}
