/* Events for which there is no memory: counted, each once, so that somebody hears of them. And when an event is said to have happened. */
#include "service_rig.h"

#include "conn/emit.h"

#include <pthread.h>
#include <sys/wait.h>

static int load(void **state)
{
    (void)state;
    return rig_load("{}") && rig_wake() ? 0 : -1;
}

static void without_a_ring(void **state)
{
    struct octo_process *process = octo_process();
    struct octo_ring *ring = process->outlet.ring;

    (void)state;
    octo_emit_service(true, "a", 0);
    assert_int_equal(octo_service.segment->homeless, 0);
    process->outlet.ring = process->outlet.own = NULL;
    process->ringless = true;
    octo_emit_service(true, "a", 0);
    octo_emit_service(false, "a", 0);
    assert_int_equal(octo_service.segment->homeless, 2);
    process->outlet.ring = process->outlet.own = ring;
}

enum { THREADS = 8, ROUNDS = 60 };

static pthread_barrier_t together;

static void *begins(void *arg)
{
    pthread_barrier_wait(&together);
    octo_emit_service(true, "a", 0);
    return arg;
}

/* How many rings a fresh process has whose threads all have their first event at once. */
static int rings_of_a_process(void)
{
    pthread_t thread[THREADS];
    int rings = 0;

    pthread_barrier_init(&together, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, begins, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++)
        rings += octo_service.segment->slot[i].pid == (uint32_t)getpid();
    return rings;
}

static void one_ring_a_process(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        int status;
        pid_t child = fork();

        if (child == 0)
            _exit(rings_of_a_process());
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 1);
        octo_segment_reap(octo_service.segment);
    }
}

/* The end is timed by a coarse clock until its call has returned: it may be behind the clock of the beginning. */
static void no_end_before_its_beginning(void **state)
{
    static struct octo_conn conn;
    static struct octo_exchange x = {.head_ns = 2000, .sampled = true, .minor = 1};
    const struct octo_ending behind = {.now_ns = 1500, .first_ns = 1500, .status = 200, .completed = true};
    const struct octo_ending later = {.now_ns = 2500, .first_ns = 2500, .status = 200, .completed = true};

    (void)state;
    octo_emit_intend(&conn, &x, &behind);
    assert_non_null(x.intent);
    assert_int_equal(x.intent->mono_ns, 2000);
    assert_int_equal(x.intent->duration_ns, 0);
    octo_emit_forgo(&x);
    octo_emit_intend(&conn, &x, &later);
    assert_non_null(x.intent);
    assert_int_equal(x.intent->mono_ns, 2500);
    assert_int_equal(x.intent->duration_ns, 500);
    octo_emit_forgo(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_end_before_its_beginning),
        cmocka_unit_test(without_a_ring),
        cmocka_unit_test(one_ring_a_process),
    };

    return cmocka_run_group_tests(tests, load, rig_unload);
}
