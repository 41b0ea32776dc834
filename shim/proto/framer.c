/*
 * The HTTP/1 framer: dispatch, message ends, bodies.
 *
 * For: the editors and conn/. Heads are head.c's business, the fields that decide the framing field.c's.
 *
 *      START ─ head.c ─ BLANK ─┬─ (no body) ──────────────────────────────┬─ START
 *                              ├─ COUNTED ────────────────────────────────┤
 *                              ├─ CHUNK_SIZE ─ CHUNK_DATA ┐               │
 *                              │      `───────────────────┴─ trailers ────┤
 *                              └─ UNTIL_CLOSE ─ (end of stream) ──────────┘
 *
 * Context: any thread, signal-safe. Pure: owns nothing, calls nobody.
 * Source: RFC 9112 sections 2.2, 6 and 7.
 */
#include "framer_parts.h"

#include <string.h>

enum { CHUNK_DIGITS_MAX = 13 }; /* hex digits of a chunk size; what HAProxy takes */

static const uint8_t *fail(struct octo_framer *f, const uint8_t *at, enum octo_opaque_reason reason)
{
    octo_framer_opaque(f, reason);
    return at;
}

void octo_framer_init(struct octo_framer *f, enum octo_role role)
{
    memset(f, 0, sizeof(*f));
    f->role = (uint8_t)role;
}

bool octo_framer_at_start(const struct octo_framer *f)
{
    return f->phase <= PH_START_AGAIN;
}

void octo_framer_opaque(struct octo_framer *f, enum octo_opaque_reason reason)
{
    if (f->reason == OCTO_OPAQUE_NONE)
        f->reason = (uint8_t)reason;
    f->phase = PH_OPAQUE;
}

/* The first byte of a message is next: forget the one before. */
static void begin_message(struct octo_framer *f)
{
    f->flags &= FLAG_SEEN;
    f->left = 0;
    f->head_bytes = 0;
    f->head_lines = 0;
    f->status = 0;
    f->target_len = 0;
    f->method_len = f->host_len = f->id_len = 0;
    f->traceparent_len = f->b3_len = 0;
    f->tracestate_len = 0;
    f->id_state = OCTO_ID_ABSENT;
    f->minor = 0;
    f->field = FIELD_NONE;
    f->pos = f->kept = 0;
    f->phase = f->role == OCTO_REQUEST ? PH_METHOD : PH_STATUS;
}

static void end_message(struct octo_framer *f, enum octo_verdict *verdict)
{
    f->flags |= FLAG_SEEN;
    f->phase = PH_START;
    *verdict = OCTO_AT_END;
}

/* Before a message. A server may skip one empty line before a request (RFC 9112 2.2). */
static const uint8_t *feed_start(struct octo_framer *f, const uint8_t *at)
{
    enum octo_opaque_reason reason = f->flags & FLAG_SEEN ? OCTO_OPAQUE_START_LINE : OCTO_OPAQUE_NOT_HTTP;

    if (f->phase == PH_START_LF) {
        if (*at != '\n')
            return fail(f, at, reason);
        f->phase = PH_START_AGAIN;
        return at + 1;
    }
    if (*at == '\r' && f->role == OCTO_REQUEST && f->phase == PH_START) {
        f->phase = PH_START_LF;
        return at + 1;
    }
    begin_message(f);
    return at;
}

static bool has_no_body(const struct octo_framer *f)
{
    if (f->role == OCTO_REQUEST)
        return false;
    return f->method == OCTO_METHOD_HEAD || f->status < 200 || f->status == 204 || f->status == 304;
}

/* Does the stream change its protocol with this head? Of a CONNECT request its answer decides, so that what
 * follows the request is the caller's to judge: see octo_framer_feed(). */
static bool upgrades(const struct octo_framer *f)
{
    if (f->role == OCTO_REQUEST)
        return false;
    return f->status == 101 || (f->method == OCTO_METHOD_CONNECT && f->status >= 200 && f->status < 300);
}

/* A body in CONNECT has no meaning that all agree on (RFC 9110 9.3.6). */
static bool is_connect_with_body(const struct octo_framer *f)
{
    return f->role == OCTO_REQUEST && f->method == OCTO_METHOD_CONNECT &&
           (f->flags & (FLAG_CHUNKED | FLAG_LENGTH));
}

/* The blank line has passed: what follows the head? */
static void choose_body(struct octo_framer *f, enum octo_verdict *verdict)
{
    if (upgrades(f)) {
        end_message(f, verdict);
        octo_framer_opaque(f, OCTO_OPAQUE_UPGRADED);
    } else if (is_connect_with_body(f)) {
        end_message(f, verdict);
        octo_framer_opaque(f, OCTO_OPAQUE_LENGTH);
    } else if (has_no_body(f)) {
        end_message(f, verdict);
    } else if (f->flags & FLAG_CHUNKED) {
        f->phase = PH_CHUNK_SIZE;
        f->left = 0;
        f->pos = 0;
    } else if (f->flags & FLAG_LENGTH) {
        f->phase = PH_COUNTED;
        if (f->left == 0)
            end_message(f, verdict);
    } else if (f->role == OCTO_REQUEST) {
        end_message(f, verdict);
    } else {
        f->phase = PH_UNTIL_CLOSE;
        f->left = UINT64_MAX;
    }
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* pos counts the digits. A chunk size may be followed by blanks only if an extension follows them. */
static const uint8_t *feed_chunk_size(struct octo_framer *f, const uint8_t *at, const uint8_t *end)
{
    int digit;

    for (; at < end && (digit = hex_digit(*at)) >= 0; at++) {
        if (f->pos++ >= CHUNK_DIGITS_MAX)
            return fail(f, at, OCTO_OPAQUE_CHUNK);
        f->left = f->left << 4 | (unsigned)digit;
    }
    if (at == end)
        return at;
    if (f->pos == 0)
        return fail(f, at, OCTO_OPAQUE_CHUNK);
    if (*at == '\r')
        f->phase = PH_CHUNK_LF;
    else if (*at == ';')
        f->phase = PH_CHUNK_EXT;
    else if (*at == ' ' || *at == '\t')
        f->phase = PH_CHUNK_BWS;
    else
        return fail(f, at, OCTO_OPAQUE_CHUNK);
    return at + 1;
}

static const uint8_t *feed_chunk_ext(struct octo_framer *f, const uint8_t *at, const uint8_t *end)
{
    while (at < end && ((*at >= 0x20 && *at < 0x7f) || *at == '\t'))
        at++;
    if (at == end)
        return at;
    if (*at != '\r')
        return fail(f, at, OCTO_OPAQUE_CHUNK);
    f->phase = PH_CHUNK_LF;
    return at + 1;
}

/* The chunk's size line has ended. */
static void begin_chunk(struct octo_framer *f)
{
    if (f->left > 0) {
        f->phase = PH_CHUNK_DATA;
        return;
    }
    f->flags |= FLAG_TRAILER;
    f->head_bytes = 0;
    f->head_lines = 0;
    f->phase = PH_LINE;
}

/* One byte that must be `wanted`; then the phase is `next`. */
static const uint8_t *expect(struct octo_framer *f, const uint8_t *at, uint8_t wanted, enum phase next,
                             enum octo_opaque_reason reason)
{
    if (*at != wanted)
        return fail(f, at, reason);
    f->phase = (uint8_t)next;
    return at + 1;
}

static const uint8_t *feed_body(struct octo_framer *f, const uint8_t *at, const uint8_t *end,
                                enum octo_verdict *verdict)
{
    uint64_t n = (uint64_t)(end - at);

    switch ((enum phase)f->phase) {
    case PH_BLANK:
        return expect(f, at, '\r', PH_BLANK_LF, OCTO_OPAQUE_HEADER);
    case PH_BLANK_LF:
        at = expect(f, at, '\n', PH_BLANK_LF, OCTO_OPAQUE_HEADER);
        if (!octo_framer_is_opaque(f))
            choose_body(f, verdict);
        return at;
    case PH_COUNTED:
    case PH_UNTIL_CLOSE:
    case PH_CHUNK_DATA:
        if (n > f->left)
            n = f->left;
        *verdict = octo_framer_skip(f, n);
        return at + n;
    case PH_CHUNK_SIZE:
        return feed_chunk_size(f, at, end);
    case PH_CHUNK_BWS:
        if (*at == ' ' || *at == '\t')
            return at + 1;
        return expect(f, at, ';', PH_CHUNK_EXT, OCTO_OPAQUE_CHUNK);
    case PH_CHUNK_EXT:
        return feed_chunk_ext(f, at, end);
    case PH_CHUNK_LF:
        at = expect(f, at, '\n', PH_CHUNK_LF, OCTO_OPAQUE_CHUNK);
        if (!octo_framer_is_opaque(f))
            begin_chunk(f);
        return at;
    case PH_CHUNK_DATA_CR:
        return expect(f, at, '\r', PH_CHUNK_DATA_LF, OCTO_OPAQUE_CHUNK);
    case PH_CHUNK_DATA_LF:
        f->pos = 0;
        return expect(f, at, '\n', PH_CHUNK_SIZE, OCTO_OPAQUE_CHUNK);
    case PH_TRAILER_LF:
        at = expect(f, at, '\n', PH_TRAILER_LF, OCTO_OPAQUE_CHUNK);
        if (!octo_framer_is_opaque(f))
            end_message(f, verdict);
        return at;
    default:
        return fail(f, at, OCTO_OPAQUE_START_LINE); /* no such phase */
    }
}

size_t octo_framer_feed(struct octo_framer *f, const uint8_t *p, size_t n, enum octo_verdict *verdict)
{
    const uint8_t *at = p;
    const uint8_t *const end = p + n;

    *verdict = OCTO_MORE;
    while (at < end && *verdict == OCTO_MORE && !octo_framer_is_opaque(f)) {
        if (f->phase <= PH_START_AGAIN)
            at = feed_start(f, at);
        else if (f->phase < PH_BLANK)
            at = octo_head_feed(f, at, end, verdict);
        else
            at = feed_body(f, at, end, verdict);
    }
    if (octo_framer_is_opaque(f) && *verdict == OCTO_MORE) {
        *verdict = OCTO_IS_OPAQUE;
        return 0;
    }
    return (size_t)(at - p);
}

uint64_t octo_framer_raw_left(const struct octo_framer *f)
{
    switch ((enum phase)f->phase) {
    case PH_COUNTED:
    case PH_CHUNK_DATA:
        return f->left;
    case PH_UNTIL_CLOSE:
    case PH_OPAQUE:
        return UINT64_MAX;
    default:
        return 0;
    }
}

bool octo_framer_ends_with_stream(const struct octo_framer *f)
{
    return f->phase == PH_UNTIL_CLOSE;
}

bool octo_framer_ends_within(const struct octo_framer *f, uint64_t n)
{
    return f->phase == PH_COUNTED && f->left <= n;
}

enum octo_verdict octo_framer_skip(struct octo_framer *f, uint64_t n)
{
    enum octo_verdict verdict = OCTO_MORE;

    if (f->phase == PH_OPAQUE || f->phase == PH_UNTIL_CLOSE || n == 0)
        return OCTO_MORE;
    f->left -= n;
    if (f->left == 0) {
        if (f->phase == PH_CHUNK_DATA)
            f->phase = PH_CHUNK_DATA_CR;
        else
            end_message(f, &verdict);
    }
    return verdict;
}

enum octo_verdict octo_framer_eof(struct octo_framer *f)
{
    enum octo_verdict verdict = OCTO_IS_OPAQUE;

    if (octo_framer_at_start(f))
        return OCTO_MORE;
    if (f->phase == PH_UNTIL_CLOSE)
        end_message(f, &verdict);
    return verdict;
}

const char *octo_opaque_reason_name(enum octo_opaque_reason reason)
{
    static const char *const names[OCTO_OPAQUE_REASONS] = {
        [OCTO_OPAQUE_NONE] = "none",
        [OCTO_OPAQUE_NOT_HTTP] = "not_http",
        [OCTO_OPAQUE_START_LINE] = "start_line",
        [OCTO_OPAQUE_HEADER] = "header",
        [OCTO_OPAQUE_LENGTH] = "length",
        [OCTO_OPAQUE_CODING] = "coding",
        [OCTO_OPAQUE_CHUNK] = "chunk",
        [OCTO_OPAQUE_TOO_LARGE] = "too_large",
        [OCTO_OPAQUE_UPGRADED] = "upgraded",
        [OCTO_OPAQUE_UNSOLICITED] = "unsolicited",
        [OCTO_OPAQUE_PIPELINE] = "pipeline",
        [OCTO_OPAQUE_CALL] = "call",
        [OCTO_OPAQUE_CONCURRENT] = "concurrent",
        [OCTO_OPAQUE_SHARED] = "shared",
        [OCTO_OPAQUE_MEMORY] = "memory",
    };

    return (unsigned)reason < OCTO_OPAQUE_REASONS ? names[reason] : "none";
}
