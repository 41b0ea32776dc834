/* Which cells a request counts into: see measure_cells.h. */
#include "conn/measure_cells.h"

#include "base/hash.h"
#include "base/settings_table.h"
#include "base/text.h"
#include "conn/process.h"
#include "export/target.h"
#include "proto/endpoint.h"
#include "proto/pattern.h"

#include <string.h>

enum {
    OTHER_SERIES = 64, /* of a family, kept for endpoint="__other__" */
    LAST_SERIES = 10,  /* of those, kept for when even they do not suffice: one for each class of status */
    CACHE = 1024,      /* places of the table of paths, a power of two */
    LABELS_MAX = OCTO_ENDPOINT_MAX + 128,
    HOST_LABEL_MAX = 96,
};

/* The two families of a kind of requests, and the label beside method and status. */
static struct scope {
    unsigned requests, durations;
    const char *label;
} served = {.label = "endpoint"}, made = {.label = "host"};

void octo_cells_families(unsigned requests, unsigned durations, unsigned client_requests,
                         unsigned client_durations)
{
    served.requests = requests;
    served.durations = durations;
    made.requests = client_requests;
    made.durations = client_durations;
}

/* ── methods ───────────────────────────────────────────────────────────────────────────────────────── */

const char octo_verbs[OCTO_VERBS][8] = {"OTHER",  "GET",   "HEAD",    "POST",    "PUT",
                                        "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"};
enum { VERB_OTHER = 0 };

uint8_t octo_verb(const char *method, size_t len)
{
    if (len == 3 && memcmp(method, "GET", 3) == 0)
        return 1;
    for (uint8_t v = 2; v < OCTO_VERBS; v++)
        if (strlen(octo_verbs[v]) == len && memcmp(method, octo_verbs[v], len) == 0)
            return v;
    return VERB_OTHER;
}

/* ── labels ────────────────────────────────────────────────────────────────────────────────────────── */

/* method="GET",endpoint="/a",status="200". Returns the length without the status in *base. */
static struct octo_text labels_of(char room[LABELS_MAX], const struct scope *scope, uint8_t verb,
                                  const char *value, size_t len, unsigned status, size_t *base)
{
    struct octo_text t;

    octo_text_begin(&t, room, LABELS_MAX);
    octo_text_str(&t, "method=\"");
    octo_text_str(&t, octo_verbs[verb]);
    octo_text_str(&t, "\",");
    octo_text_str(&t, scope->label);
    octo_text_str(&t, "=\"");
    octo_text_bytes(&t, value, len);
    octo_text_char(&t, '"');
    *base = octo_text_len(&t);
    octo_text_str(&t, ",status=\"");
    octo_text_u64(&t, status);
    octo_text_char(&t, '"');
    return t;
}

/* ── which cells ───────────────────────────────────────────────────────────────────────────────────── */

/*
 * Paths seen lately. Each place is two words that any thread may change: the cells, and the key mixed with them, so that
 * halves of two different entries are not taken for one. The key is a hash that strangers cannot aim.
 */
static struct {
    _Atomic uint64_t mixed, cells;
} cache[CACHE];

static bool cache_find(uint64_t key, struct octo_cells *cells)
{
    uint64_t both = atomic_load_explicit(&cache[key % CACHE].cells, memory_order_relaxed);

    if ((atomic_load_explicit(&cache[key % CACHE].mixed, memory_order_relaxed) ^ both) != key)
        return false;
    *cells = (struct octo_cells){(uint32_t)(both >> 32), (uint32_t)both};
    return true;
}

static void cache_put(uint64_t key, struct octo_cells cells)
{
    uint64_t both = (uint64_t)cells.count << 32 | cells.histogram;

    atomic_store_explicit(&cache[key % CACHE].cells, both, memory_order_relaxed);
    atomic_store_explicit(&cache[key % CACHE].mixed, both ^ key, memory_order_relaxed);
}

static const char other[] = "__other__", unmatched[] = "__unmatched__";

/* True if some method at this endpoint has been answered with something else than 404. */
static bool is_known(const struct octo_metrics *m, const char *endpoint, size_t len)
{
    char room[LABELS_MAX];
    size_t base;

    for (uint8_t verb = 0; verb < OCTO_VERBS; verb++) {
        labels_of(room, &served, verb, endpoint, len, 0, &base);
        if (octo_metrics_find(m, served.durations, room, base) >= 0)
            return true;
    }
    return false;
}

/* The series of both families; false if one of them is refused. */
static bool series(struct octo_metrics *m, const struct scope *scope, uint8_t verb, const char *value, size_t len,
                   unsigned status, unsigned room_left, struct octo_cells *cells)
{
    char room[LABELS_MAX];
    size_t base;
    struct octo_text t = labels_of(room, scope, verb, value, len, status, &base);
    bool may_call = !octo_service.sandboxed;
    int count = octo_metrics_series(m, scope->requests, room, octo_text_len(&t), room_left, may_call);
    int histogram = count < 0 ? -1 : octo_metrics_series(m, scope->durations, room, base, room_left, may_call);

    if (histogram < 0)
        return false;
    cells->count = octo_metrics_at(m, (unsigned)count)->word;
    cells->histogram = octo_metrics_at(m, (unsigned)histogram)->word;
    return true;
}

/* The same, or if there is no more room those of the overflow. */
static struct octo_cells series_or_other(struct octo_metrics *m, const struct scope *scope, uint8_t verb,
                                         const char *value, size_t len, unsigned status)
{
    struct octo_cells cells = {0, 0};

    if (series(m, scope, verb, value, len, status, OTHER_SERIES, &cells) ||
        series(m, scope, verb, other, sizeof(other) - 1, status, LAST_SERIES, &cells))
        return cells;
    series(m, scope, VERB_OTHER, other, sizeof(other) - 1, status / 100 * 100, 0, &cells);
    return cells;
}

/* The pattern of the settings that a target matches first: its length, and *pattern; or 0. */
static size_t match(const char *target, size_t target_len, const char **pattern)
{
    struct octo_capture captures[OCTO_PATTERN_CAPTURES];

    for (const char *p = octo_service.settings.endpoints, *end; *p; p = *end ? end + 1 : end) {
        end = strchrnul(p, ',');
        if (octo_pattern_match(p, (size_t)(end - p), target, target_len, captures)) {
            *pattern = p;
            return (size_t)(end - p);
        }
    }
    return 0;
}

/* For a path that is not in the cache. */
static __attribute__((noinline)) struct octo_cells look_up(struct octo_metrics *m, const struct octo_exchange *x,
                                                           const char *target, unsigned status)
{
    char folded[OCTO_ENDPOINT_MAX];
    const char *endpoint = folded;
    size_t len = match(target, x->target_len, &endpoint);

    if (len == 0) {
        len = octo_endpoint_fold(target, x->target_len, folded);
        if (status == 404 && !is_known(m, folded, len)) {
            endpoint = unmatched;
            len = sizeof(unmatched) - 1;
        }
    }
    return series_or_other(m, &served, x->verb, endpoint, len, status);
}

struct octo_cells octo_cells_of(struct octo_metrics *m, const struct octo_exchange *x, unsigned status)
{
    const char *target = x->words + x->words_len - x->target_len;
    /* What is unmatched now may be known once another series has been made. */
    uint64_t salt = status == 404 ? (uint64_t)atomic_load_explicit(&m->minted, memory_order_relaxed) << 32 : 0;
    uint64_t key = octo_hash(m->seed ^ ((uint64_t)status << 8 | x->verb) ^ salt, target, x->target_len);
    struct octo_cells cells;

    if (__builtin_expect(cache_find(key, &cells), 1))
        return cells;
    cells = look_up(m, x, target, status);
    if (cells.count)
        cache_put(key, cells);
    return cells;
}

/* The host that a request asks: of its Host header, or of its target; in lower case, as a label. */
static size_t host_of(const struct octo_exchange *x, char to[HOST_LABEL_MAX])
{
    const char *host = x->words + x->id_len + x->method_len;
    struct octo_span name = octo_target_host(host, x->host_len);
    size_t len;

    if (name.len == 0)
        name = octo_target_split(host + x->host_len, x->target_len).authority;
    len = name.len < HOST_LABEL_MAX ? name.len : HOST_LABEL_MAX;
    for (size_t i = 0; i < len; i++) {
        char c = name.at[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 'a' - 'A');
        to[i] = (c >= 'a' && c <= 'z') || (c >= '-' && c <= ':' && c != '/') || c == '_' || c == '[' || c == ']'
                    ? c
                    : '?';
    }
    return len;
}

struct octo_cells octo_cells_of_client(struct octo_metrics *m, const struct octo_exchange *x, unsigned status)
{
    char host[HOST_LABEL_MAX];
    size_t len = host_of(x, host);
    uint64_t key = octo_hash(~m->seed ^ ((uint64_t)status << 8 | x->verb), host, len);
    struct octo_cells cells;

    if (__builtin_expect(cache_find(key, &cells), 1))
        return cells;
    cells = series_or_other(m, &made, x->verb, host, len, status);
    if (cells.count)
        cache_put(key, cells);
    return cells;
}

/* ── patterns ──────────────────────────────────────────────────────────────────────────────────────── */

void octo_cells_check_patterns(char *patterns, void (*complain)(const char *line))
{
    char *to = patterns;

    for (const char *p = patterns, *end; *p; p = *end ? end + 1 : end) {
        size_t column, len = (size_t)((end = strchrnul(p, ',')) - p);
        const char *why;
        char line[256];
        struct octo_text t;

        if (octo_pattern_check(p, len, &column, &why) == 0) {
            if (to != patterns)
                *to++ = ',';
            memmove(to, p, len);
            to += len;
            continue;
        }
        octo_text_begin(&t, line, sizeof(line) - 1);
        octo_text_str(&t, "octoshim: OCTOSHIM_ENDPOINTS: \"");
        octo_settings_quote(&t, p, len, 100);
        octo_text_str(&t, "\" column ");
        octo_text_u64(&t, column);
        octo_text_str(&t, ": ");
        octo_text_str(&t, why);
        octo_text_str(&t, "; left out\n");
        complain(line);
    }
    *to = '\0';
}
