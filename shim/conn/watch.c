/* The watch: see watch.h. */
#include "conn/watch.h"

#include "conn/slab.h"

#include <string.h>

static struct octo_slab watches = {.object_size = (sizeof(struct octo_watch) + 63) / 64 * 64};

void octo_watch_prepare(void)
{
    octo_slab_prepare(&watches);
}

static const struct octo_pick_set nothing;

static void begin_side(struct octo_watch_side *side)
{
    side->in_body = side->over = false;
    side->line_len = 0;
    memset(side->there, 0, sizeof(side->there));
    octo_pick_begin(&side->pick, &nothing, NULL, 0, 0);
}

struct octo_watch *octo_watch_new(const struct octo_watch_plan *plan)
{
    uint32_t handle;
    struct octo_watch *w = octo_slab_take(&watches, &handle);

    if (!w)
        return NULL;
    w->handle = handle;
    w->plan = *plan;
    w->arg = NULL;
    begin_side(&w->in);
    begin_side(&w->out);
    return w;
}

void octo_watch_free(struct octo_watch *w)
{
    octo_slab_give(&watches, w->handle);
}

/* ── header fields ─────────────────────────────────────────────────────────────────────────────────── */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Keeps the value of a field line if its name is asked for; of several lines the first counts. */
static void keep_field(struct octo_watch_side *side, const struct octo_header_name *names, unsigned count)
{
    size_t len = side->line_len < OCTO_WATCH_LINE ? side->line_len : OCTO_WATCH_LINE;
    const char *colon = memchr(side->line, ':', len), *end = side->line + len;
    size_t name_len = colon ? (size_t)(colon - side->line) : 0;

    for (unsigned i = 0; colon && i < count; i++) {
        const char *value = colon + 1;
        size_t k = 0;

        if (names[i].len != name_len || side->there[i])
            continue;
        while (k < name_len && lower(side->line[k]) == names[i].name[k])
            k++;
        if (k < name_len)
            continue;
        while (value < end && (*value == ' ' || *value == '\t'))
            value++;
        while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
            end--;
        side->there[i] = true;
        side->value_len[i] = (uint8_t)(end - value < OCTO_RULE_VALUE_MAX ? end - value : OCTO_RULE_VALUE_MAX);
        memcpy(side->value[i], value, side->value_len[i]);
    }
}

/* Bytes of a head, line by line, which the framer has accepted or will: lines end with CR LF. */
static void read_lines(struct octo_watch_side *side, const struct octo_header_name *names, unsigned count,
                       const uint8_t *p, size_t n)
{
    const uint8_t *end = p + n;

    while (p < end) {
        const uint8_t *feed = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((feed ? feed : end) - p);
        size_t held = side->line_len < OCTO_WATCH_LINE ? side->line_len : (size_t)OCTO_WATCH_LINE;
        size_t room = OCTO_WATCH_LINE - held;

        memcpy(side->line + held, p, len < room ? len : room);
        side->line_len = (uint16_t)(side->line_len + len < UINT16_MAX ? side->line_len + len : UINT16_MAX);
        p += len;
        if (feed) {
            if (side->line_len > 0 && side->line_len <= OCTO_WATCH_LINE && side->line[side->line_len - 1] == '\r')
                side->line_len--;
            keep_field(side, names, count);
            side->line_len = 0;
            p++;
        }
    }
}

void octo_watch_request_head(struct octo_watch *w, const uint8_t *p, size_t n)
{
    read_lines(&w->in, w->plan.request_header, w->plan.request_headers, p, n);
}

/* ── bodies ────────────────────────────────────────────────────────────────────────────────────────── */

static void begin_body(struct octo_watch_side *side, const struct octo_pick_set *set, uint64_t limit)
{
    octo_pick_begin(&side->pick, set, side->texts, sizeof(side->texts), limit);
}

/* What of p[0..n) is body data goes to the picker, or to who takes it; the rest is framing. Stops at the end of the message. */
static void read_body(struct octo_watch_side *side, const uint8_t *p, size_t n,
                      void (*data_of)(void *arg, const uint8_t *p, size_t n), void *arg)
{
    size_t at = 0;

    while (at < n) {
        uint64_t data = octo_framer_raw_left(&side->framer);
        enum octo_verdict verdict;
        size_t used;

        if (data > 0) {
            used = data < n - at ? (size_t)data : n - at;
            if (data_of)
                data_of(arg, p + at, used);
            else
                octo_pick_feed(&side->pick, p + at, used);
            verdict = octo_framer_skip(&side->framer, used);
        } else {
            used = octo_framer_feed(&side->framer, p + at, 1, &verdict);
        }
        at += used;
        if (verdict == OCTO_AT_END || verdict == OCTO_IS_OPAQUE) {
            octo_pick_end(&side->pick);
            side->over = true;
            return;
        }
    }
}

void octo_watch_request_body(struct octo_watch *w, const struct octo_framer *f, bool body)
{
    w->in.framer = *f;
    w->in.framer.text = NULL;
    w->in.in_body = true;
    w->in.over = !body;
    if (body)
        begin_body(&w->in, w->plan.request, w->plan.body_limit);
}

static void unseen(struct octo_watch_side *side)
{
    side->pick.state = OCTO_PICK_BAD;
    side->over = true;
}

void octo_watch_request(struct octo_watch *w, const uint8_t *p, uint64_t n)
{
    if (w->in.over)
        return;
    if (p)
        read_body(&w->in, p, (size_t)n, NULL, NULL);
    else
        unseen(&w->in);
}

void octo_watch_response_begin(struct octo_watch *w, uint8_t method, bool body)
{
    octo_framer_init(&w->out.framer, OCTO_RESPONSE);
    w->out.framer.method = method;
    if (body)
        begin_body(&w->out, w->plan.response, w->plan.body_limit);
}

/* Heads of interim responses are passed over: what they say is not the answer's. */
static void end_of_head(struct octo_watch_side *side)
{
    if (side->framer.status >= 200) {
        side->in_body = true;
        return;
    }
    memset(side->there, 0, sizeof(side->there));
}

void octo_watch_response(struct octo_watch *w, const uint8_t *p, uint64_t n)
{
    struct octo_watch_side *side = &w->out;

    if (!p && !side->over)
        unseen(side);
    while (n > 0 && !side->over) {
        enum octo_verdict verdict;
        size_t used;

        if (side->in_body) {
            read_body(side, p, (size_t)n, w->plan.response_data, w->arg);
            return;
        }
        used = octo_framer_feed(&side->framer, p, (size_t)n, &verdict);
        read_lines(side, w->plan.response_header, w->plan.response_headers, p, used);
        if (verdict == OCTO_AT_BLANK)
            end_of_head(side);
        side->over = verdict == OCTO_IS_OPAQUE;
        p += used;
        n -= used;
    }
}
