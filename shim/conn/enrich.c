/* Enrichment: see enrich.h. */
#include "conn/enrich.h"

#include "base/hex.h"
#include "base/sys.h"
#include "conn/context.h"
#include "conn/host.h"
#include "conn/process.h"
#include "export/put.h"
#include "proto/object_line.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

enum { REQUEST_ID, TRACE_ID, SPAN_ID, SERVICE, ENVIRONMENT, VERSION, NAMES, VALUE_MAX = 127 * 6 };
static const char *const names[NAMES] = {"request_id", "trace_id", "span_id", "service", "environment", "version"};

/* What is the same for all lines, as JSON has it. */
static struct {
    char text[VALUE_MAX + OCTO_PUT_SLACK];
    size_t len;
} constant[NAMES];

static _Atomic bool within[2]; /* standard output, error: the last byte was no line feed */

static void keep(unsigned name, const char *value)
{
    bool cut = false;

    constant[name].len =
        (size_t)(octo_put_text(constant[name].text, constant[name].text + VALUE_MAX, value, strlen(value), &cut) -
                 constant[name].text);
}

void octo_enrich_wake(void)
{
    const struct octo_settings *s = &octo_service.settings;

    if (!s->enrich)
        return;
    keep(SERVICE, s->service);
    keep(ENVIRONMENT, s->environment);
    keep(VERSION, s->version);
    octo_fd_watch_log();
}

/* The request that this thread is on for certain. */
static bool find_origin(struct octo_origin *origin, const void *caller)
{
    struct octo_cause cause = octo_context_now();

    if (!cause.certain)
        cause = octo_host_logs(caller);
    return cause.certain && cause.number && octo_context_origin(cause, origin) && origin->id_len > 0;
}

/* ── one line ──────────────────────────────────────────────────────────────────────────────────────── */

/* The value of a name, in out; its length, 0: there is none. */
static size_t value_of(unsigned name, const struct octo_origin *origin, const char **value, char hex[32])
{
    const struct octo_trace *t = &origin->trace;

    *value = hex;
    switch (name) {
    case REQUEST_ID:
        *value = origin->id;
        return origin->id_len;
    case TRACE_ID:
        octo_hex_put16(octo_hex_put16(hex, t->id[0]), t->id[1]);
        return t->id[0] | t->id[1] ? 32 : 0;
    case SPAN_ID:
        octo_hex_put16(hex, t->span);
        return t->id[0] | t->id[1] ? 16 : 0;
    default:
        *value = constant[name].text;
        return constant[name].len;
    }
}

/* `, "request_id": "…", …` without what the line has. Returns its bytes, 0: there is nothing, or no room. */
static size_t put_members(char *out, size_t room, const struct octo_origin *origin, uint32_t has, bool first)
{
    char *p = out;

    for (unsigned i = 0; i < NAMES; i++) {
        const char *value;
        char hex[32];
        size_t n = has >> i & 1 ? 0 : value_of(i, origin, &value, hex), name = strlen(names[i]);

        if (n == 0)
            continue;
        if ((size_t)(p - out) + n + name + 8 > room)
            return 0;
        if (!first)
            p = OCTO_PUT(p, ", ");
        first = false;
        p = octo_put_bytes(OCTO_PUT(p, "\""), names[i], name);
        p = octo_put_bytes(OCTO_PUT(p, "\": \""), value, n);
        p = OCTO_PUT(p, "\"");
    }
    return (size_t)(p - out);
}

/* ` request_id=…` behind a line of plain text that does not have it. */
static size_t put_plain(char *out, size_t room, const struct octo_origin *origin, const char *line, size_t n)
{
    static const char name[] = " request_id=";

    if (n == 0 || origin->id_len + sizeof(name) > room || memmem(line, n, name + 1, sizeof(name) - 2))
        return 0;
    return (size_t)(octo_put_bytes(OCTO_PUT(out, " request_id="), origin->id, origin->id_len) - out);
}

/* What line[0..n), without its line feed, gains: its bytes in out, and *at where. 0: nothing. whole: the line ends there. */
static size_t addition(char *out, size_t room, const struct octo_origin *origin, const char *line, size_t n,
                       bool whole, size_t *at)
{
    struct octo_object_line object;

    if (n > OCTO_ENRICH_LINE)
        return 0;
    if (octo_object_line(line, n, names, NAMES, &object)) {
        *at = object.at;
        return object.has & 1u << REQUEST_ID ? 0 : put_members(out, room, origin, object.has, object.empty);
    }
    if (octo_service.settings.enrich != OCTO_ENRICH_TEXT_TOO || !whole)
        return 0;
    *at = n > 0 && line[n - 1] == '\r' ? n - 1 : n;
    return put_plain(out, room, origin, line, *at);
}

/* ── one call ──────────────────────────────────────────────────────────────────────────────────────── */

static bool waits(int fd)
{
    long flags = octo_service.sandboxed ? O_NONBLOCK : octo_sys(SYS_fcntl, fd, F_GETFL);

    return flags >= 0 && !(flags & O_NONBLOCK);
}

void octo_enrich(struct octo_enriched *e, int fd, const char *p, size_t n, const void *caller)
{
    const char *begin = p, *line = p, *end = p + n, *feed;
    struct octo_origin origin;
    size_t gained = 0;
    bool known = false;

    e->count = 0;
    e->used = 0;
    if (!octo_service_awake())
        return;
    if (atomic_load_explicit(&within[fd == 2], memory_order_relaxed)) {
        feed = memchr(p, '\n', n);
        if (!feed)
            return;
        line = feed + 1;
    }
    for (; line < end; line = feed + 1) {
        size_t at, more;
        bool whole;

        feed = memchr(line, '\n', (size_t)(end - line));
        whole = feed != NULL;
        feed = whole ? feed : end; /* print() gives an unbuffered stream the line feed in a call of its own */
        if (e->count + 2 >= 2 * OCTO_ENRICH_LINES + 1)
            break;
        if (!known && !(known = find_origin(&origin, caller)))
            return;
        more = addition(e->text + e->used, sizeof(e->text) - e->used, &origin, line, (size_t)(feed - line), whole,
                        &at);
        if (more == 0)
            continue;
        e->v[e->count++] = (struct iovec){(void *)begin, (size_t)(line + at - begin)};
        e->v[e->count++] = (struct iovec){e->text + e->used, more};
        begin = line + at;
        e->used += more;
        gained += more;
    }
    if (e->count == 0 || (n <= PIPE_BUF && n + gained > PIPE_BUF) || !waits(fd)) {
        e->count = 0;
        return;
    }
    e->v[e->count++] = (struct iovec){(void *)begin, (size_t)(end - begin)};
}

size_t octo_enriched_took(const struct octo_enriched *e, size_t k, struct iovec *rest)
{
    size_t own = 0;

    *rest = (struct iovec){NULL, 0};
    for (int i = 0; i < e->count && k > 0; i++) {
        size_t some = k < e->v[i].iov_len ? k : e->v[i].iov_len;

        if (i % 2 == 0)
            own += some;
        else if (some < e->v[i].iov_len)
            *rest = (struct iovec){(char *)e->v[i].iov_base + some, e->v[i].iov_len - some};
        k -= some;
    }
    return own;
}

void octo_enrich_wrote(int fd, const char *last)
{
    atomic_store_explicit(&within[fd == 2], *last != '\n', memory_order_relaxed);
}
