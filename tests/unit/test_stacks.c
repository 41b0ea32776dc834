/* Stacks of errors of a process whose maps the leading writer may not read: by processes that are played in forks. */
#include "writer_rig.h"

#include "event/segment.h"
#include "export/stacks.h"

enum { ID = 42, LATE_MS = 40, TRIES = 5 };

static struct octo_stacks stacks;

/* A process of the service that lets nobody look at it, and whose writer answers for it so late, or never (0). */
static pid_t owner(struct octo_samples *samples, unsigned late_ms)
{
    pid_t child = fork();

    if (child != 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    struct octo_sample *sample = octo_sample_take(samples, (uint32_t)getpid(), octo_clock_mono_ns());
    uint32_t unanswered = OCTO_SAMPLE_UNANSWERED;

    CHECK(sample != NULL);
    atomic_store(&sample->answered, OCTO_SAMPLE_UNANSWERED);
    usleep(late_ms != 0 ? late_ms * 1000 : 10000000);
    while (!atomic_compare_exchange_strong(&sample->answered, &unanswered, OCTO_SAMPLE_ANSWERING)) {
        CHECK(unanswered == OCTO_SAMPLE_ANSWERING); /* the other one is just trying */
        unanswered = OCTO_SAMPLE_UNANSWERED;
        usleep(100);
    }
    sample->reply = (struct octo_stack_reply){.frames = 1, .id = ID};
    atomic_store(&sample->answered, OCTO_SAMPLE_ANSWERED);
    pause();
    _exit(1);
}

/* What is said of that process's only sample. */
static struct octo_line_stack find(struct octo_samples *samples, pid_t pid)
{
    struct octo_record record = {.stack = OCTO_RECORD_STACK_SAMPLED, .pid = (uint32_t)pid};
    struct octo_line_stack line;

    for (unsigned i = 0; record.count == 0; i = (i + 1) % OCTO_SAMPLES)
        if (atomic_load(&samples->head[i].owner) == (uint32_t)pid &&
            atomic_load(&samples->sample[i].answered) == OCTO_SAMPLE_UNANSWERED)
            record.count = samples->head[i].serial;
    CHECK(octo_stacks_find(&stacks, &settings, segment, true, &record, &line));
    return line;
}

static void end(pid_t pid)
{
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
}

static void lead(void)
{
    struct octo_samples *samples;
    unsigned right = 0;

    create();
    samples = octo_segment_have_samples(segment);
    CHECK(samples != NULL);
    if (geteuid() == 0)
        CHECK(setgid(65534) == 0 && setuid(65534) == 0);
    /* An answer that comes late is waited for; one of some tries will do, for the machine may be a busy one. */
    for (unsigned n = 0; n < TRIES && right == 0; n++) {
        pid_t pid = owner(samples, LATE_MS);

        memset(&stacks, 0, sizeof stacks);
        right += find(samples, pid).id == ID;
        end(pid);
    }
    CHECK(right == 1);
    /* One that does not come is given up, and the reason told; and nobody is waited for in the next second. */
    memset(&stacks, 0, sizeof stacks);
    pid_t silent = owner(samples, 0), another = owner(samples, 0);
    struct octo_line_stack line = find(samples, silent);
    uint64_t begun;

    CHECK(line.id == 0 && line.reason_len != 0 && strstr(line.reason, "maps") != NULL);
    begun = octo_clock_mono_ns();
    CHECK(stacks.patient_ns > begun && stacks.patient_ns <= begun + OCTO_NS_PER_S);
    line = find(samples, another);
    CHECK(line.id == 0 && line.reason_len == 0);
    CHECK(octo_clock_mono_ns() > stacks.patient_ns || stacks.asked == 1);
    end(silent);
    end(another);
}

static void test_owner_is_waited_for(void **state)
{
    (void)state;
    run(lead);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_owner_is_waited_for, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
