/*
 * Putting text and numbers into a line. See put.h.
 *
 * Context: the writer thread, and whoever makes a line; no state, no libc but memcpy.
 */
#include "export/put.h"

#define TENS(t) t "0" t "1" t "2" t "3" t "4" t "5" t "6" t "7" t "8" t "9"
const char octo_put_pairs[201] =
    TENS("0") TENS("1") TENS("2") TENS("3") TENS("4") TENS("5") TENS("6") TENS("7") TENS("8") TENS("9");

static const char hex[] = "0123456789abcdef";

static char *put_u4(char *p, uint32_t v)
{
    p[0] = '\\';
    p[1] = 'u';
    p[2] = hex[v >> 12 & 15];
    p[3] = hex[v >> 8 & 15];
    p[4] = hex[v >> 4 & 15];
    p[5] = hex[v & 15];
    return p + 6;
}

size_t octo_put_decode(const uint8_t *s, size_t n, uint32_t *code)
{
    uint32_t c = s[0], low = 0x80, high = 0xbf;
    size_t need;

    *code = 0xfffd;
    if (c >= 0xc2 && c <= 0xdf) {
        need = 1;
        c &= 0x1f;
    } else if (c >= 0xe0 && c <= 0xef) {
        need = 2;
        low = c == 0xe0 ? 0xa0 : 0x80;  /* overlong */
        high = c == 0xed ? 0x9f : 0xbf; /* surrogates */
        c &= 0x0f;
    } else if (c >= 0xf0 && c <= 0xf4) {
        need = 3;
        low = c == 0xf0 ? 0x90 : 0x80;
        high = c == 0xf4 ? 0x8f : 0xbf; /* beyond U+10FFFF */
        c &= 0x07;
    } else {
        return 1;
    }
    for (size_t i = 1; i <= need; i++) {
        if (i >= n || s[i] < low || s[i] > high)
            return i;
        c = c << 6 | (s[i] & 0x3f);
        low = 0x80;
        high = 0xbf;
    }
    *code = c;
    return need + 1;
}

/* The escape of one byte or code point: at most 12 bytes. Returns its end. */
static char *escape(char *out, uint32_t c)
{
    static const char brief[] = "btn fr"; /* \b \t \n . \f \r */

    if (c >= 0x10000) {
        c -= 0x10000;
        return put_u4(put_u4(out, 0xd800 | c >> 10), 0xdc00 | (c & 0x3ff));
    }
    if (c == '"' || c == '\\' || (c >= 8 && c <= 13 && c != 11)) {
        out[0] = '\\';
        out[1] = c >= 0x20 ? (char)c : brief[c - 8];
        return out + 2;
    }
    return put_u4(out, c);
}

/* Eight bytes at once: non-zero if one of them is not plain (printable ASCII but quote and backslash). */
static inline uint64_t not_plain(uint64_t x)
{
    const uint64_t ones = 0x0101010101010101ull, tops = 0x80 * ones;
    uint64_t quote = x ^ '"' * ones, slash = x ^ '\\' * ones;

    return ((x | (x + ones)) | ((x - 0x20 * ones) & ~x) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) &
           tops;
}

char *octo_put_text(char *p, const char *end, const char *text, size_t n, bool *cut)
{
    const uint8_t *s = (const uint8_t *)text, *stop = s + n;
    char *const first = p;

    while (s < stop) {
        uint64_t eight;

        /* The rest after a plain beginning: the last eight bytes once more, over those that are there already. */
        if (stop - s < 8 && n >= 8 && (size_t)(p - first) == n - (size_t)(stop - s) && end - p >= stop - s) {
            memcpy(&eight, stop - 8, 8);
            if (!not_plain(eight)) {
                memcpy(first + n - 8, &eight, 8);
                return first + n;
            }
        }

        if (stop - s >= 8 && end - p >= 8) {
            memcpy(&eight, s, 8);
            if (!not_plain(eight)) {
                memcpy(p, &eight, 8);
                s += 8;
                p += 8;
                continue;
            }
        }
        /* Up to eight bytes singly, then try the wide way again. */
        for (const uint8_t *pause = stop - s > 8 ? s + 8 : stop; s < pause;) {
            uint32_t c = *s;
            char escaped[12];
            size_t taken = 1, made;

            if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
                if (p == end)
                    goto full;
                *p++ = (char)c;
                s++;
                continue;
            }
            if (c >= 0x80)
                taken = octo_put_decode(s, (size_t)(stop - s), &c);
            made = (size_t)(escape(escaped, c) - escaped);
            if ((size_t)(end - p) < made)
                goto full;
            p = octo_put_bytes(p, escaped, made);
            s += taken;
        }
    }
    return p;

full:
    *cut = true;
    return p;
}

char *octo_put_date(char *p, uint64_t unix_s)
{
    /* Howard Hinnant's civil_from_days, for days since 1970-01-01; a year begins in March. */
    uint32_t z = (uint32_t)(unix_s / 86400) + 719468;
    uint32_t era = z / 146097, doe = z % 146097;
    uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint32_t mp = (5 * doy + 2) / 153, day = doy - (153 * mp + 2) / 5 + 1;
    uint32_t month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);

    p = octo_put_2(p, year / 100 % 100);
    p = octo_put_2(p, year % 100);
    *p++ = '-';
    p = octo_put_2(p, month);
    *p++ = '-';
    return octo_put_2(p, day);
}

char *octo_put_time(char *p, uint64_t unix_s)
{
    uint32_t s = (uint32_t)(unix_s % 86400);

    p = octo_put_date(p, unix_s);
    *p++ = 'T';
    p = octo_put_2(p, s / 3600);
    *p++ = ':';
    p = octo_put_2(p, s / 60 % 60);
    *p++ = ':';
    return octo_put_2(p, s % 60);
}

char *octo_put_ipv4(char *p, const uint8_t address[4])
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t v = address[i];

        if (v >= 100)
            p = octo_put_3(p, v);
        else if (v >= 10)
            p = octo_put_2(p, v);
        else
            *p++ = (char)('0' + v);
        *p++ = '.';
    }
    return p - 1;
}

char *octo_put_ipv6(char *p, const uint8_t address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    int best = -1, best_len = 1; /* a single zero group is not shortened */

    if (memcmp(address, mapped, sizeof mapped) == 0)
        return octo_put_ipv4(p, address + 12);
    for (int i = 0; i < 8; i++) {
        int len = 0;

        while (i + len < 8 && address[2 * (i + len)] == 0 && address[2 * (i + len) + 1] == 0)
            len++;
        if (len > best_len) {
            best = i;
            best_len = len;
        }
        i += len;
    }
    for (int i = 0; i < 8; i++) {
        uint32_t v = (uint32_t)address[2 * i] << 8 | address[2 * i + 1];
        int shift = 12;

        if (i == best) {
            p = OCTO_PUT(p, "::");
            i += best_len - 1;
            continue;
        }
        if (i != 0 && p[-1] != ':')
            *p++ = ':';
        while (shift > 0 && v >> shift == 0)
            shift -= 4;
        for (; shift >= 0; shift -= 4)
            *p++ = hex[v >> shift & 15];
    }
    return p;
}
