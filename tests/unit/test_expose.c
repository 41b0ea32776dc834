/* Expose: a segment's metrics as text, read back by exposition.h; what it grows in; and the processes' account. */
#include "exposition.h"
#include "metrics_rig.h"

#include "base/clock.h"
#include "event/exemplar.h"
#include "event/members.h"
#include "export/expose.h"
#include "proto/framer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* ── a segment ─────────────────────────────────────────────────────────────────────────────────────── */

static char dir[64], path[OCTO_SEGMENT_PATH_MAX];
static struct octo_segment *segment;
static struct octo_metrics *m;
static struct octo_bulk bulk;

static int begin(void **state)
{
    const struct octo_identity identity = {"orders", "test", "1", 7};

    (void)state;
    strcpy(dir, "/dev/shm/octo-test-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    segment = octo_segment_create(dir, "", &identity, (uint32_t)getpid(), path, sizeof(path), NULL);
    m = octo_segment_metrics(segment);
    octo_cpu_prepare();
    octo_bulk_begin(&bulk, 64 << 20);
    return m == NULL;
}

static int end(void **state)
{
    (void)state;
    octo_segment_retire(segment, path);
    munmap(segment, octo_segment_bytes);
    octo_bulk_end(&bulk);
    return rmdir(dir);
}

static void show_view(struct octo_view view)
{
    view.segment = segment;
    octo_bulk_clear(&bulk);
    octo_expose(&bulk, &view);
    assert_false(bulk.cut);
    parse(bulk.start, bulk.used, view.format == OCTO_OPENMETRICS);
}

static void show(enum octo_exposition format)
{
    show_view((struct octo_view){.format = format});
}

static unsigned family_of(const char *name, enum octo_metric_type type, enum octo_unit unit, const uint64_t *bound,
                          unsigned bounds)
{
    const struct octo_metric_plan plan = {name, "For a test.", type, unit, bound, bounds};

    return (unsigned)octo_metrics_family(m, &plan);
}

static bool is_dead(uint32_t pid)
{
    return kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

#define MS 1000000ull
static const uint64_t second_bounds[] = {10 * MS, 1000 * MS, 2500 * MS, 10000 * MS};

/* ── values ────────────────────────────────────────────────────────────────────────────────────────── */

static void test_every_type(void **state)
{
    static const uint64_t seen[] = {5 * MS, 10 * MS, 10 * MS + 1, 1000 * MS, 3000 * MS, 100000 * MS + 1};
    static const uint64_t counts[] = {1, 100};
    unsigned c = rig_family(m, "c_total", OCTO_COUNTER), g = rig_family(m, "g", OCTO_GAUGE_SET);
    unsigned h = family_of("h_seconds", OCTO_HISTOGRAM, OCTO_UNIT_NANO, second_bounds, 4);
    unsigned ones = family_of("ones", OCTO_HISTOGRAM, OCTO_UNIT_ONE, counts, 2);
    unsigned nano = family_of("nano_total", OCTO_COUNTER, OCTO_UNIT_NANO, NULL, 0);
    unsigned micro = family_of("micro", OCTO_GAUGE_SET, OCTO_UNIT_MICRO, NULL, 0);

    (void)state;
    octo_count(m, rig_word(m, c, "method=\"GET\",path=\"/a\\\"b\\\\c\""), 3);
    octo_count(m, rig_word(m, c, "method=\"GET\",path=\"/a\\\"b\\\\c\""), 12345678901234567);
    octo_set(m, rig_word(m, g, "x=\"1\""), -7);
    rig_word(m, c, "");
    octo_set(m, rig_word(m, g, "x=\"2\""), INT64_MIN);
    octo_count(m, rig_word(m, nano, "x=\"1\""), 1500 * MS);
    octo_count(m, rig_word(m, nano, "x=\"2\""), 1);
    octo_count(m, rig_word(m, nano, "x=\"3\""), 2000 * MS);
    octo_set(m, rig_word(m, micro, "x=\"1\""), -2500000);
    octo_set(m, rig_word(m, micro, "x=\"2\""), -1);
    octo_set(m, rig_word(m, micro, "x=\"3\""), 0);
    octo_set(m, rig_word(m, micro, "x=\"4\""), 1234560);
    for (unsigned i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
        octo_observe(m, &m->family[h], rig_word(m, h, "method=\"GET\""), seen[i]);
    octo_observe(m, &m->family[ones], rig_word(m, ones, ""), 100);
    rig_word(m, h, "method=\"PUT\"");
    for (unsigned format = OCTO_TEXT; format <= OCTO_OPENMETRICS; format++) {
        show(format);
        assert_value("c_total", "method=\"GET\",path=\"/a\\\"b\\\\c\"", "12345678901234570");
        assert_value("c_total", "", "0");
        assert_value("g", "x=\"1\"", "-7");
        assert_value("g", "x=\"2\"", "-9223372036854775808");
        assert_value("nano_total", "x=\"1\"", "1.5");
        assert_value("nano_total", "x=\"2\"", "0.000000001");
        assert_value("nano_total", "x=\"3\"", "2");
        assert_value("micro", "x=\"1\"", "-2.5");
        assert_value("micro", "x=\"2\"", "-0.000001");
        assert_value("micro", "x=\"3\"", "0");
        assert_value("micro", "x=\"4\"", "1.23456");
        assert_value("h_seconds_bucket", "method=\"GET\",le=\"0.01\"", "2");
        assert_value("h_seconds_bucket", "method=\"GET\",le=\"1.0\"", "4");
        assert_value("h_seconds_bucket", "method=\"GET\",le=\"2.5\"", "4");
        assert_value("h_seconds_bucket", "method=\"GET\",le=\"10.0\"", "5");
        assert_value("h_seconds_bucket", "method=\"GET\",le=\"+Inf\"", "6");
        assert_value("h_seconds_sum", "method=\"GET\"", "104.025000002");
        assert_value("h_seconds_count", "method=\"GET\"", "6");
        assert_value("h_seconds_bucket", "method=\"PUT\",le=\"+Inf\"", "0");
        assert_value("h_seconds_sum", "method=\"PUT\"", "0");
        assert_value("ones_bucket", "le=\"1.0\"", "0");
        assert_value("ones_bucket", "le=\"100.0\"", "1");
        assert_value("ones_sum", "", "100");
    }
}

static void test_the_bytes(void **state)
{
    static const char text[] =
        "# HELP c_total For a test.\n# TYPE c_total counter\nc_total 1\nc_total{a=\"b\"} 2\n"
        "# HELP g For a test.\n# TYPE g gauge\n# HELP octoshim_";
    static const char open[] = "# HELP c For a test.\n# TYPE c counter\nc_total 1\nc_total{a=\"b\"} 2\n"
                               "# HELP g For a test.\n# TYPE g gauge\n# HELP octoshim_";
    unsigned c = rig_family(m, "c_total", OCTO_COUNTER);

    (void)state;
    rig_family(m, "g", OCTO_GAUGE_SET);
    octo_count(m, rig_word(m, c, ""), 1);
    octo_count(m, rig_word(m, c, "a=\"b\""), 2);
    show(OCTO_TEXT);
    assert_memory_equal(bulk.start, text, sizeof(text) - 1);
    show(OCTO_OPENMETRICS);
    assert_memory_equal(bulk.start, open, sizeof(open) - 1);
    assert_string_equal(octo_exposition_type[OCTO_TEXT], "text/plain; version=0.0.4; charset=utf-8");
    assert_string_equal(octo_exposition_type[OCTO_OPENMETRICS],
                        "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

enum { PROCESSES = 3, THREADS = 4, TIMES = 5000 };

static void *count_up(void *arg)
{
    unsigned c = rig_family(m, "c_total", OCTO_COUNTER);
    unsigned h = family_of("h_seconds", OCTO_HISTOGRAM, OCTO_UNIT_NANO, second_bounds, 4);

    (void)arg;
    for (unsigned i = 0; i < TIMES; i++) {
        octo_count(m, rig_word(m, c, i % 3 ? "i=\"a\"" : "i=\"b\""), 1);
        octo_observe(m, &m->family[h], rig_word(m, h, ""), i % 5 * 700 * MS + 1);
    }
    return NULL;
}

static void count_in_threads(void)
{
    pthread_t thread[THREADS];

    for (unsigned t = 0; t < THREADS; t++)
        if (pthread_create(&thread[t], NULL, count_up, NULL) != 0)
            abort();
    for (unsigned t = 0; t < THREADS; t++)
        pthread_join(thread[t], NULL);
}

/* While they count, each text adds up and none shows less than the one before. What the dead had of a gauge is not shown. */
static void test_many_processes(void **state)
{
    uint32_t share = rig_word(m, rig_family(m, "g", OCTO_GAUGE_SHARED), "");
    struct octo_owner *mine = octo_owner_claim(m, (uint32_t)getpid());
    uint64_t last = 0;
    unsigned left = PROCESSES;
    int status;

    (void)state;
    rig_word(m, rig_family(m, "c_total", OCTO_COUNTER), "i=\"a\"");
    rig_word(m, family_of("h_seconds", OCTO_HISTOGRAM, OCTO_UNIT_NANO, second_bounds, 4), "");
    octo_share_add(m, mine, share, -5);
    for (unsigned p = 0; p < PROCESSES; p++)
        if (fork() == 0) {
            octo_share_add(m, octo_owner_claim(m, (uint32_t)getpid()), share, 3);
            count_in_threads();
            _exit(0);
        }
    while (left != 0) {
        left -= waitpid(-1, &status, WNOHANG) > 0;
        show(left & 1);
        assert_true(number("h_seconds_count", "") >= last);
        last = number("h_seconds_count", "");
    }
    assert_int_equal(last, PROCESSES * THREADS * TIMES);
    assert_int_equal(number("c_total", "i=\"a\""), PROCESSES * THREADS * (TIMES * 2 / 3));
    assert_int_equal(number("c_total", "i=\"b\""), PROCESSES * THREADS * (TIMES - TIMES * 2 / 3));
    assert_int_equal(number("h_seconds_bucket", "le=\"0.01\""), PROCESSES * THREADS * TIMES / 5);
    assert_int_equal(number("h_seconds_bucket", "le=\"2.5\""), PROCESSES * THREADS * TIMES / 5 * 4);
    assert_value("h_seconds_sum", "", "84000.00006"); /* 60000 / 5 * (0 + 0.7 + … + 2.8), and 60000 ns */
    assert_value("g", "", "4");
    show_view((struct octo_view){.over = is_dead});
    assert_value("g", "", "-5");
    atomic_fetch_or(&mine->pid, 1u << 31); /* its place is being taken back */
    show(OCTO_TEXT);
    assert_value("g", "", "9");
}

/* ── exemplars, labels ─────────────────────────────────────────────────────────────────────────────── */

static void test_exemplars(void **state)
{
    unsigned h = family_of("h_seconds", OCTO_HISTOGRAM, OCTO_UNIT_NANO, second_bounds, 4), shown = 0;
    uint32_t word = rig_word(m, h, "a=\"b\""), other = rig_word(m, rig_family(m, "c_total", OCTO_COUNTER), "");
    static const uint64_t seen[] = {0, 999 * MS, 2500 * MS, 2500 * MS + 1, 123456 * MS + 789};
    static const char *const value[] = {"0", "0.999", "2.5", "2.500000001", "123.456000789"};
    static const char *const le[] = {"0.01", "1.0", "2.5", "10.0", "+Inf"};
    char id[OCTO_EXEMPLAR_ID_MAX + 1] = "req_0123456789abcdef", labels[64], wanted[200];
    double now = (double)time(NULL);

    (void)state;
    octo_exemplar_offer(m, other, 1, octo_clock_mono_ns(), "req_counter", 11);
    octo_exemplar_offer(m, word, 1, octo_clock_mono_ns(), "req_sum", 7);
    for (unsigned i = 0; i < 5; i++) {
        if (i == 4)
            memset(id, 'x', OCTO_EXEMPLAR_ID_MAX);
        octo_observe(m, &m->family[h], word, seen[i]);
        octo_exemplar_offer(m, word + 1 + octo_bucket(&m->family[h], seen[i]), seen[i], octo_clock_mono_ns(), id,
                            strlen(id));
    }
    show(OCTO_TEXT); /* the parser takes none there */
    assert_null(strstr(bulk.start, "request_id"));
    show(OCTO_OPENMETRICS);
    for (unsigned i = 0; i < 5; i++) {
        struct octo_exemplar e;
        const struct sample *s;

        snprintf(labels, sizeof(labels), "a=\"b\",le=\"%s\"", le[i]);
        assert_non_null(s = find("h_seconds_bucket", labels));
        assert_int_equal(s->exemplar != NULL, octo_exemplar_of(m, word + 1 + i, &e)); /* places are shared */
        if (s->exemplar == NULL)
            continue;
        snprintf(wanted, sizeof(wanted), "{request_id=\"%.*s\"} %s ", (int)e.length, e.id, value[i]);
        assert_memory_equal(s->exemplar, wanted, strlen(wanted));
        assert_true(strtod(s->exemplar + strlen(wanted), NULL) >= now - 0.1 &&
                    strtod(s->exemplar + strlen(wanted), NULL) <= now + 10);
        shown++;
    }
    assert_true(shown >= 3);
    for (unsigned i = 0; i < page.samples; i++)
        shown -= page.sample[i].exemplar != NULL;
    assert_int_equal(shown, 0);
}

static void test_constant_labels(void **state)
{
    static const char constant[] = "service=\"a\\\"b\\\\,\",region=\"eu\"";
    unsigned h = rig_family(m, "h", OCTO_HISTOGRAM), c = rig_family(m, "c_total", OCTO_COUNTER);
    const struct octo_account one = {.processes = 1};

    (void)state;
    rig_word(m, h, "");
    rig_word(m, h, "a=\"b\"");
    rig_word(m, c, "");
    rig_word(m, c, "a=\"b\"");
    rig_word(m, rig_family(m, "g", OCTO_GAUGE_SHARED), "");
    snprintf(m->labels, sizeof(m->labels), "%s,", constant);
    for (unsigned format = OCTO_TEXT; format <= OCTO_OPENMETRICS; format++) {
        show_view((struct octo_view){.format = format, .account = &one, .scrape_ns = 1});
        for (unsigned i = 0; i < page.samples; i++)
            assert_memory_equal(page.sample[i].labels, constant, sizeof(constant) - 1);
        assert_value("h_bucket", "service=\"a\\\"b\\\\,\",region=\"eu\",le=\"10.0\"", "0");
        assert_value("h_bucket", "service=\"a\\\"b\\\\,\",region=\"eu\",a=\"b\",le=\"+Inf\"", "0");
        assert_value("h_sum", constant, "0");
        assert_value("c_total", constant, "0");
        assert_value("c_total", "service=\"a\\\"b\\\\,\",region=\"eu\",a=\"b\"", "0");
        assert_value("octoshim_processes", constant, "1");
    }
}

/* Everything as long as it may be. */
static void test_the_longest_line(void **state)
{
    char name[OCTO_FAMILY_NAME_MAX], labels[OCTO_SERIES_TEXT_MAX + 1], id[OCTO_EXEMPLAR_ID_MAX];
    uint64_t bound[OCTO_BOUNDS_MAX];
    unsigned h;

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    memset(id, 'i', sizeof(id));
    memset(labels, 'l', sizeof(labels));
    memcpy(labels, "a=\"", 3);
    strcpy(labels + OCTO_SERIES_TEXT_MAX - 1, "\"");
    memset(m->labels, 'c', sizeof(m->labels) - 1);
    memcpy(m->labels, "b=\"", 3);
    strcpy(m->labels + sizeof(m->labels) - 3, "\",");
    for (unsigned i = 0; i < OCTO_BOUNDS_MAX; i++)
        bound[i] = (i + 1) * UINT64_C(700000000123456789);
    h = family_of(name, OCTO_HISTOGRAM, OCTO_UNIT_NANO, bound, OCTO_BOUNDS_MAX);
    for (unsigned i = 0; i < 100; i++) {
        labels[10] = (char)('A' + i % 26);
        labels[11] = (char)('A' + i / 26);
        uint32_t word = rig_word(m, h, labels);

        m->lane[0][word] = UINT64_MAX;
        m->lane[0][word + 1 + OCTO_BOUNDS_MAX] = UINT64_MAX;
        octo_exemplar_offer(m, word + 1 + OCTO_BOUNDS_MAX, UINT64_MAX, octo_clock_mono_ns(), id, sizeof(id));
    }
    show(OCTO_OPENMETRICS);
    assert_int_equal(page.families >= 2 && page.samples >= 100 * (OCTO_BOUNDS_MAX + 3), true);
    assert_non_null(strstr(bulk.start, "18446744073.709551615 "));
}

/* ── the shim about itself ─────────────────────────────────────────────────────────────────────────── */

static void test_the_shim_about_itself(void **state)
{
    unsigned c = rig_family(m, "c_total", OCTO_COUNTER);
    struct octo_ring *ring = octo_segment_claim(segment, (uint32_t)getpid());
    char labels[32];

    (void)state;
    for (unsigned i = 0; i < OCTO_FAMILY_SERIES + 5; i++) {
        snprintf(labels, sizeof(labels), "i=\"%u\"", i);
        rig_series(m, c, labels);
    }
    for (unsigned i = 0; i < OCTO_LEVELS; i++)
        segment->written[i] = 100 + i;
    ring->dropped[OCTO_INFO] = 3;
    ring->dropped[OCTO_ERROR] = 4;
    segment->written_bytes = 1u << 31;
    segment->sink_errors = 8;
    segment->sink_dropped = 9;
    segment->start_failures = 10;
    segment->opaque[OCTO_OPAQUE_CHUNK] = 11;
    for (unsigned format = OCTO_TEXT; format <= OCTO_OPENMETRICS; format++) {
        show_view((struct octo_view){.format = format, .scrape_ns = 1230000});
        assert_value("octoshim_events_total", "level=\"debug\"", "100");
        assert_value("octoshim_events_total", "level=\"critical\"", "104");
        assert_value("octoshim_events_dropped_total", "reason=\"ring_full\"", "7");
        assert_value("octoshim_events_dropped_total", "reason=\"sink_failed\"", "9");
        assert_value("octoshim_bytes_written_total", "", "2147483648");
        assert_value("octoshim_sink_errors_total", "", "8");
        assert_value("octoshim_degraded_total", "reason=\"writer_not_started\"", "10");
        assert_value("octoshim_degraded_total", "reason=\"chunk\"", "11");
        assert_value("octoshim_degraded_total", "reason=\"series_limit\"", "5");
        assert_value("octoshim_series", "family=\"c_total\"", "1000");
        assert_value("octoshim_series_overflow_total", "family=\"c_total\"", "5");
        assert_value("octoshim_scrape_duration_seconds", "", "0.00123");
        assert_value("octoshim_build_info", "version=\"" OCTO_VERSION "\",libc=\"glibc\"", "1");
        assert_string_equal(type_of(format == OCTO_TEXT ? "octoshim_build_info" : "octoshim_build"),
                            format == OCTO_TEXT ? "gauge" : "info");
        assert_string_equal(type_of("process_threads"), "missing");
    }
    m->ready = 0; /* no memory for metrics */
    for (unsigned format = OCTO_TEXT; format <= OCTO_OPENMETRICS; format++) {
        show(format);
        assert_value("octoshim_sink_errors_total", "", "8");
        assert_string_equal(type_of("octoshim_scrape_duration_seconds"), "missing");
        assert_null(find("c_total", "i=\"0\""));
    }
}

/* ── size ──────────────────────────────────────────────────────────────────────────────────────────── */

static void test_ten_thousand_series(void **state)
{
    struct octo_bulk small;
    char name[16], labels[64], value[24];

    (void)state;
    for (unsigned i = 0; i < 10000; i++) { /* made in turns, shown family by family */
        snprintf(name, sizeof(name), "f%u_total", i % 10);
        snprintf(labels, sizeof(labels), "endpoint=\"/some/path\",i=\"%u\"", i);
        octo_count(m, rig_word(m, rig_family(m, name, OCTO_COUNTER), labels), i);
    }
    for (unsigned format = OCTO_TEXT; format <= OCTO_OPENMETRICS; format++) {
        show(format);
        for (unsigned i = 0; i < 10000; i++) {
            snprintf(name, sizeof(name), "f%u_total", i % 10);
            snprintf(labels, sizeof(labels), "endpoint=\"/some/path\",i=\"%u\"", i);
            snprintf(value, sizeof(value), "%u", i);
            assert_value(name, labels, value);
        }
    }
    octo_bulk_begin(&small, 256 << 10);
    for (unsigned i = 0; i < 3; i++) {
        octo_bulk_clear(&small);
        assert_false(small.cut);
        octo_expose(&small, &(struct octo_view){.segment = segment});
        assert_true(small.cut && small.used <= small.size && small.size == 256 << 10);
        assert_memory_equal(small.start, bulk.start, 9);
    }
    octo_bulk_end(&small);
    assert_null(small.start);
}

static void test_bulk(void **state)
{
    struct octo_bulk b;
    char piece[1000];
    size_t n = 0;

    (void)state;
    octo_bulk_begin(&b, 1 << 20);
    assert_null(b.start);
    for (unsigned i = 0; !b.cut; i++) {
        memset(piece, 'a' + (int)(i % 26), sizeof(piece));
        octo_bulk_bytes(&b, piece, i % sizeof(piece));
        octo_bulk_u64(&b, UINT64_MAX - i);
        octo_bulk_str(&b, "\n");
        assert_true(b.used <= b.size && b.size <= b.limit);
        n = b.cut ? n : b.used;
    }
    assert_true(n > (1 << 20) - 1200);
    for (size_t at = 0, i = 0; at + 1100 < n; i++) {
        char wanted[32];

        for (size_t k = 0; k < i % sizeof(piece); k++)
            assert_int_equal(b.start[at++], 'a' + i % 26);
        snprintf(wanted, sizeof(wanted), "%llu\n", (unsigned long long)UINT64_MAX - i);
        assert_memory_equal(b.start + at, wanted, strlen(wanted));
        at += strlen(wanted);
    }
    octo_bulk_clear(&b);
    assert_true(!b.cut && b.used == 0 && b.size == 1 << 20);
    octo_bulk_end(&b);
}

/* Also one that doubling does not meet. */
static void test_any_limit_of_bulk(void **state)
{
    struct octo_bulk b;

    (void)state;
    octo_bulk_begin(&b, 100000);
    while (!b.cut)
        octo_bulk_str(&b, "0123456789");
    assert_in_range(b.size, 0, 100000); /* "never larger than this" */
    octo_bulk_end(&b);
}

/* ── the account ───────────────────────────────────────────────────────────────────────────────────── */

/* A member that uses some processor time, then waits to be killed. */
static pid_t busy_member(unsigned place, unsigned ms)
{
    int ready[2];
    char c;
    pid_t child;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody is left behind by a test that fails */
        while (octo_clock_ns(CLOCK_PROCESS_CPUTIME_ID) < ms * MS)
            ;
        if (write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    close(ready[1]);
    segment->member[place] = (uint32_t)child;
    return child;
}

static void end_member(pid_t child, bool reap)
{
    siginfo_t info;

    kill(child, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    if (reap)
        assert_int_equal(waitpid(child, NULL, 0), child);
}

static struct octo_account account(bool keep)
{
    struct octo_account a;

    octo_account_take(&a, segment, keep);
    return a;
}

static void test_the_account(void **state)
{
    pid_t one = busy_member(1, 150), two = busy_member(2, 150), three;
    uint64_t own_ms = octo_clock_ns(CLOCK_PROCESS_CPUTIME_ID) / MS;
    struct octo_account a = account(false), before;
    struct rlimit limit;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(a.processes, 3);
    assert_int_equal(a.threads, 3);
    assert_in_range(a.cpu_ms, own_ms + 250, own_ms + 500);
    assert_true(a.open_fds >= 9 && a.max_fds == limit.rlim_cur);
    assert_true(a.resident_bytes > 3 * 100000 && a.virtual_bytes > a.resident_bytes);
    assert_in_range(a.start_ms, (uint64_t)time(NULL) * 1000 - 200000, (uint64_t)time(NULL) * 1000 + 1000);
    assert_int_equal(m->used[1].pid, 0); /* nothing is written down */
    show_view((struct octo_view){.account = &(struct octo_account){1, 12345, 6, 7, 8, 9, 10, 1700000000123}});
    assert_value("process_cpu_seconds_total", "", "12.345");
    assert_value("process_resident_memory_bytes", "", "6");
    assert_value("process_virtual_memory_bytes", "", "7");
    assert_value("process_open_fds", "", "8");
    assert_value("process_max_fds", "", "9");
    assert_value("process_threads", "", "10");
    assert_value("process_start_time_seconds", "", "1700000000.123");
    assert_value("octoshim_processes", "", "1");

    /* What the dead have used stays, once: of a zombie, of one that is gone, and of one whose place is another's. */
    before = account(true);
    end_member(one, false);
    for (unsigned i = 0; i < 5; i++) {
        a = account(true);
        assert_int_equal(a.processes, 2);
        assert_in_range(a.cpu_ms, before.cpu_ms, before.cpu_ms + 100);
        if (i == 2)
            waitpid(one, NULL, 0);
    }
    end_member(two, true);
    three = busy_member(2, 50);
    for (unsigned i = 0; i < 3; i++)
        assert_in_range(account(i & 1).cpu_ms, before.cpu_ms + 30, before.cpu_ms + 200);
    segment->member[2] = 0;
    for (unsigned i = 0; i < 3; i++)
        assert_in_range(account(i & 1).cpu_ms, before.cpu_ms + 30, before.cpu_ms + 200);
    end_member(three, true);
}

/*
 * A member that cannot be looked at once (no descriptor to be had) is not gone: once, what it had used was counted again as
 * soon as it could be.
 */
static void test_a_member_that_cannot_be_read_once(void **state)
{
    struct rlimit limit, none;
    pid_t child = busy_member(0, 300);
    uint64_t before = account(true).cpu_ms, meanwhile;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &limit);
    none = (struct rlimit){0, limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    meanwhile = account(true).cpu_ms;
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_in_range(meanwhile, before, before + 50);
    assert_in_range(account(true).cpu_ms, before, before + 50);
    end_member(child, true);
}

static void test_who_is_over(void **state)
{
    pid_t child = busy_member(1, 1);

    (void)state;
    assert_false(octo_account_is_over((uint32_t)child, octo_clock_mono_ns()));
    assert_true(octo_account_is_over((uint32_t)child, 0)); /* another one had its number then */
    end_member(child, false);
    assert_true(octo_account_is_over((uint32_t)child, octo_clock_mono_ns()));
    waitpid(child, NULL, 0);
    assert_true(octo_account_is_over((uint32_t)child, octo_clock_mono_ns()));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, begin, end)
    const struct CMUnitTest tests[] = {TEST(every_type),
                                       TEST(the_bytes),
                                       TEST(many_processes),
                                       TEST(exemplars),
                                       TEST(constant_labels),
                                       TEST(the_longest_line),
                                       TEST(ten_thousand_series),
                                       TEST(the_shim_about_itself),
                                       TEST(bulk),
                                       TEST(any_limit_of_bulk),
                                       TEST(the_account),
                                       TEST(a_member_that_cannot_be_read_once),
                                       TEST(who_is_over)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
