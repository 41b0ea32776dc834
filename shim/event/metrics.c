/* Families and series: see metrics.h. Owns nothing but the words of the segment that it is given. */
#include "event/metrics.h"

#include "base/hash.h"
#include "event/segment.h"

#include <errno.h>
#include <string.h>

enum {
    CHUNK = 16 << 10, /* bytes populated at once */
    INDEX_MASK = OCTO_SERIES_INDEX - 1,
    FIRST_WORD = 8, /* word 0 means none */
};

_Static_assert((OCTO_SERIES_INDEX & INDEX_MASK) == 0 && OCTO_SERIES * 4 <= OCTO_SERIES_INDEX * 3, "probing ends");
_Static_assert(OCTO_TEXTS % CHUNK == 0 && OCTO_LANE_WORDS * 8 % CHUNK == 0 &&
                   sizeof(struct octo_series[OCTO_SERIES]) % OCTO_METRICS_PAGE == 0,
               "each part is whole pages");

static bool fetch(void *at, size_t from, size_t bytes)
{
    return octo_segment_populate((char *)at + from, bytes, false);
}

static void raise(_Atomic uint32_t *mark, uint32_t to)
{
    uint32_t was = atomic_load(mark);

    while (was < to && !atomic_compare_exchange_weak(mark, &was, to))
        ;
}

/* True if the first `upto` bytes of the series, texts or lanes are there, for everybody. */
static bool there(struct octo_metrics *m, _Atomic uint32_t *mark, uint32_t upto, bool may_call)
{
    uint32_t from = atomic_load_explicit(mark, memory_order_acquire);
    uint32_t to = (upto + CHUNK - 1) / CHUNK * CHUNK;

    if (upto <= from)
        return true;
    if (!may_call)
        return false;
    if (mark == &m->words_there) {
        for (unsigned lane = 0; lane < m->lanes; lane++)
            if (!fetch(m->lane[lane], from, to - from))
                return false;
    } else if (!fetch(mark == &m->texts_there ? (void *)m->text : (void *)m->series, from, to - from)) {
        return false;
    }
    raise(mark, to);
    return true;
}

static uint32_t power_of_two(unsigned least, unsigned most)
{
    uint32_t n = 1;

    while (n < least && n < most)
        n *= 2;
    return n;
}

bool octo_metrics_init(struct octo_metrics *m, uint64_t seed, unsigned processors)
{
    if (!fetch(m, 0, offsetof(struct octo_metrics, series)) || !fetch(m->exemplar, 0, sizeof(m->exemplar)))
        return false;
    m->lanes = power_of_two(processors, OCTO_LANES);
    m->share_lanes = power_of_two(processors, OCTO_SHARE_LANES);
    m->seed = seed;
    m->words = FIRST_WORD;
    octo_metrics_prepare(m);
    atomic_store_explicit(&m->ready, 1, memory_order_release);
    return true;
}

void octo_metrics_prepare(struct octo_metrics *m)
{
    there(m, &m->series_there, (m->minted + 64) * (uint32_t)sizeof(struct octo_series), true);
    there(m, &m->texts_there, m->texts + 64 * 128, true);
    there(m, &m->words_there, (m->words + 64 * 12) * 8, true);
}

/* ── families ──────────────────────────────────────────────────────────────────────────────────────── */

static bool is_as_planned(const struct octo_metric_family *f, const struct octo_metric_plan *plan)
{
    return f->type == plan->type && f->unit == plan->unit && f->bounds == plan->bounds &&
           (plan->bounds == 0 || memcmp(f->bound, plan->bound, plan->bounds * sizeof(f->bound[0])) == 0);
}

int octo_metrics_family(struct octo_metrics *m, const struct octo_metric_plan *plan)
{
    unsigned n = atomic_load_explicit(&m->families, memory_order_acquire);
    struct octo_metric_family *f;

    for (unsigned i = 0; i < n; i++)
        if (strcmp(m->family[i].name, plan->name) == 0)
            return is_as_planned(&m->family[i], plan) ? (int)i : -EEXIST;
    if (n == OCTO_FAMILIES || plan->bounds > OCTO_BOUNDS_MAX || strlen(plan->name) >= OCTO_FAMILY_NAME_MAX)
        return -ENOSPC;
    f = &m->family[n];
    memcpy(f->name, plan->name, strlen(plan->name) + 1);
    memcpy(f->help, plan->help, strnlen(plan->help, OCTO_FAMILY_HELP_MAX - 1));
    f->type = (uint8_t)plan->type;
    f->unit = (uint8_t)plan->unit;
    f->bounds = (uint8_t)plan->bounds;
    for (unsigned i = 0; i < plan->bounds; i++)
        f->bound[i] = plan->bound[i];
    atomic_store_explicit(&m->families, n + 1, memory_order_release);
    return (int)n;
}

/* ── series ────────────────────────────────────────────────────────────────────────────────────────── */

static uint64_t hash_of(const struct octo_metrics *m, unsigned family, const char *labels, size_t n)
{
    return octo_hash(m->seed + family, labels, n);
}

/* Takes n of a limited number of things; returns the first, or -ENOSPC. */
static int64_t take(_Atomic uint32_t *used, uint32_t n, uint32_t limit)
{
    uint32_t first = atomic_load(used);

    do
        if (n > limit || first > limit - n)
            return -ENOSPC;
    while (!atomic_compare_exchange_weak(used, &first, first + n));
    return first;
}

static uint32_t words_of(const struct octo_metric_family *f)
{
    return f->type == OCTO_HISTOGRAM ? f->bounds + 2u : 1;
}

/* Makes a series that nobody can find yet. Returns its number or -ENOSPC. */
static int make(struct octo_metrics *m, unsigned family, uint64_t hash, const char *labels, size_t n,
                unsigned room, bool may_call)
{
    struct octo_metric_family *f = &m->family[family];
    uint32_t words = words_of(f);
    int64_t number, text, word;
    struct octo_series *s;

    if (!there(m, &m->series_there, (m->minted + 1) * (uint32_t)sizeof(*s), may_call) ||
        !there(m, &m->texts_there, m->texts + (uint32_t)n, may_call) ||
        !there(m, &m->words_there, (m->words + words) * 8, may_call))
        return -ENOSPC;
    number = take(&m->minted, 1, OCTO_SERIES - room);
    text = take(&m->texts, (uint32_t)n, OCTO_TEXTS);
    word =
        f->type == OCTO_GAUGE_SHARED ? take(&m->shares, 1, OCTO_SHARES) : take(&m->words, words, OCTO_LANE_WORDS);
    if (number < 0 || text < 0 || word < 0)
        return -ENOSPC;
    /* Others may have taken what we looked for above. */
    if (!there(m, &m->series_there, ((uint32_t)number + 1) * (uint32_t)sizeof(*s), may_call) ||
        !there(m, &m->texts_there, (uint32_t)text + (uint32_t)n, may_call) ||
        (f->type != OCTO_GAUGE_SHARED && !there(m, &m->words_there, ((uint32_t)word + words) * 8, may_call)))
        return -ENOSPC;
    s = &m->series[number];
    s->hash = hash;
    s->text = (uint32_t)text;
    s->length = (uint16_t)n;
    s->family = (uint16_t)family;
    s->word = (uint32_t)word;
    memcpy(m->text + text, labels, n);
    return (int)number;
}

static int refuse(struct octo_metrics *m, struct octo_metric_family *f)
{
    atomic_fetch_add_explicit(&f->overflow, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->refused, 1, memory_order_relaxed);
    return -ENOSPC;
}

int octo_metrics_series(struct octo_metrics *m, unsigned family, const char *labels, size_t n, unsigned room,
                        bool may_call)
{
    struct octo_metric_family *f = &m->family[family];
    uint64_t hash = hash_of(m, family, labels, n);
    int made = -1;

    for (uint32_t i = (uint32_t)hash & INDEX_MASK;; i = (i + 1) & INDEX_MASK) {
        uint32_t found = atomic_load_explicit(&m->index[i], memory_order_acquire);

        if (found == 0 && made < 0) {
            if (n > OCTO_SERIES_TEXT_MAX || take(&f->series, 1, OCTO_FAMILY_SERIES - room) < 0)
                return refuse(m, f);
            made = make(m, family, hash, labels, n, room, may_call);
            if (made < 0) {
                atomic_fetch_sub(&f->series, 1);
                return refuse(m, f);
            }
        }
        if (found == 0 && atomic_compare_exchange_strong(&m->index[i], &found, (uint32_t)made + 1))
            return made;
        if (m->series[found - 1].hash == hash) {
            if (made >=
                0) /* somebody was faster; ours stays unused, which can happen only once a thread and series */
                atomic_fetch_sub(&f->series, 1);
            return (int)found - 1;
        }
    }
}

int octo_metrics_find(const struct octo_metrics *m, unsigned family, const char *labels, size_t n)
{
    uint64_t hash = hash_of(m, family, labels, n);
    uint32_t found;

    for (uint32_t i = (uint32_t)hash & INDEX_MASK;
         (found = atomic_load_explicit(&m->index[i], memory_order_acquire)) != 0; i = (i + 1) & INDEX_MASK)
        if (m->series[found - 1].hash == hash)
            return (int)found - 1;
    return -ENOENT;
}

uint64_t octo_metrics_word(const struct octo_metrics *m, uint32_t word)
{
    uint64_t sum = 0;

    for (unsigned lane = 0; lane < m->lanes; lane++)
        sum += atomic_load_explicit(&m->lane[lane][word], memory_order_relaxed);
    return sum;
}
