/* The outlet: nothing lost, doubled or out of order while the writer is held up, or is killed at it. */
#include "event/outlet.h"
#include "writer_rig.h"

#include <pthread.h>

enum { THREADS = 2, MOST = 30000 };

static struct octo_outlet outlet;

static bool let_out(unsigned who, unsigned number)
{
    struct octo_ring *ring = octo_outlet_turn_back(&outlet);
    struct octo_record *r = octo_ring_reserve(ring, EVENT_TEXT, OCTO_LEVELS);

    if (r == NULL)
        r = octo_outlet_reserve(&outlet, segment, (uint32_t)getpid(), EVENT_TEXT, OCTO_INFO);
    if (r == NULL)
        return false;
    fill(r, who, number);
    octo_ring_commit(ring, r);
    octo_writer_ring(segment, octo_ring_half_full(outlet.ring));
    if (octo_ring_used(outlet.ring) > OCTO_SEGMENT_RING_SIZE / 4 * 3)
        octo_outlet_prepare(&outlet, segment, (uint32_t)getpid());
    return true;
}

static void open_outlet(void)
{
    outlet = (struct octo_outlet){0};
    CHECK(octo_outlet_open(&outlet, octo_segment_claim(segment, (uint32_t)getpid())));
    CHECK(!octo_outlet_open(&outlet, octo_segment_ring(segment, 0)));
}

static uint64_t refused(void)
{
    return octo_segment_dropped(segment);
}

static void nobody_writes(void)
{
    const unsigned size =
        (OCTO_RECORD_HEAD + EVENT_TEXT + OCTO_RECORD_ALIGN - 1) / OCTO_RECORD_ALIGN * OCTO_RECORD_ALIGN;
    unsigned made = 0;

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    create();
    open_outlet();
    while (outlet.ring == outlet.own)
        CHECK(let_out(0, made++));
    CHECK(made - 1 == OCTO_SEGMENT_RING_SIZE / size);
    while (refused() == 0)
        made += let_out(0, made);
    CHECK(made == OCTO_SEGMENT_RING_SIZE / size + OCTO_SEGMENT_SPARE_SIZE / size);
    CHECK(refused() == 1);
    shared->done[0][0] = made;
    ensure();
    octo_writer_flush(segment, 10 * OCTO_NS_PER_S);
    CHECK(octo_segment_empty(segment));

    /* Back to its own; the spare ring is anybody's, once there is time to look. */
    CHECK(let_out(0, made++) && outlet.ring == outlet.own && outlet.own->turn > outlet.spare->turn);
    shared->done[0][0] = made;
    for (unsigned ms = 0; segment->spare[0].pid != 0 && ms < PATIENCE_MS; ms += 10)
        usleep(10000);
    CHECK(segment->spare[0].pid == 0);
    /* And it is there again when it is needed. */
    octo_writer_stop(OCTO_NS_PER_S);
    while (outlet.ring == outlet.own)
        CHECK(let_out(0, made++));
    shared->done[0][0] = made;
    CHECK(segment->spare[0].pid == (uint32_t)getpid() && segment->spare[1].pid == 0);
    ensure();
    octo_writer_flush(segment, 10 * OCTO_NS_PER_S);
    check_all_once();
}

static void test_held_up(void **state)
{
    (void)state;
    run(nobody_writes);
}

/* More processes than there are spare rings, and one that shares another's slot: what has none drops and counts. */
static void too_many(void)
{
    pid_t child[OCTO_SEGMENT_SPARES + 1];
    int status, with = 0;

    create();
    for (unsigned i = 0; i <= OCTO_SEGMENT_SPARES; i++) {
        child[i] = fork();
        if (child[i] == 0) {
            open_outlet();
            while (refused() <= i && outlet.ring == outlet.own)
                let_out(0, 0);
            pause();
        }
    }
    for (unsigned ms = 0; refused() == 0 && ms < PATIENCE_MS; ms += 10)
        usleep(10000);
    usleep(50000);
    for (unsigned k = 0; k < OCTO_SEGMENT_SPARES; k++)
        with += segment->spare[k].pid != 0;
    for (unsigned i = 0; i <= OCTO_SEGMENT_SPARES; i++) {
        kill(child[i], SIGKILL);
        waitpid(child[i], &status, 0);
    }
    CHECK(with == OCTO_SEGMENT_SPARES);
    CHECK(refused() >= 1);
    CHECK(octo_segment_spare(segment, octo_segment_ring(segment, 0), (uint32_t)getpid()) == NULL);
}

static void test_not_for_all(void **state)
{
    (void)state;
    run(too_many);
}

/* ── processes with threads; who writes for them is stopped, and killed ─────────────────────────────── */

static unsigned place, generation;

static void *make(void *arg)
{
    unsigned which = generation * THREADS + (unsigned)(uintptr_t)arg, i = 0;

    while (!atomic_load(&shared->quit) && i < MOST) {
        if (let_out(place * 64 + which, i))
            atomic_store(&shared->done[place][which], ++i);
        else
            atomic_fetch_add(&shared->dropped, 1), usleep(1000);
        ensure();
        if (i % 64 == 0)
            usleep(200);
    }
    return NULL;
}

static void worker(void)
{
    pthread_t other;

    octo_writer_forked();
    open_outlet();
    CHECK(pthread_create(&other, NULL, make, (void *)1) == 0);
    make(NULL);
    pthread_join(other, NULL);
    while (!atomic_load(&shared->quit))
        usleep(1000);
    octo_writer_flush(segment, 20 * OCTO_NS_PER_S);
}

static pid_t start_worker(unsigned where, unsigned which)
{
    place = where;
    generation = which;
    return start(worker);
}

/* Of those processes the one whose writer leads. */
static unsigned leader_of(const pid_t *child, unsigned none)
{
    unsigned lead = segment->lead & FUTEX_TID_MASK;

    for (unsigned i = 0; i < WORKERS && lead != 0; i++) {
        char task[64];

        snprintf(task, sizeof task, "/proc/%d/task/%u", child[i], lead);
        if (access(task, F_OK) == 0)
            return i;
    }
    return none;
}

static void leaders_are_stopped_and_killed(void)
{
    pid_t child[WORKERS];
    unsigned next[WORKERS] = {0}, turns = 0, kills = 0;
    int status;

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    create();
    for (unsigned i = 0; i < WORKERS; i++)
        child[i] = start_worker(i, next[i]++);
    srand(12);
    for (unsigned n = 0; n < 60; n++) {
        unsigned victim = leader_of(child, (unsigned)rand() % WORKERS);
        bool ends = n % 3 == 2 && next[victim] < 64 / THREADS;

        kill(child[victim], SIGSTOP);
        usleep(5000 + (unsigned)rand() % 60000);
        for (unsigned k = 0; k < OCTO_SEGMENT_SPARES; k++)
            turns += segment->spare[k].pid != 0;
        kill(child[victim], ends ? SIGKILL : SIGCONT);
        if (ends) {
            kills++;
            CHECK(waitpid(child[victim], &status, 0) == child[victim]);
            child[victim] = start_worker(victim, next[victim]++);
        }
        usleep((unsigned)rand() % 10000);
    }
    atomic_store(&shared->quit, true);
    for (unsigned i = 0; i < WORKERS; i++)
        CHECK(waitpid(child[i], &status, 0) == child[i] && status == 0);
    CHECK(octo_segment_empty(segment));
    CHECK(turns > 10); /* or nothing was tried */
    /* Beside those, each thread that was killed may have been at one. */
    CHECK(refused() >= atomic_load(&shared->dropped) &&
          refused() - atomic_load(&shared->dropped) <= kills * THREADS);
    check_all_once();
}

static void test_stopped_and_killed_leaders(void **state)
{
    (void)state;
    run(leaders_are_stopped_and_killed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(test_held_up),
        EACH(test_not_for_all),
        EACH(test_stopped_and_killed_leaders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
