/*
 * Rules on log lines: JSON objects among other lines, however they are cut into writes and buffers; by many threads; over a fork.
 */
#include "service_rig.h"

#include "conn/logline.h"

#include <pthread.h>
#include <sys/wait.h>

static const char settings[] =
    "{\"rules\": ["
    "{\"metric\": \"lines_total\", \"type\": \"counter\", \"when\": {\"log\": {\"level\": \"error\"}},"
    " \"labels\": {\"code\": \"$log.error.code\"}},"
    "{\"metric\": \"bytes_total\", \"type\": \"counter\", \"when\": {\"log\": {\"event\": \"sent\"}},"
    " \"value\": \"$log.bytes\"},"
    "{\"metric\": \"size\", \"type\": \"gauge\", \"when\": {\"log\": {\"event\": \"size\"}},"
    " \"value\": \"$log.bytes\", \"labels\": {\"cache\": \"$log.cache\"}}]}";

static int load(void **state)
{
    (void)state;
    return rig_load(settings) && rig_wake() ? 0 : -1;
}

static void wrote(int fd, const char *text, size_t n)
{
    char *copy = malloc(n); /* of exactly its size, so that a sanitizer sees what reads beyond it */
    struct iovec iov[2] = {{copy, n / 3}, {copy + n / 3, n - n / 3}};

    assert_non_null(copy);
    memcpy(copy, text, n);
    octo_log_wrote(fd, iov, 2, n);
    free(copy);
}

static int64_t lines(const char *code)
{
    char labels[64];

    snprintf(labels, sizeof(labels), "code=\"%s\"", code);
    return rig_counted("lines_total", labels);
}

static void every_split(void **state)
{
    static const char text[] = "plain text {\"level\": \"error\"}\n"
                               "{\"level\": \"error\", \"error\": {\"code\": \"E1\"}}\n"
                               "\n"
                               "{\"level\": \"info\", \"error\": {\"code\": \"E1\"}}\n"
                               "{not json, \"level\": \"error\", \"error\": {\"code\": \"E1\"}}\n"
                               "{\"level\": \"error\", \"error\": {\"code\": \"E1\"}\n" /* not closed */
                               " {\"level\": \"error\", \"error\": {\"code\": \"E1\"}}\n"
                               "{\"event\": \"sent\", \"bytes\": 1.5}\r\n"
                               "{\"event\": \"sent\", \"bytes\": \"2\"}\n"
                               "{\"event\": \"sent\", \"bytes\": -9}\n"
                               "{\"event\": \"sent\", \"bytes\": null}\n"
                               "{\"event\": \"size\", \"bytes\": -7, \"cache\": \"a\\\"b\"}\n";
    int64_t times = 0, before = lines("E1");

    (void)state;
    for (size_t cut = 0; cut < sizeof(text); cut++)
        for (size_t next = cut; next < sizeof(text); next += 13) {
            int fd = 1 + (int)(cut % 2);

            wrote(fd, text, cut);
            wrote(fd, text + cut, next - cut);
            wrote(fd, text + next, sizeof(text) - 1 - next);
            times++;
            assert_int_equal(lines("E1"), before + times);
        }
    assert_int_equal(rig_counted("bytes_total", ""), times * 3500000);
    assert_int_equal(rig_counted("size", "cache=\"a\\\"b\""), -7000000);
}

static void only_logs(void **state)
{
    static const char text[] = "{\"level\": \"error\", \"error\": {\"code\": \"other\"}}\n";

    (void)state;
    wrote(300, text, sizeof(text) - 1);
    assert_int_equal(lines("other"), 0);
    octo_fd_duplicated(1, 300);
    wrote(300, text, sizeof(text) - 1);
    assert_int_equal(lines("other"), 1);
    octo_fd_duplicated(301, 1); /* a file of the service's takes its place: still its standard output */
    wrote(1, text, sizeof(text) - 1);
    assert_int_equal(lines("other"), 2);
    octo_conn_drop(octo_fd_detach(300));
    octo_conn_drop(octo_fd_detach(1));
    wrote(300, text, sizeof(text) - 1);
    wrote(1, text, sizeof(text) - 1);
    assert_int_equal(lines("other"), 3);
    octo_fd_forget_range(0, ~0u);
    wrote(2, text, sizeof(text) - 1);
    assert_int_equal(lines("other"), 4);
}

/* What stands behind the first 8 KiB of a line is not known, and does no harm to the next line. */
static void long_lines(void **state)
{
    char text[3 * OCTO_LOG_LINE];

    (void)state;
    for (unsigned filler = OCTO_LOG_LINE - 80; filler < OCTO_LOG_LINE; filler++) {
        int64_t before = lines("long"), after = lines("next");
        int n = snprintf(text, sizeof(text), "{\"x\": \"%*s\", ", (int)filler, "");
        int level = n + snprintf(text + n, sizeof(text) - (size_t)n,
                                 "\"error\": {\"code\": \"long\"}, \"level\": \"error\"");
        int all = level + snprintf(text + level, sizeof(text) - (size_t)level,
                                   "}\n{\"level\": \"error\", \"error\": {\"code\": \"next\"}}\n");

        wrote(1, text, (size_t)all);
        assert_int_equal(lines("long"), before + (level <= OCTO_LOG_LINE));
        assert_int_equal(lines("next"), after + 1);
    }
}

enum { THREADS = 4, LINES = 20000 };

static void *write_lines(void *arg)
{
    static const char text[] = "{\"level\": \"error\", \"error\": {\"code\": \"thread\"}}\n";

    (void)arg;
    for (int i = 0; i < LINES; i++)
        wrote(2, text, sizeof(text) - 1);
    return NULL;
}

static void many_threads(void **state)
{
    pthread_t thread[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, write_lines, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(lines("thread"), THREADS * LINES);
}

/* A child begins with lines of its own, also where its parent was in the middle of one, or at one. */
static void forks(void **state)
{
    static const char text[] = "{\"level\": \"error\", \"error\": {\"code\": \"fork\"}}\n";
    pthread_t thread;
    int status;

    (void)state;
    wrote(1, text, 20);
    assert_int_equal(pthread_create(&thread, NULL, write_lines, NULL), 0);
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();

        if (child == 0) {
            wrote(1, text, sizeof(text) - 1);
            wrote(2, text, 30);
            wrote(2, text + 30, sizeof(text) - 1 - 30);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    pthread_join(thread, NULL);
    wrote(1, text + 20, sizeof(text) - 1 - 20);
    assert_int_equal(lines("fork"), 101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split),  cmocka_unit_test(only_logs), cmocka_unit_test(long_lines),
        cmocka_unit_test(many_threads), cmocka_unit_test(forks),
    };

    return cmocka_run_group_tests(tests, load, rig_unload);
}
