/* What requests take of threads, with the test in the place of octoprobe's programs: it adds to the seats. */
#include "service_rig.h"

#include "conn/context.h"
#include "conn/held.h"
#include "export/probe.h"

#include <pthread.h>
#include <sys/syscall.h>

static struct octo_seat seats[OCTO_SEATS];

static struct octo_seat *own_seat(void)
{
    unsigned tid = (unsigned)syscall(SYS_gettid);

    for (unsigned i = 1; i < OCTO_SEATS; i++)
        if (seats[i].tid == tid)
            return &seats[i];
    fail_msg("this thread has no seat");
    return NULL;
}

/* As on_return would: a call has taken ns. */
static void call(unsigned nr, enum octo_seat_class class, uint64_t ns)
{
    struct octo_seat *seat = own_seat();
    unsigned i = 0;

    seat->count++;
    seat->ns[class] += ns;
    seat->run_queue_ns += 10;
    while (i < seat->used && seat->call[i].nr != nr)
        i++;
    if (i == OCTO_SEAT_CALLS)
        return;
    if (i == seat->used) {
        seat->used++;
        seat->call[i] = (struct octo_seat_call){nr, 0, 0};
    }
    seat->call[i].count++;
    seat->call[i].ns += ns;
}

/* A request whose head has passed. */
static struct octo_exchange *request(void)
{
    static uint64_t number;
    struct octo_exchange *x = octo_exchange_new();

    assert_non_null(x);
    atomic_store(&x->number, ++number);
    octo_held_begin(x);
    assert_non_null(x->held);
    own_seat()->run_queue_ns += 1000; /* octoprobe has counted a call there */
    return x;
}

static void test_nothing_is_measured_unasked(void **state)
{
    struct octo_exchange *x = octo_exchange_new();

    (void)state;
    octo_probe_memory = NULL;
    octo_held_begin(x);
    assert_null(x->held);
    octo_held_take(x);
    octo_held_leave(x);
    octo_exchange_free(x);
    octo_probe_memory = seats;
    octo_probe_instance = octo_service.segment->probe + 1; /* of a probe that has gone */
    x = octo_exchange_new();
    octo_held_begin(x);
    assert_null(x->held);
    octo_exchange_free(x);
    octo_probe_instance = octo_service.segment->probe;
}

static void test_stretches_add_up(void **state)
{
    struct octo_exchange *x = request();
    struct octo_held_facts facts;

    (void)state;
    call(99, OCTO_SEAT_OTHER, 7); /* before it */
    octo_held_take(x);
    call(1, OCTO_SEAT_FILE, 100);
    call(2, OCTO_SEAT_WAIT, 3000);
    octo_held_leave(x);
    call(3, OCTO_SEAT_WAIT, 1000000); /* another's */
    octo_held_take(x);
    call(1, OCTO_SEAT_FILE, 50);
    call(4, OCTO_SEAT_NET, 20);
    octo_held_facts(x, true, &facts);
    assert_int_equal(facts.calls, 4);
    assert_int_equal(facts.class_ns[OCTO_SEAT_FILE], 150);
    assert_int_equal(facts.class_ns[OCTO_SEAT_WAIT], 3000);
    assert_int_equal(facts.class_ns[OCTO_SEAT_NET], 20);
    assert_int_equal(facts.class_ns[OCTO_SEAT_OTHER], 0);
    assert_int_equal(facts.calls_run_queue_ns, 40);
    assert_int_equal(facts.cpu_ns, OCTO_NS_UNKNOWN);
    assert_int_equal(facts.top[0].nr, 2);
    assert_int_equal(facts.top[1].nr, 1);
    assert_int_equal(facts.top[1].count, 2);
    assert_int_equal(facts.top[2].nr, 4);
    octo_held_leave(x);
    octo_held_facts(x, false, &facts); /* and afterwards, on no thread */
    assert_int_equal(facts.calls, 4);
    octo_exchange_free(x);
}

/* More kinds of calls than are told apart: the longest are among them. */
static void test_the_longest_stay(void **state)
{
    struct octo_exchange *x = request();
    struct octo_held_facts facts;

    (void)state;
    for (unsigned stretch = 0; stretch < 5; stretch++) {
        octo_held_take(x);
        for (unsigned i = 0; i < OCTO_SEAT_CALLS; i++)
            call(100 * stretch + i, OCTO_SEAT_FILE,
                 1 + i + (stretch == 2 && i == 3 ? 5000 : 0) + (stretch == 4 && i == 0 ? 9000 : 0));
        octo_held_leave(x);
    }
    octo_held_facts(x, false, &facts);
    assert_int_equal(facts.calls, 5 * OCTO_SEAT_CALLS);
    assert_int_equal(facts.top[0].nr, 400);
    assert_int_equal(facts.top[1].nr, 203);
    octo_exchange_free(x);
}

static struct octo_exchange *shared;

static void *hold_and_stay(void *barrier)
{
    octo_held_take(shared);
    call(5, OCTO_SEAT_NET, 1);
    pthread_barrier_wait(barrier);
    pthread_barrier_wait(barrier);
    octo_held_leave(shared); /* which may be over */
    return NULL;
}

/* A thread that has not left it has the rest of its calls: better none than half of them. */
static void test_half_is_not_told(void **state)
{
    struct octo_held_facts facts;
    pthread_barrier_t barrier;
    pthread_t thread;

    (void)state;
    pthread_barrier_init(&barrier, NULL, 2);
    for (unsigned over = 0; over < 2; over++) {
        shared = request();
        pthread_create(&thread, NULL, hold_and_stay, &barrier);
        pthread_barrier_wait(&barrier);
        octo_held_facts(shared, false, &facts);
        assert_int_equal(facts.calls, 0);
        if (over) { /* it ends, and its memory is another's, before the thread leaves it */
            octo_exchange_free(shared);
            shared = request();
            octo_held_take(shared);
        }
        pthread_barrier_wait(&barrier);
        pthread_join(thread, NULL);
        if (over)
            call(6, OCTO_SEAT_NET, 1);
        octo_held_facts(shared, over, &facts);
        assert_int_equal(facts.calls, 1);
        assert_int_equal(facts.top[0].nr, over ? 6 : 5);
        octo_held_leave(shared);
        octo_exchange_free(shared);
    }
    pthread_barrier_destroy(&barrier);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *come_and_go(void *unused)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        octo_held_take(shared);
        if (own_seat()->number != 0)
            call(i % 3, OCTO_SEAT_FILE, 1);
        octo_held_leave(shared);
    }
    return unused;
}

/* Threads on one request while others look at it, and it ends. A stretch may be left out; what is told is whole. */
static void test_many_threads(void **state)
{
    struct octo_held_facts facts;
    pthread_t threads[THREADS];
    uint64_t told = 0;

    (void)state;
    shared = request();
    for (unsigned i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, come_and_go, NULL);
    for (unsigned i = 0; i < 1000; i++) {
        octo_held_facts(shared, false, &facts);
        assert_true(facts.calls == 0 || facts.calls >= told);
        assert_int_equal(facts.calls, facts.class_ns[OCTO_SEAT_FILE]);
        told = facts.calls ? facts.calls : told;
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    octo_exchange_free(shared);
}

static void *take_a_seat(void *unused)
{
    struct octo_exchange *x = request();

    octo_exchange_free(x);
    return unused;
}

/* Those of threads that have ended are taken by others. */
static void test_seats_are_used_again(void **state)
{
    unsigned taken = 0;

    (void)state;
    for (unsigned i = 0; i < 3 * OCTO_SEATS; i++) {
        pthread_t thread;

        pthread_create(&thread, NULL, take_a_seat, NULL);
        pthread_join(thread, NULL);
    }
    for (unsigned i = 1; i < OCTO_SEATS; i++)
        taken += seats[i].tid != 0;
    assert_in_range(taken, OCTO_SEATS / 2, OCTO_SEATS - 1);
    assert_true(seats[0].tid >= 3 * OCTO_SEATS);
}

static int begin(void **state)
{
    static struct octo_segment segment;

    (void)state;
    if (!rig_load("{}") || !octo_process())
        return -1;
    segment.probe = 77;
    octo_service.segment = &segment;
    octo_probe_instance = 77;
    octo_probe_lives = 1;
    octo_probe_memory = seats;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_measured_unasked),
        cmocka_unit_test(test_stretches_add_up),
        cmocka_unit_test(test_the_longest_stay),
        cmocka_unit_test(test_half_is_not_told),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_seats_are_used_again),
    };

    return cmocka_run_group_tests(tests, begin, rig_unload);
}
