/* The writer and its sinks: blocked, missing, failing, coming back; and what it says of itself. */
#include "writer_rig.h"

static int stderr_pipe[2];

static void use_stderr_pipe(void)
{
    int placeholder = open("/dev/null", O_RDONLY); /* so that no end of the pipe becomes 2 */

    CHECK(pipe(stderr_pipe) == 0);
    if (placeholder != 2)
        close(placeholder);
    dup2(stderr_pipe[1], 2);
    close(stderr_pipe[1]);
}

/* What came through the pipe until it has been silent for longer than an event about the shim may wait. */
static size_t read_pipe(char *out, size_t size)
{
    size_t n = 0;

    for (;;) {
        struct timeval tv = {1, 300000};
        fd_set set;
        ssize_t r;

        FD_ZERO(&set);
        FD_SET(stderr_pipe[0], &set);
        if (select(stderr_pipe[0] + 1, &set, NULL, NULL, &tv) <= 0)
            break;
        r = read(stderr_pipe[0], out + n, size - 1 - n);
        if (r <= 0)
            break;
        n += (size_t)r;
    }
    out[n] = 0;
    return n;
}

static unsigned count_in(const char *text, const char *what)
{
    unsigned n = 0;

    for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
        n++;
    return n;
}

static void blocked_stderr(void)
{
    static char text[8 << 20];
    unsigned made = 0, refused = 0, dropped = 0;
    uint64_t slowest_ns = 0, start_ms;

    use_stderr_pipe();
    strcpy(settings.log, "stderr");
    create();
    struct octo_ring *ring = octo_segment_claim(segment, (uint32_t)getpid());

    CHECK(event(ring, 0, made++));
    ensure();
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t start_ns = octo_clock_mono_ns(), took;

        if (event(ring, 0, made))
            made++;
        else
            refused++;
        ensure();
        took = octo_clock_mono_ns() - start_ns;
        slowest_ns = took > slowest_ns ? took : slowest_ns;
        if (i % 1000 == 0)
            usleep(20000);
    }
    CHECK(refused > 1000);
    (void)slowest_ns;
    start_ms = now_ms();
    octo_writer_flush(segment, 5 * OCTO_NS_PER_S); /* hopeless, so it does not wait */
    CHECK(now_ms() - start_ms < 1000);
    octo_writer_stop(2 * OCTO_NS_PER_S); /* nor does the writer hang in its write */
    CHECK(writer_tid() == 0);
    ensure();

    size_t n = read_pipe(text, sizeof text);

    CHECK(n > 0 && text[n - 1] == '\n');
    CHECK(count_in(text, "\"path\": \"/0/") == made); /* all that were not refused, once */
    for (const char *p = text; (p = strstr(p, "shim.events.dropped")) != NULL; p++)
        dropped += (unsigned)strtoul(strstr(p, "\"count\": ") + 9, NULL, 10);
    CHECK(strstr(text, "\"reason\": \"ring_full\"") != NULL);
    CHECK(dropped == refused);
}

static void test_blocked_stderr_drops_and_counts(void **state)
{
    (void)state;
    run(blocked_stderr);
}

static void no_stderr(void)
{
    close(2);
    strcpy(settings.log, "stderr");
    create();
    struct octo_ring *ring = octo_segment_claim(segment, (uint32_t)getpid());

    for (unsigned i = 0; i < 100; i++)
        CHECK(event(ring, 0, i));
    ensure();
    octo_writer_flush(segment, 5 * OCTO_NS_PER_S);
    CHECK(octo_segment_empty(segment));
    CHECK(segment->sink_dropped == 100 && segment->written[OCTO_INFO] == 0);
    unsigned tid = writer_tid();

    usleep(300000);
    unsigned long switches = status_of(tid, "voluntary_ctxt_switches:");

    usleep(1200000);
    CHECK(status_of(tid, "voluntary_ctxt_switches:") == switches); /* it does not try for ever */
    /* There is one again: events, and what was lost. */
    use_stderr_pipe();
    static char text[1 << 16];

    CHECK(event(ring, 1, 0));
    read_pipe(text, sizeof text);
    CHECK(count_in(text, "\"path\": \"/1/0\"") == 1);
    CHECK(strstr(text, "\"reason\": \"sink_failed\", \"count\": 100}") != NULL);
}

static void test_no_stderr(void **state)
{
    (void)state;
    run(no_stderr);
}

static void file_cannot_be_opened(void)
{
    static char text[1 << 16];
    char directory[100];

    use_stderr_pipe();
    snprintf(directory, sizeof directory, "%s/a", dir);
    snprintf(settings.log, sizeof settings.log, "%s/a/b/orders.log", dir);
    create();
    struct octo_ring *ring = octo_segment_claim(segment, (uint32_t)getpid());

    CHECK(event(ring, 0, 0));
    ensure();
    CHECK(read_pipe(text, sizeof text) > 0);
    CHECK(count_in(text, "\"event\": \"shim.sink.failed\"") == 1);
    CHECK(strstr(text, "ENOENT; events go to stderr meanwhile") != NULL && strstr(text, settings.log) != NULL);
    CHECK(count_in(text, "\"path\": \"/0/0\"") == 1);
    CHECK(event(ring, 0, 1));
    usleep(1100000);
    CHECK(event(ring, 0, 2));
    read_pipe(text, sizeof text);
    CHECK(count_in(text, "\"path\"") == 2);
    CHECK(count_in(text, "shim.sink.failed") == 0); /* said once is enough */

    CHECK(mkdir(directory, 0755) == 0);
    usleep(1100000);
    CHECK(event(ring, 0, 3));
    CHECK(appears("shim.sink.failed", 1)); /* the file hears what happened */
    CHECK(count("\"path\": \"/0/3\"") == 1);
    CHECK(read_pipe(text, sizeof text) == 0);
}

static void test_file_that_cannot_be_opened(void **state)
{
    (void)state;
    run(file_cannot_be_opened);
}

/* A file that takes no more, in the middle of a line; then it does again. */
static void full_disk(void)
{
    static char text[1 << 16];
    struct rlimit limit = {20000, 20000000};
    unsigned made = 0;

    use_stderr_pipe();
    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    create();
    struct octo_ring *ring = octo_segment_claim(segment, (uint32_t)getpid());

    for (unsigned i = 0; i < 300; i++)
        CHECK(event(ring, 7, made++));
    ensure();
    octo_writer_flush(segment, 5 * OCTO_NS_PER_S);
    CHECK(!octo_segment_empty(segment));
    CHECK(read_pipe(text, sizeof text) > 0);
    CHECK(count_in(text, "\n") == 1); /* one clear line */
    CHECK(strstr(text, "cannot write") != NULL && strstr(text, "EFBIG") != NULL);
    CHECK(event(ring, 7, made++));

    /* Not even a stop loses anything, or leaves half a line. */
    octo_writer_stop(3 * OCTO_NS_PER_S);
    CHECK(writer_tid() == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    ensure();
    octo_writer_flush(segment, 5 * OCTO_NS_PER_S);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared->done[0][7] = made;
    check_all_once();
}

static void test_full_disk(void **state)
{
    (void)state;
    run(full_disk);
}

/* The same without a stop between: the writer tries again by itself, and the file hears of it. */
static void full_disk_for_a_while(void)
{
    struct rlimit limit = {20000, 20000000};

    close(2);
    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    create();
    struct octo_ring *ring = octo_segment_claim(segment, (uint32_t)getpid());

    for (unsigned i = 0; i < 300; i++)
        CHECK(event(ring, 7, i));
    ensure();
    usleep(300000);
    CHECK(count("\"event\"") < 120);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(appears("shim.sink.failed", 1));
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared->done[0][7] = 300;
    check_all_once();
}

static void test_full_disk_for_a_while(void **state)
{
    (void)state;
    run(full_disk_for_a_while);
}

static void degraded(void)
{
    create();
    struct octo_ring *ring = octo_segment_claim(segment, (uint32_t)getpid());

    segment->opaque[1] = 1000; /* other protocols: no fault */
    segment->opaque[3] = 1;
    CHECK(event(ring, 0, 0));
    ensure();
    CHECK(appears("shim.degraded", 1));
    uint64_t start_ms = now_ms();

    for (unsigned i = 0; i < 50; i++) {
        atomic_fetch_add(&segment->opaque[3], 2);
        CHECK(event(ring, 0, i));
        usleep(10000);
    }
    CHECK(count("shim.degraded") <= 1 + (now_ms() - start_ms) / 900);
    CHECK(appears("\"reason\": \"header\", \"count\": 100}", 1)); /* the rest, in one, when its second is over */
    CHECK(count("shim.degraded") == 2);
    CHECK(count("not_http") == 0);
}

static void test_degraded_at_most_once_a_second(void **state)
{
    (void)state;
    run(degraded);
}

static void quiet_level(void)
{
    settings.level = OCTO_CRITICAL;
    create();
    struct octo_ring *ring = octo_segment_claim(segment, (uint32_t)getpid());

    segment->opaque[3] = 1;
    CHECK(event(ring, 0, 0));
    ensure();
    CHECK(appears("\"path\": \"/0/0\"", 1));
    usleep(200000);
    CHECK(count("shim.degraded") == 0);
}

static void test_level_holds_for_its_own_events(void **state)
{
    (void)state;
    run(quiet_level);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(test_blocked_stderr_drops_and_counts), EACH(test_no_stderr),
        EACH(test_file_that_cannot_be_opened),      EACH(test_full_disk),
        EACH(test_full_disk_for_a_while),           EACH(test_degraded_at_most_once_a_second),
        EACH(test_level_holds_for_its_own_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
