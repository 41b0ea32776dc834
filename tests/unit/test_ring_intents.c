/* Intended records: written before what they tell has happened, and true in the end. */
#include "ring_rig.h"

/* An intended record of process `who`, of the given time. */
static struct octo_record *intend(struct octo_ring *ring, uint32_t who, uint64_t number, uint64_t mono_ns,
                                  uint64_t *intent)
{
    struct octo_record *r = octo_ring_reserve(ring, 40, OCTO_INFO);

    assert_non_null(r);
    fill(r, who, number, 40);
    r->mono_ns = mono_ns;
    *intent = octo_ring_intend(r);
    return r;
}

static void test_intended_record_is_claimed_and_committed(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};
    uint64_t intent;
    struct octo_record *r = intend(ring, 0, 0, 1000, &intent);

    (void)state;
    assert_true(put(ring, 1, 0, 10));
    assert_int_equal(drain(ring, SIZE_MAX, 1000, 100, &seen), 0); /* young: what follows waits with it */
    assert_int_equal(drain(ring, SIZE_MAX, 1000 + INTENT_NS - 1, 100, &seen), 0);
    assert_true(octo_ring_claim(r, intent));
    assert_false(octo_ring_claim(r, intent));
    octo_ring_forgo(r, intent); /* too late, and without effect */
    octo_ring_commit(ring, r);
    assert_int_equal(drain(ring, SIZE_MAX, 1000 + INTENT_NS, 100, &seen), 2);
    assert_int_equal(seen.bad + seen.killed + all_dropped(ring), 0);
    drop(ring);
}

static void test_forgone_record_is_passed_over_silently(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};
    uint64_t intent;
    struct octo_record *r = intend(ring, 0, 0, 1000, &intent);

    (void)state;
    assert_true(put(ring, 1, 0, 10));
    octo_ring_forgo(r, intent);
    assert_false(octo_ring_claim(r, intent));
    assert_int_equal(drain(ring, SIZE_MAX, 1000, 100, &seen), 1);
    assert_int_equal(all_dropped(ring), 0);
    assert_true(octo_ring_empty(ring));
    drop(ring);
}

static void test_old_intent_of_the_living_is_voided_and_its_writer_hears_of_it(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};
    uint64_t intent, next;
    struct octo_record *r = intend(ring, 0, 0, 1000, &intent), *s = intend(ring, 0, 1, 1500, &next);

    (void)state;
    assert_true(put(ring, 1, 0, 10));
    assert_int_equal(drain(ring, SIZE_MAX, 1000 + INTENT_NS, 100, &seen),
                     0); /* the first one only: the other is young */
    assert_false(octo_ring_claim(r, intent));
    assert_true(octo_ring_claim(s, next));
    octo_ring_commit(ring, s);
    assert_int_equal(drain(ring, SIZE_MAX, 1000 + INTENT_NS, 100, &seen), 2);
    assert_int_equal(seen.bad + seen.killed + all_dropped(ring), 0);
    /* Its place is another's now. */
    for (uint64_t i = 1; i < 300; i++) {
        assert_true(put(ring, 1, i, 200));
        octo_ring_forgo(r, intent);
        assert_false(octo_ring_claim(r, intent));
        assert_int_equal(drain(ring, SIZE_MAX, 2000, 100, &seen), 1);
    }
    assert_int_equal(seen.bad, 0);
    drop(ring);
}

static void test_intent_of_the_dead_is_taken_and_says_so(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};
    uint64_t intent, cursor = 0;

    (void)state;
    gone_pid = 2;
    intend(ring, gone_pid, 0, 1000, &intent);
    assert_true(put(ring, 1, 0, 10));
    assert_int_equal(drain(ring, SIZE_MAX, 1000 + INTENT_NS - 1, 100, &seen), 0);
    /* Read and not freed, as by a leader that is killed then: its successor sees the same. */
    assert_int_equal(read_on(ring, &cursor, SIZE_MAX, 1000 + INTENT_NS, 100, &seen), 2);
    assert_int_equal(drain(ring, SIZE_MAX, 1000 + INTENT_NS, 100, &(struct seen){.total = 0}), 2);
    gone_pid = NOBODY;
    assert_int_equal(seen.killed, 1);
    assert_int_equal(seen.bad + all_dropped(ring), 0);
    drop(ring);
}

/* Killed between claim and commit, it is still whole; a living writer that stays there for too long loses it. */
static void test_claimed_record_of_the_dead_is_taken_too(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};
    uint64_t intent;
    struct octo_record *r = intend(ring, 2, 0, 1000, &intent);

    (void)state;
    assert_true(octo_ring_claim(r, intent));
    assert_true(put(ring, 1, 0, 10));
    assert_int_equal(drain(ring, SIZE_MAX, 1000 + INTENT_NS, 5 * INTENT_NS, &seen), 0);
    gone_pid = 2;
    assert_int_equal(drain(ring, SIZE_MAX, 1000 + INTENT_NS, 5 * INTENT_NS, &seen), 2);
    gone_pid = NOBODY;
    assert_int_equal(seen.killed, 1);
    assert_int_equal(seen.bad + all_dropped(ring), 0);

    r = intend(ring, 2, 1, 1000, &intent);
    assert_true(octo_ring_claim(r, intent));
    assert_true(put(ring, 1, 1, 10));
    r->mono_ns = 3000; /* brought up to date, later than the drainer's now: young */
    assert_int_equal(drain(ring, SIZE_MAX, 2999, 5 * INTENT_NS, &seen), 0);
    assert_int_equal(drain(ring, SIZE_MAX, 3000 + 5 * INTENT_NS - 1, 5 * INTENT_NS, &seen), 0);
    assert_int_equal(drain(ring, SIZE_MAX, 3000 + 5 * INTENT_NS, 5 * INTENT_NS, &seen), 1);
    assert_int_equal(all_dropped(ring), 1);
    octo_ring_commit(ring, r); /* too late, and without effect */
    assert_true(octo_ring_empty(ring));
    assert_int_equal(seen.bad, 0);
    drop(ring);
}

static _Atomic uint64_t model_ns; /* the drainer's clock */

static void *write_intents(void *arg)
{
    struct job *job = arg;
    unsigned seed = job->who + 1;

    for (uint64_t i = 0; i < EACH; i++) {
        struct octo_record *r = octo_ring_reserve(job->ring, 100, OCTO_LEVELS);
        bool done = false;

        if (r != NULL) {
            uint64_t intent;

            fill(r, job->who, i, 100);
            r->mono_ns = model_ns;
            intent = octo_ring_intend(r);
            if (rand_r(&seed) % 8 == 0)
                sched_yield();
            if (rand_r(&seed) % 3 == 0) {
                octo_ring_forgo(r, intent);
            } else if (octo_ring_claim(r, intent)) {
                octo_ring_commit(job->ring, r);
                done = true;
            }
        }
        while (!done && !put(job->ring, job->who, i, 50)) {
            job->refused++;
            sched_yield();
        }
    }
    return NULL;
}

static void test_threads_with_intents(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};
    struct job job[WRITERS];
    pthread_t thread[WRITERS];
    uint64_t refused = 0;
    time_t start = time(NULL);

    (void)state;
    for (uint32_t i = 0; i < WRITERS; i++) {
        job[i] = (struct job){ring, i, 0};
        assert_int_equal(pthread_create(&thread[i], NULL, write_intents, &job[i]), 0);
    }
    while (seen.total < (uint64_t)WRITERS * EACH && time(NULL) - start < 60) {
        model_ns += INTENT_NS / 3;
        if (drain(ring, SIZE / 2, model_ns, UINT64_MAX, &seen) == 0)
            sched_yield();
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(thread[i], NULL);
        refused += job[i].refused;
        assert_int_equal(seen.next[i], EACH);
    }
    assert_int_equal(seen.bad + seen.killed, 0);
    assert_int_equal(seen.total, WRITERS * EACH);
    assert_int_equal(all_dropped(ring), refused); /* intents count neither when refused nor when voided */
    drop(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intended_record_is_claimed_and_committed),
        cmocka_unit_test(test_forgone_record_is_passed_over_silently),
        cmocka_unit_test(test_old_intent_of_the_living_is_voided_and_its_writer_hears_of_it),
        cmocka_unit_test(test_intent_of_the_dead_is_taken_and_says_so),
        cmocka_unit_test(test_claimed_record_of_the_dead_is_taken_too),
        cmocka_unit_test(test_threads_with_intents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
