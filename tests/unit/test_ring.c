/* The ring under threads, forks and killed writers: nothing lost, nothing twice, nothing torn, order kept. */
#include "ring_rig.h"

static void test_empty(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};

    (void)state;
    assert_true(octo_ring_empty(ring));
    assert_false(octo_ring_half_full(ring));
    assert_int_equal(drain(ring, SIZE_MAX, 1, 0, &seen), 0);
    drop(ring);
}

static void test_head_is_zeroed(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct octo_record *r;

    (void)state;
    memset(ring->data, 0xee, SIZE);
    r = octo_ring_reserve(ring, 10, OCTO_INFO);
    assert_int_equal(r->size, 160);
    for (unsigned i = 12; i < OCTO_RECORD_HEAD; i++)
        assert_int_equal(((uint8_t *)r)[i], 0);
    drop(ring);
}

static void test_wraps_with_every_size_in_order(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};
    uint64_t number = 0;

    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        while (put(ring, 0, number, (number * 37) % 1500))
            number++;
        assert_true(octo_ring_half_full(ring));
        drain(ring, 1 + round * 7 % SIZE, round, 0, &seen);
    }
    drain(ring, SIZE_MAX, 0, 0, &seen);
    assert_true(octo_ring_empty(ring));
    assert_int_equal(seen.bad, 0);
    assert_int_equal(seen.total, number);
    assert_true(number > 10000);
    drop(ring);
}

static void test_full_is_counted_by_level(void **state)
{
    struct octo_ring *ring = make(SIZE);

    (void)state;
    while (octo_ring_reserve(ring, 1000, OCTO_WARNING) != NULL)
        ;
    assert_null(octo_ring_reserve(ring, 1000, OCTO_ERROR));
    assert_null(octo_ring_reserve(ring, OCTO_RECORD_TEXT_MAX + 1, OCTO_ERROR));
    assert_int_equal(ring->dropped[OCTO_WARNING], 1);
    assert_int_equal(ring->dropped[OCTO_ERROR], 2);
    drop(ring);
}

static void test_largest_record(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};

    (void)state;
    for (uint64_t i = 0; i < 50; i++) {
        assert_true(put(ring, 1, i, OCTO_RECORD_TEXT_MAX));
        assert_int_equal(drain(ring, SIZE_MAX, 0, 0, &seen), 1);
    }
    assert_int_equal(seen.bad, 0);
    drop(ring);
}

static void test_read_frees_nothing_until_told(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen first = {.total = 0}, again = {.total = 0}, part = {.stop_after = 3};
    uint64_t cursor = octo_ring_tail(ring), number = 0;

    (void)state;
    while (put(ring, 0, number, 100))
        number++;
    assert_int_equal(read_on(ring, &cursor, SIZE_MAX, 0, 0, &part), 3);
    cursor = octo_ring_tail(ring);
    assert_int_equal(read_on(ring, &cursor, SIZE_MAX, 0, 0, &first), number);
    assert_false(put(ring, 0, number, 100));
    cursor = octo_ring_tail(ring);
    assert_int_equal(read_on(ring, &cursor, SIZE_MAX, 0, 0, &again), number);
    octo_ring_free(ring, cursor, 0);
    assert_true(octo_ring_empty(ring));
    assert_true(put(ring, 0, number, 100));
    drop(ring);
}

static void test_hole_waits_then_is_skipped(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};
    struct octo_record *late;

    (void)state;
    assert_true(put(ring, 0, 0, 10));
    late = octo_ring_reserve(ring, 500, OCTO_INFO);
    assert_true(put(ring, 0, 1, 10));
    assert_int_equal(drain(ring, SIZE_MAX, 1000, 100, &seen), 1);
    assert_int_equal(drain(ring, SIZE_MAX, 1099, 100, &seen), 0);
    assert_int_equal(all_dropped(ring), 0);
    assert_int_equal(drain(ring, SIZE_MAX, 1100, 100, &seen), 1);
    assert_int_equal(all_dropped(ring), 1);
    assert_true(octo_ring_empty(ring));

    /* The late writer comes back: its place may be another's by now, and nothing of it shows. */
    fill(late, 9, 9, 500);
    octo_ring_commit(ring, late);
    for (uint64_t i = 2; i < 300; i++) {
        assert_true(put(ring, 0, i, 200));
        drain(ring, SIZE_MAX, 2000, 100, &seen);
    }
    assert_int_equal(seen.total, 300);
    assert_int_equal(seen.bad, 0);
    drop(ring);
}

static void test_hole_that_is_filled_in_time_is_no_hole(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};
    struct octo_record *late = octo_ring_reserve(ring, 50, OCTO_INFO);

    (void)state;
    assert_true(put(ring, 1, 0, 10));
    assert_int_equal(drain(ring, SIZE_MAX, 1000, 100, &seen), 0);
    fill(late, 0, 0, 50);
    octo_ring_commit(ring, late);
    assert_int_equal(drain(ring, SIZE_MAX, 1001, 100, &seen), 2);
    assert_int_equal(all_dropped(ring), 0);
    drop(ring);
}

static void test_unmarked_hole_is_scanned_over(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};
    struct octo_record *lost;

    (void)state;
    lost = octo_ring_reserve(ring, 700, OCTO_INFO);
    memset(lost->text, 0xff, 700);
    lost->commit = 0; /* as if killed before it had marked its place */
    assert_true(put(ring, 0, 0, 10));
    assert_int_equal(drain(ring, SIZE_MAX, 1, 0, &seen), 1);
    assert_int_equal(all_dropped(ring), 1);
    lost = octo_ring_reserve(ring, 700, OCTO_INFO);
    lost->commit = 0;
    assert_int_equal(drain(ring, SIZE_MAX, 1, 0, &seen), 0);
    assert_true(octo_ring_empty(ring)); /* nothing follows: up to the head */
    drop(ring);
}

static void test_a_former_laps_records_are_not_taken(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};

    (void)state;
    for (uint64_t i = 0; i < SIZE / 256; i++)
        assert_true(put(ring, 0, i, 100)); /* of 256 bytes */
    drain(ring, SIZE_MAX, 0, 0, &seen);
    assert_int_equal(seen.total, SIZE / 256);
    /* Reserved by one that is killed at once: below lie the former lap's complete records. */
    atomic_fetch_add(&ring->head, 1280);
    assert_int_equal(drain(ring, SIZE_MAX, 1, 0, &seen), 0);
    assert_true(octo_ring_empty(ring));
    drop(ring);
}

static void test_damage_is_skipped_and_counted(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};
    uint64_t dropped = 0;

    (void)state;
    for (unsigned what = 0; what < 8; what++) {
        struct octo_record *r = octo_ring_reserve(ring, 100, OCTO_INFO);

        fill(r, 0, 0, 100);
        switch (what) {
        case 0:
            r->size = 0;
            break;
        case 1:
            r->size = 0xffffffe0u;
            break;
        case 2:
            r->size = 130;
            break;
        case 3:
            r->size = 1 << 13;
            break;
        case 4:
            r->target_len = 65535;
            break;
        case 5:
            r->id_len = 255;
            break;
        case 6:
            r->kind = OCTO_EVENT_KINDS;
            break;
        case 7:
            r->level = OCTO_LEVELS;
            break;
        }
        octo_ring_commit(ring, r);
        assert_true(put(ring, 0, what, 30));
        assert_int_equal(drain(ring, SIZE_MAX, 1, 0, &seen), 1);
        assert_int_equal(all_dropped(ring), ++dropped);
    }
    assert_int_equal(seen.bad, 0);
    ring->head += 10 * (uint64_t)SIZE; /* scribbled over */
    assert_int_equal(drain(ring, SIZE_MAX, 1, 0, &seen), 0);
    assert_true(octo_ring_empty(ring));
    assert_true(put(ring, 0, 8, 30));
    assert_int_equal(drain(ring, SIZE_MAX, 1, 0, &seen), 1);
    drop(ring);
}

static void test_noise_never_harms(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};

    (void)state;
    srand(7);
    for (unsigned round = 0; round < 300; round++) {
        for (unsigned i = 0; i < SIZE; i++)
            ring->data[i] = (uint8_t)rand();
        for (uint64_t at = round % 2 ? 0 : 1024; at < SIZE; at += 32 * (1 + (unsigned)rand() % 8)) {
            uint64_t word = (ring->tail + SIZE - ring->tail % SIZE + at) | (1u << rand() % 5);

            memcpy(ring->data + at, &word, sizeof word);
        }
        ring->head = ring->tail + SIZE - ring->tail % SIZE + ((unsigned)rand() % SIZE & ~31u);
        drain(ring, SIZE_MAX, 1, 0, &seen);
        assert_true(ring->tail <= ring->head);
        octo_ring_free(ring, ring->head, 0);
    }
    drop(ring);
}

static void *write_many(void *arg)
{
    struct job *job = arg;
    unsigned seed = job->who + 1;

    for (uint64_t i = 0; i < EACH; i++)
        while (!put(job->ring, job->who, i, (unsigned)rand_r(&seed) % (i % 50 == 0 ? 3900 : 300))) {
            job->refused++;
            sched_yield();
        }
    return NULL;
}

static void expect_all(struct octo_ring *ring, struct seen *seen)
{
    time_t start = time(NULL);

    while (seen->total < (uint64_t)WRITERS * EACH && time(NULL) - start < 60)
        if (drain(ring, SIZE / 2, 1, 1000, seen) == 0)
            sched_yield();
    assert_int_equal(seen->bad, 0);
    assert_int_equal(seen->total, WRITERS * EACH);
    for (unsigned i = 0; i < WRITERS; i++)
        assert_int_equal(seen->next[i], EACH); /* in order, without a gap */
}

static void test_threads(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};
    struct job job[WRITERS];
    pthread_t thread[WRITERS];
    uint64_t refused = 0;

    (void)state;
    for (uint32_t i = 0; i < WRITERS; i++) {
        job[i] = (struct job){ring, i, 0};
        assert_int_equal(pthread_create(&thread[i], NULL, write_many, &job[i]), 0);
    }
    expect_all(ring, &seen);
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(thread[i], NULL);
        refused += job[i].refused;
    }
    assert_int_equal(all_dropped(ring), refused); /* every refusal, and nothing else, is counted */
    drop(ring);
}

static void test_processes(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};
    pid_t child[WRITERS];
    int status;

    (void)state;
    for (uint32_t i = 0; i < WRITERS; i++) {
        child[i] = fork();
        if (child[i] == 0) {
            struct job job = {ring, i, 0};

            write_many(&job);
            _exit(0);
        }
    }
    expect_all(ring, &seen);
    for (unsigned i = 0; i < WRITERS; i++)
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
    drop(ring);
}

/* Writers are killed at any instruction; those that live lose nothing and are not stopped. */
static void test_killed_writers(void **state)
{
    struct octo_ring *ring = make(SIZE);
    struct seen seen = {.total = 0};
    uint64_t now = 1, number = 0;

    (void)state;
    for (unsigned round = 0; round < 150; round++) {
        pid_t child = fork();
        int status;

        if (child == 0) {
            unsigned seed = round;

            for (uint64_t own = 0;;) {
                struct octo_record *r = octo_ring_reserve(ring, (unsigned)60 + rand_r(&seed) % 2000, OCTO_INFO);

                if (r == NULL)
                    continue;
                fill(r, 1, own++, 60);
                octo_ring_commit(ring, r);
            }
        }
        seen.next[1] = 0;
        struct timespec moment = {0, 100000 + (long)(round * 7919 % 400000)};
        struct timespec start;

        clock_gettime(CLOCK_MONOTONIC, &start);
        for (struct timespec t = start;
             (t.tv_sec - start.tv_sec) * 1000000000 + t.tv_nsec - start.tv_nsec < moment.tv_nsec;
             clock_gettime(CLOCK_MONOTONIC, &t)) {
            if (put(ring, 0, number, 64))
                number++;
            drain(ring, SIZE_MAX, now, 1000000, &seen);
        }
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        for (unsigned tries = 0; !octo_ring_empty(ring) && tries < 1000; tries++) {
            drain(ring, SIZE_MAX, now += 2000000, 1000000, &seen);
        }
        assert_true(octo_ring_empty(ring));
        assert_int_equal(seen.next[0], number); /* mine came through, all of them */
    }
    assert_int_equal(seen.bad, 0);
    drop(ring);
}

static struct octo_ring *signal_ring;
static volatile uint64_t by_handler;

static void on_signal(int number)
{
    (void)number;
    if (put(signal_ring, 1, by_handler, 40))
        by_handler++;
}

/* A handler that interrupts reserve .. commit of its own thread. */
static void test_signal_handler_writes_too(void **state)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec spec = {{0, 50000}, {0, 50000}};
    struct seen seen = {.total = 0};
    timer_t timer;
    uint64_t number = 0;

    (void)state;
    signal_ring = make(SIZE);
    sigaction(SIGUSR1, &action, NULL);
    assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    assert_int_equal(timer_settime(timer, 0, &spec, NULL), 0);
    for (time_t start = time(NULL); by_handler < 2000 && time(NULL) - start < 20;) {
        for (unsigned i = 0; i < 50; i++)
            number += put(signal_ring, 0, number, 100);
        drain(signal_ring, SIZE_MAX, 1, 1000, &seen);
    }
    timer_delete(timer);
    drain(signal_ring, SIZE_MAX, 1, 1000, &seen);
    assert_true(by_handler >= 2000);
    assert_int_equal(seen.bad, 0);
    assert_int_equal(seen.next[0], number);
    assert_int_equal(seen.next[1], by_handler);
    drop(signal_ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_head_is_zeroed),
        cmocka_unit_test(test_wraps_with_every_size_in_order),
        cmocka_unit_test(test_full_is_counted_by_level),
        cmocka_unit_test(test_largest_record),
        cmocka_unit_test(test_read_frees_nothing_until_told),
        cmocka_unit_test(test_hole_waits_then_is_skipped),
        cmocka_unit_test(test_hole_that_is_filled_in_time_is_no_hole),
        cmocka_unit_test(test_unmarked_hole_is_scanned_over),
        cmocka_unit_test(test_a_former_laps_records_are_not_taken),
        cmocka_unit_test(test_damage_is_skipped_and_counted),
        cmocka_unit_test(test_noise_never_harms),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_killed_writers),
        cmocka_unit_test(test_signal_handler_writes_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
