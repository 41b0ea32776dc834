/*
 * The metrics of a service: families, series and their cells, in the segment. Exact, shared by all its processes.
 *
 * For: conn/ (counts where things happen), export/ (shows them), and the command that shows another process's.
 *
 *   | head: seed, lanes, fill, owners | families | index | series | pending | exemplars | texts | shares | lane 0 | …
 *
 * A family is a metric's name, type and buckets; a series one set of its labels. A series owns a run of 64-bit words, the
 * same run in each lane; its value is their sum over the lanes. A thread adds in the lane of the processor that it is on,
 * with one locked instruction: whole for every process and thread, and threads on different processors do not
 * share a cache line. Series are made and never taken away: bounded by OCTO_FAMILY_SERIES a family, OCTO_SERIES in all.
 *
 *   counter       [count]
 *   histogram     [sum][bucket 0][bucket 1]…[bucket +Inf]     not cumulative
 *   gauge, set    [value]                                      lane 0 only: the last value given
 *   gauge, shared a 32-bit word of each process's shares (owners.h), so that a dead process's can be left out
 *
 * Values are whole numbers of the family's unit (1, nanoseconds, millionths), so that adding is exact.
 * Pages are populated before they are touched: a full tmpfs can never raise SIGBUS in the host.
 * Context: any thread, any process, signal-safe, no lock, unless said otherwise.
 */
#ifndef OCTO_EVENT_METRICS_H
#define OCTO_EVENT_METRICS_H

#include "base/cpu.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OCTO_FAMILIES = 64,
    OCTO_FAMILY_NAME_MAX = 96,  /* bytes, NUL included */
    OCTO_FAMILY_HELP_MAX = 152, /* the same */
    OCTO_BOUNDS_MAX = 24,       /* buckets but +Inf */
    OCTO_FAMILY_SERIES = 1000,  /* series of one family, those of the overflow included */
    OCTO_SERIES = 12288,        /* series in all */
    OCTO_SERIES_INDEX = 16384,  /* places of the hash table */
    OCTO_SERIES_TEXT_MAX = 760, /* bytes of a series' labels as they are shown */
    OCTO_TEXTS = 2 << 20,       /* bytes for the labels of all */
    OCTO_OWNERS = 256,
    OCTO_LANES = 16,             /* at most; a power of two */
    OCTO_LANE_WORDS = 128 << 10, /* a megabyte */
    OCTO_SHARE_LANES = 8,        /* at most; a power of two */
    OCTO_SHARES = 1024,          /* shared gauges' series */
    OCTO_EXEMPLARS = 1024,
    OCTO_EXEMPLAR_ID_MAX = 80, /* bytes of the longest request ID kept */
    OCTO_CONSTANT_LABELS_MAX = 512,
    OCTO_METRICS_PAGE = 4096,
};

enum octo_metric_type {
    OCTO_COUNTER,
    OCTO_HISTOGRAM,
    OCTO_GAUGE_SET,    /* the last value given */
    OCTO_GAUGE_SHARED, /* processes add and take away; what is a dead one's vanishes */
};

enum octo_unit { OCTO_UNIT_ONE, OCTO_UNIT_NANO, OCTO_UNIT_MICRO };

struct octo_metric_family {
    char name[OCTO_FAMILY_NAME_MAX];
    char help[OCTO_FAMILY_HELP_MAX];
    uint64_t bound[OCTO_BOUNDS_MAX]; /* upper bounds of the buckets, ascending, in the unit */
    uint8_t type;                    /* enum octo_metric_type */
    uint8_t unit;                    /* enum octo_unit of the values */
    uint8_t bounds;
    uint8_t spare;
    _Atomic uint32_t series;   /* made so far */
    _Atomic uint64_t overflow; /* times that a series was refused: the ceiling, or no memory */
};

struct octo_series {
    uint64_t hash;   /* of family and labels */
    uint32_t text;   /* place of the labels in the texts: `method="GET",endpoint="/a"` */
    uint16_t length; /* bytes of them */
    uint16_t family;
    uint32_t word; /* first of its words in each lane; of a shared gauge: its share */
    uint32_t spare;
};

/* What a process is about to count. See owners.h. */
enum { OCTO_PENDING = 32 };

struct octo_pending {
    _Atomic uint32_t state; /* enum octo_pending_state */
    uint32_t count_word, histogram_word;
    uint32_t family; /* of the histogram */
    uint64_t value;  /* for the histogram, if the process is killed before it says better */
    uint32_t also;   /* how many additions more */
    uint32_t spare;
};

/* One more thing that the same request counts into, by rule. */
enum { OCTO_ALSO = 4 };
enum octo_addition_kind {
    OCTO_ADD_COUNT,   /* `amount` to a counter */
    OCTO_ADD_OBSERVE, /* `amount` into a histogram */
    OCTO_ADD_VALUE,   /* the request's value into a histogram */
};

struct octo_addition {
    uint32_t word;
    uint16_t family; /* of a histogram */
    uint8_t kind;    /* enum octo_addition_kind */
    uint8_t spare;
    uint64_t amount;
};

/* Whose part of the shared gauges it is. */
struct octo_owner {
    _Atomic uint32_t pid; /* 0: free */
    uint32_t spare;
    _Atomic uint64_t since_ns; /* monotonic: when it was claimed, or begun to be taken back */
};

/* Processor time of a process when it was last looked at. By who serves the metrics only. */
struct octo_used {
    uint32_t pid, spare;
    uint64_t ticks;
};

struct octo_exemplar {
    _Atomic uint32_t begun, ended; /* equal: at rest; a writer has counted begun up first */
    uint32_t word;                 /* of the bucket; 0: never used */
    uint32_t length;               /* bytes of id */
    uint64_t value;                /* in the family's unit */
    uint64_t real_ns;              /* when, CLOCK_REALTIME */
    _Atomic uint64_t mono_ns;      /* the same, CLOCK_MONOTONIC */
    char id[OCTO_EXEMPLAR_ID_MAX];
    uint64_t spare;
};

struct octo_metrics {
    _Atomic uint32_t ready; /* stored last; 0: this service has no metrics */
    uint32_t lanes, share_lanes;
    _Atomic uint32_t families;
    uint64_t seed;                                           /* of the hash */
    _Atomic uint32_t minted;                                 /* series made so far: their places */
    _Atomic uint32_t texts;                                  /* bytes used */
    _Atomic uint32_t words;                                  /* words used in each lane */
    _Atomic uint32_t shares;                                 /* shares used */
    _Atomic uint32_t refused;                                /* series refused, all families */
    _Atomic uint32_t series_there, texts_there, words_there; /* bytes of each that are populated */
    char labels[OCTO_CONSTANT_LABELS_MAX];                   /* that every series has: `service="a",` or nothing */
    uint64_t used_ticks;                                     /* of processes that are gone */
    struct octo_used used[OCTO_OWNERS];
    struct octo_owner owner[OCTO_OWNERS];
    struct octo_metric_family family[OCTO_FAMILIES] __attribute__((aligned(64)));
    _Atomic uint32_t index[OCTO_SERIES_INDEX]; /* number of a series + 1; 0: free */
    struct octo_series series[OCTO_SERIES] __attribute__((aligned(OCTO_METRICS_PAGE)));
    struct octo_pending pending[OCTO_OWNERS][OCTO_PENDING] __attribute__((aligned(OCTO_METRICS_PAGE)));
    struct octo_addition also[OCTO_OWNERS][OCTO_PENDING][OCTO_ALSO] __attribute__((aligned(OCTO_METRICS_PAGE)));
    struct octo_exemplar exemplar[OCTO_EXEMPLARS] __attribute__((aligned(OCTO_METRICS_PAGE)));
    char text[OCTO_TEXTS] __attribute__((aligned(OCTO_METRICS_PAGE)));
    _Atomic int32_t share[OCTO_OWNERS][OCTO_SHARE_LANES][OCTO_SHARES] __attribute__((aligned(OCTO_METRICS_PAGE)));
    _Atomic uint64_t lane[OCTO_LANES][OCTO_LANE_WORDS] __attribute__((aligned(OCTO_METRICS_PAGE)));
};
_Static_assert(sizeof(struct octo_pending) == 32, "two a cache line");
_Static_assert(sizeof(struct octo_exemplar) == 128, "two cache lines");
_Static_assert(sizeof(_Atomic int32_t[OCTO_SHARES]) == OCTO_METRICS_PAGE, "a lane of shares is a page");

/* What a family is to be. */
struct octo_metric_plan {
    const char *name, *help; /* shorter than the maxima */
    enum octo_metric_type type;
    enum octo_unit unit;
    const uint64_t *bound; /* histograms */
    unsigned bounds;
};

/* Makes metrics over zeroed shared memory, without a family. seed: secret. False: no memory. Once, by the creator. */
bool octo_metrics_init(struct octo_metrics *m, uint64_t seed, unsigned processors);

/*
 * The family of that name, made if there is none yet. Returns its number, -ENOSPC, or -EEXIST if there is one of that name
 * with another type, unit or other buckets. One thread a service at a time: while it wakes.
 */
int octo_metrics_family(struct octo_metrics *m, const struct octo_metric_plan *plan);

/*
 * The number of a series, made if it is not there yet: family and its labels as they are shown, labels[0..n),
 * n <= OCTO_SERIES_TEXT_MAX. room: how many more must have a place after it, in the family and in all (for the overflow).
 * Returns the number, or -ENOSPC and counts the refusal. may_call: a system call may be made, for memory.
 */
int octo_metrics_series(struct octo_metrics *m, unsigned family, const char *labels, size_t n, unsigned room,
                        bool may_call);

/* The number of a series that is there, or -ENOENT. */
int octo_metrics_find(const struct octo_metrics *m, unsigned family, const char *labels, size_t n);

/* Has memory for some more series, shares excepted. Before system calls become impossible. */
void octo_metrics_prepare(struct octo_metrics *m);

static inline const struct octo_series *octo_metrics_at(const struct octo_metrics *m, unsigned number)
{
    return &m->series[number];
}

/* ── counting ──────────────────────────────────────────────────────────────────────────────────────── */

static inline _Atomic uint64_t *octo_lane(struct octo_metrics *m)
{
    return m->lane[octo_cpu() & (m->lanes - 1)];
}

/* Adds to a counter whose first word this is. */
static inline void octo_count(struct octo_metrics *m, uint32_t word, uint64_t n)
{
    atomic_fetch_add_explicit(&octo_lane(m)[word], n, memory_order_relaxed);
}

/* The bucket of a value: 0 to bounds. */
static inline unsigned octo_bucket(const struct octo_metric_family *f, uint64_t value)
{
    unsigned bucket = 0;

    for (unsigned i = 0; i < f->bounds; i++)
        bucket += value > f->bound[i];
    return bucket;
}

/* Adds a value to a histogram whose first word this is. Returns the word of its bucket. */
static inline uint32_t octo_observe(struct octo_metrics *m, const struct octo_metric_family *f, uint32_t word,
                                    uint64_t value)
{
    _Atomic uint64_t *lane = octo_lane(m);
    uint32_t bucket = word + 1 + octo_bucket(f, value);

    atomic_fetch_add_explicit(lane + word, value, memory_order_relaxed);
    atomic_fetch_add_explicit(lane + bucket, 1, memory_order_relaxed);
    return bucket;
}

/* Gives a set gauge its value. */
static inline void octo_set(struct octo_metrics *m, uint32_t word, int64_t value)
{
    atomic_store_explicit(&m->lane[0][word], (uint64_t)value, memory_order_relaxed);
}

/* ── reading ───────────────────────────────────────────────────────────────────────────────────────── */

/* A word's value: its sum over the lanes. */
uint64_t octo_metrics_word(const struct octo_metrics *m, uint32_t word);

#endif
