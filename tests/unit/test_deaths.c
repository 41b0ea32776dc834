/* Deaths: what the leading writer says of processes that have crashed, or are gone; by processes that are played in forks. */
#include "writer_rig.h"

#include "event/crash.h"

static void create_and_tell(void)
{
    create();
    settings.crash = true;
}

static void put(struct octo_board *board, unsigned i, uint64_t number, const char *id)
{
    struct octo_board_entry *e = &board->entry[i];

    e->id_len = (uint8_t)strlen(id);
    e->method_len = 3;
    e->target_len = 1;
    snprintf(e->text, sizeof e->text, "%sGET/", id);
    e->head_ns = octo_clock_mono_ns();
    atomic_store(&e->number, number);
}

/* A process of the service with these requests in flight, which does as it is told and is gone. */
static pid_t gone(unsigned requests, bool steadfast, bool orderly)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        uint32_t pid = (uint32_t)getpid();
        struct octo_ring *ring = octo_segment_claim(segment, pid);

        for (unsigned i = 0; i < requests; i++) {
            char id[32];

            snprintf(id, sizeof id, "of_%u_%u", pid, i);
            put(octo_segment_own_board(segment, pid, ring), i, requests - i, id);
        }
        if (steadfast)
            octo_segment_steadfast(segment, pid, true);
        if (orderly)
            octo_segment_ended(segment, pid);
        event(ring, 1, pid);
        kill(getpid(), SIGKILL);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return child;
}

static unsigned told_of(pid_t pid)
{
    char text[300], *log = slurp(settings.log), *p, *end;
    unsigned n = 0;

    snprintf(text, sizeof text, "\"pid\": %d", pid);
    for (p = log; (p = strstr(p, "{\"event\": \"service.crashed\"")) != NULL; p = end) {
        end = strchr(p, '\n');
        CHECK(end != NULL);
        *end++ = '\0';
        n += strstr(p, text) != NULL;
    }
    free(log);
    return n;
}

static void siblings(void)
{
    create_and_tell();
    pid_t busy = gone(3, false, false), idle = gone(0, false, false), steadfast = gone(0, true, false),
          orderly = gone(2, true, true);
    char oldest[64];

    ensure();
    CHECK(appears("service.crashed", 2));
    usleep(300000);
    CHECK(told_of(busy) == 1 && told_of(steadfast) == 1);
    CHECK(told_of(idle) == 0 && told_of(orderly) == 0);
    CHECK(count("\"requests_in_flight\": 3") == 1);
    snprintf(oldest, sizeof oldest, "\"requests\": [{\"request_id\": \"of_%d_2\"", busy);
    CHECK(count(oldest) == 1); /* the first of the process is the oldest */
    CHECK(segment->written[OCTO_CRITICAL] == 2);

    /* Also while the service has work all the time. */
    struct octo_ring *ring = octo_segment_claim(segment, (uint32_t)getpid());

    pid_t later = gone(1, false, false);

    for (unsigned i = 0; i < 500 && told_of(later) == 0; i++) {
        event(ring, 2, i);
        usleep(5000);
    }
    CHECK(told_of(later) == 1);
    octo_writer_stop(OCTO_NS_PER_S);
    octo_segment_ended(segment, (uint32_t)getpid());
    octo_segment_retire(segment, path);
    CHECK(access(path, F_OK) != 0);
}

static void test_siblings(void **state)
{
    (void)state;
    run(siblings);
}

static void first_life(void)
{
    create_and_tell();
    pid_t child = gone(2, false, false);
    struct octo_crash *crash = octo_segment_crash_claim(segment, (uint32_t)child + 1000000);

    /* And one that was telling of its own end when it was killed. */
    crash->signal = SIGABRT;
    crash->mono_ns = octo_clock_mono_ns();
    atomic_store(octo_segment_crash_state(segment, crash), OCTO_CRASH_BEGUN);
    octo_segment_retire(segment, path);
    CHECK(access(path, F_OK) == 0);
}

static void next_life(void)
{
    struct octo_ring *ring;

    create_and_tell();
    ring = octo_segment_claim(segment, (uint32_t)getpid());
    CHECK(event(ring, 1, 1));
    ensure();
    CHECK(appears("service.crashed", 2));
    usleep(100000);
    CHECK(count("service.crashed") == 2);
    CHECK(count("\"signal\": \"SIGABRT\"") == 1 && count("died without a word") == 1);
    octo_writer_stop(OCTO_NS_PER_S);
    octo_segment_ended(segment, (uint32_t)getpid());
    octo_segment_retire(segment, path);
    CHECK(access(path, F_OK) != 0);
}

static void test_next_start(void **state)
{
    (void)state;
    run(first_life);
    run(next_life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_siblings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_next_start, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
