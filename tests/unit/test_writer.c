/* The writer, in whole: not noticed, started, leading, stopped, killed, taken over. */
#include "writer_rig.h"

static void unnoticed(void)
{
    sigset_t before, after;
    unsigned fds, tid;
    unsigned long switches;
    char directory[64];
    struct octo_ring *ring;

    create();
    ring = octo_segment_claim(segment, (uint32_t)getpid());
    CHECK(event(ring, 0, 0));
    fds = entries("/proc/self/fd");
    sigemptyset(&before);
    sigaddset(&before, SIGUSR2);
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = 4242;
    ensure();
    ensure();
    CHECK(errno == 4242);
    sigprocmask(SIG_SETMASK, NULL, &after);
    CHECK(sigismember(&after, SIGUSR2) && !sigismember(&after, SIGTERM));
    CHECK(appears("\"path\": \"/0/0\"", 1));

    CHECK(entries("/proc/self/fd") == fds); /* the service's table */
    tid = writer_tid();
    CHECK(tid != 0);
    snprintf(directory, sizeof directory, "/proc/self/task/%u/fd", tid);
    CHECK(entries(directory) <= 2 + 2); /* the log and its directory */
    CHECK(entries("/proc/self/task") == 2 + 2);
    CHECK(status_of(tid, "SigBlk:") == 0xfffffffffffbfeff); /* all but KILL and STOP */

    usleep(200000);
    switches = status_of(tid, "voluntary_ctxt_switches:");
    usleep(1000000);
    CHECK(status_of(tid, "voluntary_ctxt_switches:") == switches); /* asleep: no CPU at all */

    /* Woken by the next event, and for a burst seldom. */
    CHECK(event(ring, 0, 1));
    CHECK(appears("\"path\": \"/0/1\"", 1));
}

static void test_unnoticed(void **state)
{
    (void)state;
    run(unnoticed);
}

static void flushes(void)
{
    struct octo_ring *ring;

    create();
    ring = octo_segment_claim(segment, (uint32_t)getpid());
    for (unsigned i = 0; i < 1000; i++)
        CHECK(event(ring, 0, i));
    uint64_t start_ms = now_ms();

    octo_writer_flush(segment, 5 * OCTO_NS_PER_S); /* no writer, nobody to wait for */
    CHECK(now_ms() - start_ms < 1000 && count("\"event\"") == 0);
    ensure();
    octo_writer_flush(segment, 5 * OCTO_NS_PER_S);
    CHECK(count("\"event\"") == 1000);
    CHECK(now_ms() - start_ms < 1000);
    for (unsigned round = 0; round < 50; round++) {
        CHECK(event(ring, 1, round));
        octo_writer_flush(segment, 5 * OCTO_NS_PER_S);
        CHECK(count("\"event\"") == 1001 + round);
    }
    CHECK(segment->written[OCTO_INFO] == 1050);
    CHECK(segment->written_bytes > 1050 * 100);
    octo_segment_retire(segment, path);
    CHECK(access(path, F_OK) != 0);
}

static void test_flush(void **state)
{
    (void)state;
    run(flushes);
}

static void stops_and_starts(void)
{
    struct octo_ring *ring;

    create();
    ring = octo_segment_claim(segment, (uint32_t)getpid());
    for (unsigned round = 0; round < 30; round++) {
        CHECK(event(ring, 0, round));
        ensure();
        if (round % 3 == 1)
            usleep(3000); /* napping */
        if (round % 10 == 2) {
            CHECK(appears("\"event\"", round + 1));
            usleep(120000); /* asleep */
        }
        uint64_t start_ms = now_ms();

        octo_writer_stop(2 * OCTO_NS_PER_S);
        CHECK(now_ms() - start_ms < 500);
        CHECK(writer_tid() == 0);
        CHECK(!octo_lead_held(&segment->lead));
    }
    octo_writer_stop(OCTO_NS_PER_S);
    ensure();
    CHECK(appears("\"event\"", 30));
}

static void test_stop_and_start(void **state)
{
    (void)state;
    run(stops_and_starts);
}

static void many_threads_start_one(void)
{
    create();
    struct octo_ring *ring = octo_segment_claim(segment, (uint32_t)getpid());

    for (unsigned i = 0; i < 100; i++) {
        CHECK(event(ring, 0, i));
        ensure();
    }
    CHECK(appears("\"event\"", 100));
    CHECK(entries("/proc/self/task") == 2 + 2);
    /* A fork has none, and may have its own. */
    pid_t child = fork();
    int status;

    if (child == 0) {
        CHECK(entries("/proc/self/task") == 1 + 2);
        octo_writer_forked();
        ring = octo_segment_claim(segment, (uint32_t)getpid());
        CHECK(event(ring, 1, 0));
        ensure();
        CHECK(appears("\"path\": \"/1/0\"", 1)); /* written by the parent's, which leads */
        CHECK(writer_tid() != 0);
        octo_writer_stop(OCTO_NS_PER_S); /* while it waits for the lead */
        CHECK(writer_tid() == 0);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(event(ring, 2, 0));
    CHECK(appears("\"path\": \"/2/0\"", 1));
}

static void test_one_writer_a_process(void **state)
{
    (void)state;
    run(many_threads_start_one);
}

/* --- several processes, killed ------------------------------------------------------------------------------ */

static unsigned place, generation, pause_us;

static void worker(void)
{
    struct octo_ring *ring;

    octo_writer_forked();
    ring = octo_segment_claim(segment, (uint32_t)getpid());
    CHECK(ring != NULL);
    for (unsigned i = 0; !atomic_load(&shared->quit); i++) {
        if (event(ring, place * 64 + generation, i))
            atomic_store(&shared->done[place][generation], i + 1);
        else
            atomic_fetch_add(&shared->dropped, 1), i--;
        ensure();
        for (uint64_t until = octo_clock_mono_ns() + pause_us * 1000ull; octo_clock_mono_ns() < until;)
            if (pause_us > 50)
                usleep(pause_us);
    }
    octo_writer_flush(segment, 20 * OCTO_NS_PER_S);
}

static pid_t start_worker(unsigned where, unsigned which)
{
    place = where;
    generation = which;
    return start(worker);
}

static void workers_are_killed(void)
{
    pid_t child[WORKERS];
    unsigned next[WORKERS] = {0};
    int status;

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    create();
    pause_us = 40;
    for (unsigned i = 0; i < WORKERS; i++)
        child[i] = start_worker(i, next[i]++);
    srand(11);
    for (unsigned kills = 0; kills < 100; kills++) {
        unsigned victim = (unsigned)rand() % WORKERS;

        usleep((unsigned)rand() % 15000);
        /* As a rule the leader: it is in the middle of something. */
        for (unsigned i = 0; i < WORKERS && kills % 4 != 0; i++) {
            char task[64];
            unsigned lead = segment->lead & FUTEX_TID_MASK;

            snprintf(task, sizeof task, "/proc/%d/task/%u", child[i], lead);
            if (lead != 0 && access(task, F_OK) == 0 && next[i] < 60)
                victim = i;
        }
        if (next[victim] >= 60)
            continue;
        kill(child[victim], SIGKILL);
        CHECK(waitpid(child[victim], &status, 0) == child[victim]);
        child[victim] = start_worker(victim, next[victim]++);
    }
    atomic_store(&shared->quit, true);
    for (unsigned i = 0; i < WORKERS; i++)
        CHECK(waitpid(child[i], &status, 0) == child[i] && status == 0);
    CHECK(octo_segment_empty(segment));
    CHECK(shared->dropped == 0);
    check_all_once();
}

static void test_killed_workers_lose_and_double_nothing(void **state)
{
    (void)state;
    run(workers_are_killed);
}

/* An idle service: the leader is killed, a sibling writes the next event at once. */
static void takeover(void)
{
    pid_t child[2];
    int status;

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    create();
    pause_us = 20000;
    child[0] = start_worker(0, 0);
    CHECK(appears("\"event\"", 1));
    child[1] = start_worker(1, 0);
    CHECK(appears("\"path\": \"/64/3\"", 1));
    kill(child[0], SIGKILL);
    CHECK(waitpid(child[0], &status, 0) == child[0]);
    unsigned done = atomic_load(&shared->done[1][0]);
    uint64_t start_ms = now_ms();
    char what[64];

    snprintf(what, sizeof what, "\"path\": \"/64/%u\"", done + 1);
    CHECK(appears(what, 1));
    CHECK(now_ms() - start_ms < 500);
    atomic_store(&shared->quit, true);
    CHECK(waitpid(child[1], &status, 0) == child[1]);
    check_all_once();
}

static void test_takeover_is_immediate(void **state)
{
    (void)state;
    run(takeover);
}

static unsigned to_write;

/* A service that is killed as a whole before anybody has written its events. */
static void killed_whole(void)
{
    create();
    struct octo_ring *ring = octo_segment_claim(segment, (uint32_t)getpid());

    for (unsigned i = 0; i < to_write; i++)
        CHECK(event(ring, 7, i));
    CHECK(octo_ring_reserve(ring, 100, OCTO_INFO) != NULL); /* and in the middle of one */
    kill(getpid(), SIGKILL);
}

static void next_start(void)
{
    create();
    CHECK(octo_segment_orphan(0) != NULL);
    struct octo_ring *ring = octo_segment_claim(segment, (uint32_t)getpid());

    CHECK(event(ring, 8, 0));
    ensure();
    CHECK(appears("\"path\": \"/8/0\"", 1));
    CHECK(count("\"path\": \"/7/") == to_write);
    octo_writer_flush(segment, OCTO_NS_PER_S);
    octo_segment_retire(segment, path);
}

static void test_next_start_writes_what_the_killed_left(void **state)
{
    int status;
    pid_t child;
    unsigned files = 0;
    DIR *d;

    (void)state;
    to_write = 3000;
    child = start(killed_whole);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WTERMSIG(status), SIGKILL);
    run(next_start);
    d = opendir(dir);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        files += strstr(e->d_name, ".seg") != NULL;
    closedir(d);
    assert_int_equal(files, 0);
}

/* The same where the last leader was killed between the write and freeing what was written. */
static void killed_in_the_middle(void)
{
    create();
    struct octo_ring *ring = octo_segment_claim(segment, (uint32_t)getpid());

    for (unsigned i = 0; i < to_write; i++)
        CHECK(event(ring, 7, i));
    uint64_t tail = octo_ring_tail(ring), cursor = ring->head;

    ensure();
    octo_writer_flush(segment, OCTO_NS_PER_S);
    octo_writer_stop(OCTO_NS_PER_S);
    /* Turn back its last steps. All went out in one batch. */
    CHECK(segment->batch.state == OCTO_BATCH_NONE && segment->batch.cursor[0] == cursor);
    octo_ring_free(ring, tail, 0);
    atomic_store(&segment->batch.state, OCTO_BATCH_WRITING);
    kill(getpid(), SIGKILL);
}

static void next_start_in_the_middle(void)
{
    struct stat st;
    int fd = open(settings.log, O_RDWR | O_CLOEXEC);

    /* The write itself was cut short, inside a line. */
    CHECK(fstat(fd, &st) == 0 && ftruncate(fd, st.st_size * 2 / 3) == 0);
    close(fd);
    next_start();
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared->done[0][7] = to_write;
    shared->done[0][8] = 1;
    check_all_once();
}

static void test_a_batch_cut_short_is_finished(void **state)
{
    int status;

    (void)state;
    for (to_write = 1; to_write < 150; to_write += 13) {
        pid_t child = start(killed_in_the_middle);

        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(WTERMSIG(status), SIGKILL);
        run(next_start_in_the_middle);
        assert_int_equal(unlink(settings.log), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(test_unnoticed),
        EACH(test_flush),
        EACH(test_stop_and_start),
        EACH(test_one_writer_a_process),
        EACH(test_killed_workers_lose_and_double_nothing),
        EACH(test_takeover_is_immediate),
        EACH(test_next_start_writes_what_the_killed_left),
        EACH(test_a_batch_cut_short_is_finished),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
