/* Metrics: families, series and their cells, also made and counted by many threads and processes at once. */
#include "metrics_rig.h"

#include "base/clock.h"
#include "base/hash.h"
#include "event/exemplar.h"

#include <errno.h>
#include <pthread.h>

static void test_families_are_made_once(void **state)
{
    struct octo_metrics *m = rig_new(1);
    unsigned a = rig_family(m, "a_total", OCTO_COUNTER), b = rig_family(m, "b", OCTO_HISTOGRAM);
    const uint64_t others[] = {10, 20, 51};
    const struct octo_metric_plan changed[] = {
        {"a_total", "", OCTO_GAUGE_SET, OCTO_UNIT_ONE, NULL, 0},
        {"a_total", "", OCTO_COUNTER, OCTO_UNIT_NANO, NULL, 0},
        {"b", "", OCTO_HISTOGRAM, OCTO_UNIT_ONE, rig_bounds, 2},
        {"b", "", OCTO_HISTOGRAM, OCTO_UNIT_ONE, others, 3},
    };
    char name[16];

    (void)state;
    assert_int_not_equal(a, b);
    assert_int_equal(rig_family(m, "a_total", OCTO_COUNTER), a);
    for (unsigned i = 0; i < sizeof(changed) / sizeof(changed[0]); i++)
        assert_int_equal(octo_metrics_family(m, &changed[i]), -EEXIST);
    for (unsigned i = 2; i < OCTO_FAMILIES; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        assert_int_equal(rig_family(m, name, OCTO_COUNTER), i);
    }
    assert_int_equal(octo_metrics_family(m, &(struct octo_metric_plan){"more", "", OCTO_COUNTER, 0, NULL, 0}),
                     -ENOSPC);
    rig_end(m);
}

static void test_series_of_one_name_are_one(void **state)
{
    struct octo_metrics *m = rig_new(4);
    unsigned a = rig_family(m, "a_total", OCTO_COUNTER), b = rig_family(m, "b_total", OCTO_COUNTER);
    int first = rig_series(m, a, "x=\"1\""), none = rig_series(m, a, "");

    (void)state;
    assert_true(first >= 0 && none >= 0 && first != none);
    assert_int_equal(rig_series(m, a, "x=\"1\""), first);
    assert_int_equal(octo_metrics_find(m, a, "x=\"1\"", 5), first);
    assert_int_equal(octo_metrics_find(m, b, "x=\"1\"", 5), -ENOENT);
    assert_int_not_equal(rig_series(m, b, "x=\"1\""), first);
    assert_int_equal(m->family[a].series, 2);
    assert_int_equal(m->family[b].series, 1);
    assert_memory_equal(m->text + octo_metrics_at(m, (unsigned)first)->text, "x=\"1\"", 5);
    rig_end(m);
}

static void test_words_do_not_overlap(void **state)
{
    struct octo_metrics *m = rig_new(2);
    unsigned counters = rig_family(m, "c_total", OCTO_COUNTER), histograms = rig_family(m, "h", OCTO_HISTOGRAM);
    uint8_t taken[OCTO_LANE_WORDS] = {0};
    char labels[32];

    (void)state;
    for (unsigned i = 0; i < 500; i++) {
        snprintf(labels, sizeof(labels), "i=\"%u\"", i);
        for (unsigned kind = 0; kind < 2; kind++) {
            uint32_t word = rig_word(m, kind ? histograms : counters, labels);

            assert_int_not_equal(word, 0);
            for (unsigned k = 0; k < (kind ? 5u : 1u); k++)
                assert_int_equal(taken[word + k]++, 0);
        }
    }
    rig_end(m);
}

static void test_ceiling_leaves_room(void **state)
{
    struct octo_metrics *m = rig_new(1);
    unsigned a = rig_family(m, "a_total", OCTO_COUNTER);
    char labels[32];

    (void)state;
    for (unsigned i = 0; i < 2 * OCTO_FAMILY_SERIES; i++) {
        int n = snprintf(labels, sizeof(labels), "i=\"%u\"", i);
        int number = octo_metrics_series(m, a, labels, (size_t)n, 64, true);

        assert_int_equal(number >= 0, i < OCTO_FAMILY_SERIES - 64);
    }
    assert_int_equal(m->family[a].overflow, OCTO_FAMILY_SERIES + 64);
    assert_int_equal(m->refused, OCTO_FAMILY_SERIES + 64);
    for (unsigned i = 0; i < 64; i++) {
        snprintf(labels, sizeof(labels), "other=\"%u\"", i);
        assert_true(rig_series(m, a, labels) >= 0);
    }
    assert_int_equal(rig_series(m, a, "one=\"more\""), -ENOSPC);
    assert_int_equal(m->family[a].series, OCTO_FAMILY_SERIES);
    assert_true(octo_metrics_find(m, a, "i=\"0\"", 5) >= 0); /* those that are there stay */
    rig_end(m);
}

static void test_all_families_full(void **state)
{
    struct octo_metrics *m = rig_new(1);
    unsigned made = 0, asked = 0;
    char name[16], labels[32];

    (void)state;
    for (unsigned f = 0; f < 16; f++) {
        snprintf(name, sizeof(name), "f%u", f);
        unsigned family = rig_family(m, name, OCTO_HISTOGRAM);

        for (unsigned i = 0; i < OCTO_FAMILY_SERIES; i++, asked++) {
            int n = snprintf(labels, sizeof(labels), "i=\"%u\"", i);

            made += octo_metrics_series(m, family, labels, (size_t)n, 0, true) >= 0;
        }
    }
    assert_true(made <= OCTO_SERIES && made > OCTO_SERIES - 100);
    assert_int_equal(m->refused, asked - made);
    rig_end(m);
}

static void test_labels_too_long(void **state)
{
    struct octo_metrics *m = rig_new(1);
    unsigned a = rig_family(m, "a_total", OCTO_COUNTER);
    char labels[OCTO_SERIES_TEXT_MAX + 2];

    (void)state;
    memset(labels, 'x', sizeof(labels));
    assert_true(octo_metrics_series(m, a, labels, OCTO_SERIES_TEXT_MAX, 0, true) >= 0);
    assert_int_equal(octo_metrics_series(m, a, labels, OCTO_SERIES_TEXT_MAX + 1, 0, true), -ENOSPC);
    rig_end(m);
}

/* Where no system call may be made there is only what has been prepared. */
static void test_no_calls(void **state)
{
    struct octo_metrics *m = rig_new(1);
    unsigned a = rig_family(m, "a_total", OCTO_COUNTER), made = 0;
    char labels[32];

    (void)state;
    octo_metrics_prepare(m);
    for (unsigned i = 0; i < OCTO_FAMILY_SERIES; i++) {
        int n = snprintf(labels, sizeof(labels), "i=\"%u\"", i);

        made += octo_metrics_series(m, a, labels, (size_t)n, 0, false) >= 0;
    }
    assert_in_range(made, 64, OCTO_FAMILY_SERIES - 1);
    rig_end(m);
}

static void test_buckets(void **state)
{
    struct octo_metrics *m = rig_new(1);
    unsigned h = rig_family(m, "h", OCTO_HISTOGRAM);
    uint32_t word = rig_word(m, h, "");
    static const struct {
        uint64_t value;
        unsigned bucket;
    } cases[] = {{0, 0}, {10, 0}, {11, 1}, {20, 1}, {21, 2}, {50, 2}, {51, 3}, {UINT64_MAX / 8, 3}};
    uint64_t sum = 0, count[4] = {0};

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(octo_bucket(&m->family[h], cases[i].value), cases[i].bucket);
        octo_observe(m, &m->family[h], word, cases[i].value);
        sum += cases[i].value;
        count[cases[i].bucket]++;
    }
    assert_true(octo_metrics_word(m, word) == sum);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(octo_metrics_word(m, word + 1 + i), count[i]);
    rig_end(m);
}

/* ── many at once ──────────────────────────────────────────────────────────────────────────────────── */

enum { THREADS = 8, PROCESSES = 3, TIMES = 20000, NAMES = 97 };

struct work {
    struct octo_metrics *m;
    unsigned counters, histograms, number;
};

static void *count_all(void *arg)
{
    const struct work *w = arg;
    char labels[32];

    for (unsigned i = 0; i < TIMES; i++) {
        int n = snprintf(labels, sizeof(labels), "i=\"%u\"", (i + w->number) % NAMES);
        int c = octo_metrics_series(w->m, w->counters, labels, (size_t)n, 0, true);
        int h = octo_metrics_series(w->m, w->histograms, labels, (size_t)n, 0, true);

        if (c < 0 || h < 0)
            abort();
        octo_count(w->m, octo_metrics_at(w->m, (unsigned)c)->word, 1);
        octo_observe(w->m, &w->m->family[w->histograms], octo_metrics_at(w->m, (unsigned)h)->word, i % 60);
    }
    return NULL;
}

static void run_threads(struct octo_metrics *m, unsigned counters, unsigned histograms)
{
    pthread_t thread[THREADS];
    struct work work[THREADS];

    for (unsigned t = 0; t < THREADS; t++) {
        work[t] = (struct work){m, counters, histograms, t * 31};
        if (pthread_create(&thread[t], NULL, count_all, &work[t]) != 0)
            abort();
    }
    for (unsigned t = 0; t < THREADS; t++)
        pthread_join(thread[t], NULL);
}

static void test_nothing_is_lost_among_threads_and_processes(void **state)
{
    struct octo_metrics *m = rig_new(4);
    unsigned counters = rig_family(m, "c_total", OCTO_COUNTER), histograms = rig_family(m, "h", OCTO_HISTOGRAM);
    uint64_t total = 0, placed = 0, sum = 0, wanted_sum = 0;
    char labels[32];
    int status;

    (void)state;
    octo_cpu_prepare();
    for (unsigned p = 0; p < PROCESSES; p++)
        if (fork() == 0) {
            run_threads(m, counters, histograms);
            _exit(0);
        }
    for (unsigned p = 0; p < PROCESSES; p++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(labels, sizeof(labels), "i=\"%u\"", i);
        total += octo_metrics_word(m, rig_word(m, counters, labels));
        uint32_t h = rig_word(m, histograms, labels);

        sum += octo_metrics_word(m, h);
        for (unsigned b = 0; b < 4; b++)
            placed += octo_metrics_word(m, h + 1 + b);
    }
    for (unsigned i = 0; i < TIMES; i++)
        wanted_sum += i % 60;
    assert_int_equal(total, PROCESSES * THREADS * TIMES);
    assert_int_equal(placed, PROCESSES * THREADS * TIMES);
    assert_int_equal(sum, wanted_sum * PROCESSES * THREADS);
    /* Each name was made once, although 24 threads wanted to. */
    assert_int_equal(m->family[counters].series, NAMES);
    assert_int_equal(m->family[histograms].series, NAMES);
    rig_end(m);
}

/* ── hash, exemplars ───────────────────────────────────────────────────────────────────────────────── */

static void test_hash_sees_every_byte(void **state)
{
    char text[80];
    uint64_t seen[81];

    (void)state;
    memset(text, 'a', sizeof(text));
    for (size_t n = 0; n <= sizeof(text); n++) {
        seen[n] = octo_hash(7, text, n);
        for (size_t k = 0; k < n; k++)
            assert_true(seen[n] != seen[k]);
        assert_true(octo_hash(8, text, n) != seen[n]);
        for (size_t i = 0; i < n; i++) {
            text[i] ^= 1;
            assert_true(octo_hash(7, text, n) != seen[n]);
            text[i] ^= 1;
        }
    }
}

static void test_exemplars(void **state)
{
    struct octo_metrics *m = rig_new(1);
    struct octo_exemplar e;
    char id[OCTO_EXEMPLAR_ID_MAX + 1];
    uint64_t now = octo_clock_mono_ns();

    (void)state;
    memset(id, 'x', sizeof(id));
    assert_false(octo_exemplar_of(m, 100, &e));
    octo_exemplar_offer(m, 100, 42, now, id, sizeof(id)); /* too long */
    assert_false(octo_exemplar_of(m, 100, &e));
    octo_exemplar_offer(m, 100, 42, now, "req_1", 5);
    assert_true(octo_exemplar_of(m, 100, &e));
    assert_true(e.value == 42 && e.length == 5 && memcmp(e.id, "req_1", 5) == 0 && e.real_ns != 0);
    octo_exemplar_offer(m, 100, 43, now + OCTO_NS_PER_S - 1, "req_2", 5); /* the first is fresh */
    assert_true(octo_exemplar_of(m, 100, &e) && e.value == 42);
    octo_exemplar_offer(m, 100, 44, now + OCTO_NS_PER_S, "req_3", 5);
    assert_true(octo_exemplar_of(m, 100, &e) && e.value == 44);
    /* One whose writer was killed half way is not shown. */
    for (unsigned i = 0; i < OCTO_EXEMPLARS; i++)
        if (m->exemplar[i].word == 100)
            m->exemplar[i].begun++;
    assert_false(octo_exemplar_of(m, 100, &e));
    rig_end(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families_are_made_once),
        cmocka_unit_test(test_series_of_one_name_are_one),
        cmocka_unit_test(test_words_do_not_overlap),
        cmocka_unit_test(test_ceiling_leaves_room),
        cmocka_unit_test(test_all_families_full),
        cmocka_unit_test(test_labels_too_long),
        cmocka_unit_test(test_no_calls),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_nothing_is_lost_among_threads_and_processes),
        cmocka_unit_test(test_hash_sees_every_byte),
        cmocka_unit_test(test_exemplars),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
