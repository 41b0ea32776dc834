/*
 * The head: start line and field lines, up to the blank line.
 *
 * For: framer.c. The switch falls through phase after phase, so a head that lies in one buffer is read in
 * one pass; a head that arrives in pieces enters it again at the phase where it stopped. Names and methods
 * are looked at whole: a piece of one is kept in `scratch` until the rest arrives.
 * Context: any thread, signal-safe. Source: RFC 9112 sections 2 to 5.
 */
#include "framer_parts.h"
#include "scan.h"

#include <string.h>

static uint8_t min_len(size_t len, size_t max)
{
    return (uint8_t)(len < max ? len : max);
}

/* Appends a piece of a name to scratch. Names longer than scratch are cut: none that long matters. */
static void keep(struct octo_framer *f, const uint8_t *p, size_t n)
{
    uint8_t len = min_len(n, sizeof(f->scratch) - f->kept);

    memcpy(f->scratch + f->kept, p, len);
    f->kept = (uint8_t)(f->kept + len);
}

/* The name that ends with p[0..*len): there, or in scratch if earlier pieces were kept. */
static const uint8_t *whole_name(struct octo_framer *f, const uint8_t *p, size_t *len)
{
    if (f->kept == 0)
        return p;
    keep(f, p, *len);
    *len = f->kept;
    f->kept = 0;
    return f->scratch;
}

/* What to call bytes that do not even begin like a start line. */
static enum octo_opaque_reason not_http(const struct octo_framer *f)
{
    return f->flags & FLAG_SEEN ? OCTO_OPAQUE_START_LINE : OCTO_OPAQUE_NOT_HTTP;
}

/* The blank behind the method has just been seen. */
static void method_done(struct octo_framer *f, const uint8_t *p, size_t len)
{
    const uint8_t *name = whole_name(f, p, &len);

    if (len == 3 && memcmp(name, "PRI", 3) == 0) /* the preface of HTTP/2, and nothing else (RFC 9113 11.6) */
        octo_framer_opaque(f, not_http(f));
    if (len == 4 && memcmp(name, "HEAD", 4) == 0)
        f->method = OCTO_METHOD_HEAD;
    else if (len == 7 && memcmp(name, "CONNECT", 7) == 0)
        f->method = OCTO_METHOD_CONNECT;
    else
        f->method = OCTO_METHOD_OTHER;
    if (f->text == NULL)
        return;
    f->method_len = min_len(len, OCTO_METHOD_MAX);
    memcpy(f->text->method, name, f->method_len);
}

static void set_target(struct octo_framer *f, const uint8_t *p, size_t n)
{
    size_t room = f->text != NULL ? (size_t)(OCTO_TARGET_MAX - f->target_len) : 0;

    if (n > room)
        n = room;
    if (n > 0)
        memcpy(f->text->target + f->target_len, p, n);
    f->target_len = (uint16_t)(f->target_len + n);
}

static enum octo_opaque_reason line_fault(const struct octo_framer *f)
{
    if (f->flags & FLAG_TRAILER)
        return OCTO_OPAQUE_CHUNK;
    return f->head_lines == 0 ? OCTO_OPAQUE_START_LINE : OCTO_OPAQUE_HEADER;
}

static bool known_version(const uint8_t *p, uint8_t *minor)
{
    if (memcmp(p, "HTTP/1.", 7) != 0 || (p[7] != '0' && p[7] != '1'))
        return false;
    *minor = (uint8_t)(p[7] - '0');
    return true;
}

/* The next bytes of "HTTP/1.x"; pos counts those matched, 8 for all. Goes opaque at one that differs. */
static const uint8_t *read_version(struct octo_framer *f, const uint8_t *at, const uint8_t *end)
{
    static const char prefix[] = "HTTP/1.";

    if (f->pos == 0 && end - at >= 8 && known_version(at, &f->minor)) {
        f->pos = 8;
        return at + 8;
    }
    for (; at < end && f->pos < 8; at++, f->pos++) {
        if (f->pos == 7 ? *at != '0' && *at != '1' : *at != (uint8_t)prefix[f->pos]) {
            octo_framer_opaque(f, f->role == OCTO_RESPONSE && f->pos < 7 ? not_http(f) : OCTO_OPAQUE_START_LINE);
            return at;
        }
        if (f->pos == 7)
            f->minor = (uint8_t)(*at - '0');
    }
    return at;
}

/* The next bytes of "HTTP/1.x NNN"; pos counts those read, 12 for all. */
static const uint8_t *read_status(struct octo_framer *f, const uint8_t *at, const uint8_t *end)
{
    at = read_version(f, at, end);
    for (; at < end && f->pos < 12 && f->reason == OCTO_OPAQUE_NONE; at++, f->pos++) {
        if (f->pos == 8 ? *at != ' ' : *at < (f->pos == 9 ? '1' : '0') || *at > '9')
            octo_framer_opaque(f, OCTO_OPAQUE_START_LINE);
        else if (f->pos > 8)
            f->status = (uint16_t)(f->status * 10 + (*at - '0'));
    }
    return at;
}

/* The field line's colon has just been seen. */
static void name_done(struct octo_framer *f, const uint8_t *p, size_t len)
{
    const uint8_t *name = whole_name(f, p, &len);
    enum field field = f->flags & FLAG_TRAILER ? FIELD_NONE : octo_field_find(name, len);

    if (field != FIELD_NONE)
        octo_field_begin(f, field);
}

/* The CR of the blank line is next. The head is judged here, before anybody may insert anything. */
static void head_done(struct octo_framer *f, size_t bytes, enum octo_verdict *verdict)
{
    if (bytes + 2 > OCTO_HEAD_MAX) {
        octo_framer_opaque(f, OCTO_OPAQUE_TOO_LARGE);
        return;
    }
    octo_field_settle(f);
    if (octo_framer_is_opaque(f))
        return;
    f->phase = PH_BLANK;
    *verdict = OCTO_AT_BLANK;
}

#if defined(__SSE2__)
/*
 * The usual field lines, whole in the buffer, without the state machine: a name of up to 15 bytes, a colon, at most one
 * blank, a value, CRLF. Whatever is not quite so is left to feed(), which judges it. Returns the first line that is.
 *
 *      name : SP value CR LF
 *      `- 16 -´  `- 16 -´`- 16 … -´      no byte beyond end is read
 */
static const uint8_t *feed_lines(struct octo_framer *f, const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 16 && f->head_lines < OCTO_HEAD_LINES_MAX) {
        unsigned odd = octo_odd_token16(at);
        unsigned len = odd != 0 ? (unsigned)__builtin_ctz(odd) : 0;
        const uint8_t *value = at + len + 1, *p;
        enum field field;

        if (len == 0 || at[len] != ':' || value == end)
            break;
        value += *value == ' ';
        p = value;
        for (;;) {
            if (end - p < 16)
                return at;
            odd = octo_odd_text16(p);
            if (odd != 0)
                break;
            p += 16;
        }
        p += __builtin_ctz(odd);
        if (end - p < 2 || p[0] != '\r' || p[1] != '\n' || *value == ' ' || *value == '\t')
            break;
        field = octo_field_find(at, len);
        if (field != FIELD_NONE) {
            octo_field_begin(f, field);
            octo_field_value(f, value, (size_t)(p - value));
            octo_field_end(f);
            if (octo_framer_is_opaque(f))
                break;
        }
        f->head_lines++;
        at = p + 2;
    }
    return at;
}
#else
static const uint8_t *feed_lines(struct octo_framer *f, const uint8_t *at, const uint8_t *end)
{
    (void)f;
    (void)end;
    return at;
}
#endif

/* octo_head_feed() proper. Where it refuses a byte the framer is opaque and the return value means nothing. */
static const uint8_t *feed(struct octo_framer *f, const uint8_t *at, const uint8_t *end,
                           enum octo_verdict *verdict)
{
    const uint8_t *const base = at;
    const uint8_t *run;

    switch ((enum phase)f->phase) {
    case PH_METHOD:
        run = octo_scan_token(base, at, end);
        if (run == end) {
            keep(f, at, (size_t)(run - at));
            return end;
        }
        if (*run != ' ' || (run == at && f->kept == 0)) {
            octo_framer_opaque(f, not_http(f));
            return at;
        }
        method_done(f, at, (size_t)(run - at));
        if (octo_framer_is_opaque(f))
            return at;
        at = run + 1;
        f->pos = 0;
        f->phase = PH_TARGET;
        /* fall through */
    case PH_TARGET:
        run = octo_scan_target(base, at, end);
        set_target(f, at, (size_t)(run - at));
        f->pos |= run != at; /* not empty */
        at = run;
        if (at == end)
            return end;
        if (*at != ' ' || f->pos == 0) {
            octo_framer_opaque(f, OCTO_OPAQUE_START_LINE);
            return at;
        }
        at++;
        f->pos = 0;
        f->phase = PH_VERSION;
        /* fall through */
    case PH_VERSION:
        at = read_version(f, at, end);
        if (at == end)
            return end;
        if (octo_framer_is_opaque(f))
            return at;
        goto line_cr;

    case PH_STATUS:
        at = read_status(f, at, end);
        if (at == end || octo_framer_is_opaque(f))
            return at;
        f->phase = PH_STATUS_SEP;
        /* fall through */
    case PH_STATUS_SEP:
        /* The blank before an empty reason phrase is often left out; framing is in no doubt. */
        if (*at != ' ')
            goto line_cr;
        at++;
        f->phase = PH_REASON;
        /* fall through */
    case PH_REASON:
        at = octo_scan_text(base, at, end);
        if (at == end)
            return end;
    line_cr:
        if (*at != '\r') {
            octo_framer_opaque(f, line_fault(f));
            return at;
        }
        at++;
        f->phase = PH_LINE_LF;
        /* fall through */
    case PH_LINE_LF:
        if (at == end)
            return end;
        if (*at != '\n') {
            octo_framer_opaque(f, line_fault(f));
            return at;
        }
        at++;
        f->phase = PH_LINE;
        /* fall through */
    case PH_LINE:
        if (!(f->flags & FLAG_TRAILER)) {
            at = feed_lines(f, at, end);
            if (octo_framer_is_opaque(f))
                return at;
        }
        if (at == end)
            return end;
        if (*at == '\r') {
            if (f->flags & FLAG_TRAILER) {
                f->phase = PH_TRAILER_LF;
                return at + 1;
            }
            head_done(f, f->head_bytes + (size_t)(at - base), verdict);
            return at;
        }
        if (++f->head_lines > OCTO_HEAD_LINES_MAX) {
            octo_framer_opaque(f, OCTO_OPAQUE_TOO_LARGE);
            return at;
        }
        f->phase = PH_NAME;
        /* fall through */
    case PH_NAME:
        run = octo_scan_token(base, at, end);
        if (run == end) {
            keep(f, at, (size_t)(run - at));
            return end;
        }
        if (*run != ':' || (run == at && f->kept == 0)) {
            octo_framer_opaque(f, line_fault(f));
            return at;
        }
        name_done(f, at, (size_t)(run - at));
        if (octo_framer_is_opaque(f))
            return at;
        at = run + 1;
        f->phase = PH_OWS;
        /* fall through */
    case PH_OWS:
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        if (at == end)
            return end;
        f->phase = PH_VALUE;
        /* fall through */
    case PH_VALUE:
        run = octo_scan_text(base, at, end);
        if (f->field != FIELD_NONE)
            octo_field_value(f, at, (size_t)(run - at));
        at = run;
        if (at == end || octo_framer_is_opaque(f))
            return at;
        if (f->field != FIELD_NONE && *at == '\r')
            octo_field_end(f);
        if (octo_framer_is_opaque(f))
            return at;
        goto line_cr;

    default:
        return at; /* not a phase of a head: octo_framer_feed() does not call */
    }
}

const uint8_t *octo_head_feed(struct octo_framer *f, const uint8_t *at, const uint8_t *end,
                              enum octo_verdict *verdict)
{
    size_t room = OCTO_HEAD_MAX - f->head_bytes;
    bool too_large = (size_t)(end - at) > room;
    const uint8_t *stop;

    if (too_large)
        end = at + room;
    stop = room > 0 ? feed(f, at, end, verdict) : end;
    f->head_bytes += (uint32_t)(stop - at);
    if (too_large && stop == end && f->phase < PH_BLANK && *verdict == OCTO_MORE)
        octo_framer_opaque(f, OCTO_OPAQUE_TOO_LARGE);
    return stop;
}
