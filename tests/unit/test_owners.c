/* Owners: what processes add to gauges goes with them; what they were about to count when they were killed is counted. */
#include "metrics_rig.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

static bool is_gone(uint32_t pid, uint64_t since_ns)
{
    (void)since_ns;
    return kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

static int64_t gauge(const struct octo_metrics *m, uint32_t share)
{
    int64_t sum = 0;

    for (unsigned i = 0; i < OCTO_OWNERS; i++)
        if (m->owner[i].pid != 0)
            sum += octo_share_of(m, i, share);
    return sum;
}

static pid_t in_child(struct octo_metrics *m, void (*act)(struct octo_metrics *m, struct octo_owner *owner))
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        struct octo_owner *owner = octo_owner_claim(m, (uint32_t)getpid());

        if (owner == NULL)
            abort();
        act(m, owner);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WTERMSIG(status), SIGKILL);
    return child;
}

static uint32_t share, count_word, histogram_word;
static unsigned histogram_family;

static struct octo_metrics *prepare(void)
{
    struct octo_metrics *m = rig_new(2);

    octo_cpu_prepare();
    share = rig_word(m, rig_family(m, "g", OCTO_GAUGE_SHARED), "");
    count_word = rig_word(m, rig_family(m, "c_total", OCTO_COUNTER), "");
    histogram_family = rig_family(m, "h", OCTO_HISTOGRAM);
    histogram_word = rig_word(m, histogram_family, "");
    return m;
}

static void add_three(struct octo_metrics *m, struct octo_owner *owner)
{
    octo_share_add(m, owner, share, 5);
    octo_share_add(m, owner, share, -2);
}

static void test_a_dead_process_leaves_no_gauge(void **state)
{
    struct octo_metrics *m = prepare();
    struct octo_owner *mine = octo_owner_claim(m, (uint32_t)getpid());

    (void)state;
    assert_non_null(mine);
    octo_share_add(m, mine, share, 7);
    in_child(m, add_three);
    assert_int_equal(gauge(m, share), 10);
    octo_owner_reap(m, is_gone);
    assert_int_equal(gauge(m, share), 7);
    rig_end(m);
}

static void intend(struct octo_metrics *m, struct octo_owner *owner)
{
    for (unsigned i = 0; i < 3; i++)
        if (octo_owner_intend(m, owner, i, count_word, histogram_family, histogram_word, 15 * i, NULL, 0) == NULL)
            abort();
}

static void intend_and_forgo(struct octo_metrics *m, struct octo_owner *owner)
{
    octo_owner_forgo(octo_owner_intend(m, owner, 3, count_word, histogram_family, histogram_word, 15, NULL, 0));
}

static void intend_and_settle(struct octo_metrics *m, struct octo_owner *owner)
{
    octo_owner_settle(m, octo_owner_intend(m, owner, 3, count_word, histogram_family, histogram_word, 15, NULL, 0),
                      30);
}

static uint64_t buckets(const struct octo_metrics *m)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < 4; i++)
        sum += octo_metrics_word(m, histogram_word + 1 + i);
    return sum;
}

static void test_killed_in_the_last_call(void **state)
{
    struct octo_metrics *m = prepare();

    (void)state;
    in_child(m, intend);
    assert_int_equal(octo_metrics_word(m, count_word), 0);
    octo_owner_reap(m, is_gone);
    octo_owner_reap(m, is_gone);
    assert_int_equal(octo_metrics_word(m, count_word), 3);
    assert_int_equal(octo_metrics_word(m, histogram_word), 45);
    assert_int_equal(buckets(m), 3);
    in_child(m, intend_and_forgo);
    octo_owner_reap(m, is_gone);
    assert_int_equal(octo_metrics_word(m, count_word), 3);
    in_child(m, intend_and_settle);
    octo_owner_reap(m, is_gone);
    assert_int_equal(octo_metrics_word(m, count_word), 4);
    assert_int_equal(octo_metrics_word(m, histogram_word), 75);
    assert_int_equal(buckets(m), 4);
    rig_end(m);
}

/* Killed between any two steps of the counting, it is counted once in the end, and so is what rules add. */
static void test_killed_while_counting(void **state)
{
    enum { LAST = OCTO_PENDING_COUNTED + 2 * 3 };

    (void)state;
    for (unsigned step = OCTO_PENDING_FILLING; step <= LAST; step++) {
        struct octo_metrics *m = prepare();
        struct octo_owner *owner = octo_owner_claim(m, 4194303); /* no process has it */
        unsigned other = rig_family(m, "other", OCTO_HISTOGRAM);
        uint32_t by_rule = rig_word(m, rig_family(m, "by_rule_total", OCTO_COUNTER), "");
        uint32_t observed = rig_word(m, other, "a=\"1\""), durations = rig_word(m, other, "a=\"2\"");
        const struct octo_addition also[] = {
            {.word = by_rule, .kind = OCTO_ADD_COUNT, .amount = 7},
            {.word = observed, .family = (uint16_t)other, .kind = OCTO_ADD_OBSERVE, .amount = 30},
            {.word = durations, .family = (uint16_t)other, .kind = OCTO_ADD_VALUE},
        };
        struct octo_pending *p =
            octo_owner_intend(m, owner, 0, count_word, histogram_family, histogram_word, 15, also, 3);
        uint64_t wanted = step == OCTO_PENDING_FILLING ? 0 : 1;
        /* What the process has done before it stored that state. */
        const struct {
            unsigned state;
            uint32_t word;
            uint64_t amount;
        } done[] = {
            {OCTO_PENDING_SUMMED, histogram_word, 15}, {OCTO_PENDING_PLACED, histogram_word + 2, 1},
            {OCTO_PENDING_COUNTED, count_word, 1},     {OCTO_PENDING_COUNTED + 2, by_rule, 7},
            {OCTO_PENDING_COUNTED + 3, observed, 30},  {OCTO_PENDING_COUNTED + 4, observed + 3, 1},
            {OCTO_PENDING_COUNTED + 5, durations, 15}, {OCTO_PENDING_COUNTED + 6, durations + 2, 1},
        };

        if (step == OCTO_PENDING_COUNTED + 1) { /* a counter takes one step of the two */
            rig_end(m);
            continue;
        }
        for (unsigned i = 0; i < sizeof(done) / sizeof(done[0]); i++)
            if (step >= done[i].state)
                octo_count(m, done[i].word, done[i].amount);
        p->state = step;
        octo_owner_reap(m, is_gone);
        for (unsigned i = 0; i < sizeof(done) / sizeof(done[0]); i++)
            if (octo_metrics_word(m, done[i].word) != wanted * done[i].amount)
                fail_msg("killed in state %u: word %u has %llu", step, i,
                         (unsigned long long)octo_metrics_word(m, done[i].word));
        assert_int_equal(buckets(m), wanted);
        assert_int_equal(owner->pid, 0);
        rig_end(m);
    }
}

static void test_a_new_process_of_the_same_number(void **state)
{
    struct octo_metrics *m = prepare();
    struct octo_owner *owner = octo_owner_claim(m, (uint32_t)getpid());

    (void)state;
    octo_share_add(m, owner, share, 9);
    octo_owner_intend(m, owner, 0, count_word, histogram_family, histogram_word, 1, NULL, 0);
    assert_non_null(octo_owner_claim(m, (uint32_t)getpid())); /* after exec, say */
    assert_int_equal(gauge(m, share), 0);
    assert_int_equal(octo_metrics_word(m, count_word), 1);
    rig_end(m);
}

static void test_places_of_the_dead_are_found(void **state)
{
    struct octo_metrics *m = prepare();

    (void)state;
    for (unsigned i = 0; i < OCTO_OWNERS; i++)
        assert_non_null(octo_owner_claim(m, i == 77 ? 4194303 : 1000000000 + i));
    /* All full; those numbers are no processes. */
    assert_non_null(octo_owner_claim(m, (uint32_t)getpid()));
    rig_end(m);
}

/* Who began to take a place back and was killed leaves it to the next, after a while. */
static void test_killed_while_taking_back(void **state)
{
    struct octo_metrics *m = prepare();
    struct octo_owner *owner = octo_owner_claim(m, 4194303);

    (void)state;
    octo_owner_intend(m, owner, 0, count_word, histogram_family, histogram_word, 1, NULL, 0);
    owner->pid |= 1u << 31;
    owner->since_ns = octo_clock_mono_ns();
    octo_owner_reap(m, is_gone);
    assert_int_equal(octo_metrics_word(m, count_word), 0);
    owner->since_ns = octo_clock_mono_ns() - 3 * OCTO_NS_PER_S;
    octo_owner_reap(m, is_gone);
    assert_int_equal(octo_metrics_word(m, count_word), 1);
    assert_int_equal(owner->pid, 0);
    rig_end(m);
}

enum { THREADS = 6, TIMES = 30000 };

static struct octo_metrics *shared_metrics;
static struct octo_owner *shared_owner;

static void *settle_many(void *arg)
{
    for (unsigned i = 0; i < TIMES; i++) {
        struct octo_pending *p = octo_owner_intend(shared_metrics, shared_owner, (uint32_t)(uintptr_t)arg + i,
                                                   count_word, histogram_family, histogram_word, 15, NULL, 0);

        octo_share_add(shared_metrics, shared_owner, share, 1);
        if (p && i % 3 == 0) {
            octo_owner_forgo(p);
            p = NULL;
        }
        if (p) {
            octo_owner_settle(shared_metrics, p, 15);
        } else {
            octo_observe(shared_metrics, &shared_metrics->family[histogram_family], histogram_word, 15);
            octo_count(shared_metrics, count_word, 1);
        }
        octo_share_add(shared_metrics, shared_owner, share, -1);
    }
    return NULL;
}

/* And somebody reaps all the time: the living are left alone. */
static void test_threads(void **state)
{
    pthread_t thread[THREADS];

    (void)state;
    shared_metrics = prepare();
    shared_owner = octo_owner_claim(shared_metrics, (uint32_t)getpid());
    for (uintptr_t t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&thread[t], NULL, settle_many, (void *)(t * 1000)), 0);
    for (unsigned i = 0; i < 2000; i++)
        octo_owner_reap(shared_metrics, is_gone);
    for (unsigned t = 0; t < THREADS; t++)
        pthread_join(thread[t], NULL);
    assert_int_equal(octo_metrics_word(shared_metrics, count_word), THREADS * TIMES);
    assert_int_equal(octo_metrics_word(shared_metrics, histogram_word), 15 * THREADS * TIMES);
    assert_int_equal(buckets(shared_metrics), THREADS * TIMES);
    assert_int_equal(gauge(shared_metrics, share), 0);
    rig_end(shared_metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_dead_process_leaves_no_gauge),
        cmocka_unit_test(test_killed_in_the_last_call),
        cmocka_unit_test(test_killed_while_counting),
        cmocka_unit_test(test_a_new_process_of_the_same_number),
        cmocka_unit_test(test_places_of_the_dead_are_found),
        cmocka_unit_test(test_killed_while_taking_back),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
