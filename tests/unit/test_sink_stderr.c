/* The sink: what of stderr is fit to write to; falling back to it; what a killed writer had written. */
#include "sink_rig.h"

static void test_fallback_and_back(void **state)
{
    char where[200], text[64];
    int pipes[2];

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], 2);
    snprintf(where, sizeof where, "%s/one/two/orders.log", dir);
    init(where, OCTO_ROTATE_DAILY, 0);
    put("a\n");
    assert_true(sink.fallback);
    assert_int_equal(sink.open_error, -ENOENT);
    assert_int_equal(read(pipes[0], text, sizeof text), 2);
    snprintf(where + strlen(dir), sizeof where - strlen(dir), "/one");
    assert_int_equal(mkdir(where, 0755), 0);
    snprintf(where + strlen(dir), sizeof where - strlen(dir), "/one/two/orders.log");
    put("b\n"); /* not tried again within the second */
    assert_int_equal(sink.open_failures, 1);
    assert_int_equal(read(pipes[0], text, sizeof text), 2);
    mono_ms += OCTO_SINK_LOOK_AGAIN_MS;
    put("c\n");
    assert_false(sink.fallback);
    assert_string_equal(content("one/two/orders.log"), "c\n");
    close(pipes[0]);
    close(pipes[1]);
}

static void test_bad_paths(void **state)
{
    char name[600];

    (void)state;
    close(2);
    init("", OCTO_ROTATE_DAILY, 0);
    assert_int_equal(octo_sink_ready(&sink, 1), -ENODEV);
    init("/tmp/", OCTO_ROTATE_DAILY, 0);
    assert_int_equal(octo_sink_ready(&sink, 1), -EISDIR);
    init("/proc/nonsense/x/y", OCTO_ROTATE_DAILY, 0);
    assert_int_equal(octo_sink_ready(&sink, 1), -ENOENT);
    memset(name, 'a', sizeof name);
    memcpy(name, "/tmp/", 5);
    name[300] = 0;
    init(name, OCTO_ROTATE_DAILY, 0);
    assert_int_equal(octo_sink_ready(&sink, 1), -ENAMETOOLONG);
    snprintf(name, sizeof name, "%s/fifo", dir);
    assert_int_equal(mkfifo(name, 0600), 0);
    init(name, OCTO_ROTATE_DAILY, 0);
    assert_int_equal(octo_sink_ready(&sink, 1), -ENXIO); /* nobody reads it: does not wait */
}

static void test_stderr_pipe_takes_whole_lines_and_never_blocks(void **state)
{
    static char lines[20000], got[1 << 20];
    struct timespec start, end;
    int pipes[2];
    ssize_t r;

    (void)state;
    for (unsigned i = 0; i < sizeof lines; i++)
        lines[i] = i % 100 == 99 ? '\n' : 'x';
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], 2);
    init("stderr", OCTO_ROTATE_DAILY, 0);
    while (octo_sink_ready(&sink, 1) == 0 && (r = octo_sink_write(&sink, lines, sizeof lines)) > 0)
        assert_int_equal(r, 4000);
    clock_gettime(CLOCK_MONOTONIC, &start);
    assert_int_equal(octo_sink_write(&sink, lines, sizeof lines), -EAGAIN);
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_true((end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000 < 1000);
    r = read(pipes[0], got, sizeof got);
    assert_true(r > 0 && r % 100 == 0);
    /* A line longer than an undivided write goes alone. */
    memset(lines, 'y', 6000);
    lines[5999] = '\n';
    assert_int_equal(octo_sink_write(&sink, lines, sizeof lines), 6000);
    close(pipes[0]);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(octo_sink_write(&sink, "a\n", 2), -EPIPE);
    close(pipes[1]);
}

static void test_stderr_is_let_go_and_looked_up_anew(void **state)
{
    int first[2], second[2];
    char text[16];

    (void)state;
    assert_int_equal(pipe(first), 0);
    assert_int_equal(pipe(second), 0);
    init("stderr", OCTO_ROTATE_DAILY, 0);
    dup2(first[1], 2);
    close(first[1]);
    put("a\n");
    assert_int_equal(read(first[0], text, sizeof text), 2);
    octo_sink_rest(&sink);
    dup2(second[1], 2); /* the service moves its stderr: the reader of the old one sees the end */
    assert_int_equal(read(first[0], text, sizeof text), 0);
    put("b\n");
    assert_int_equal(read(second[0], text, sizeof text), 2);
    /* And without a rest within a second. */
    int third = open(path, O_CREAT | O_WRONLY, 0600);

    dup2(third, 2);
    mono_ms += OCTO_SINK_LOOK_AGAIN_MS;
    put("c\n");
    assert_string_equal(content("orders.log"), "c\n");
    close(2);
    mono_ms += OCTO_SINK_LOOK_AGAIN_MS;
    assert_int_equal(octo_sink_ready(&sink, 1), -EBADF);
    close(first[0]);
    close(second[0]);
    close(second[1]);
    close(third);
}

static void test_what_may_not_be_stderr(void **state)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    socklen_t len = sizeof in;
    int listener, client, fd, pair[2];

    (void)state;
    init("stderr", OCTO_ROTATE_DAILY, 0);
    fd = open(path, O_CREAT | O_RDWR, 0600); /* a database */
    dup2(fd, 2);
    assert_int_equal(octo_sink_ready(&sink, 1), -EBADF);
    close(fd);

    listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&in, sizeof in), 0);
    assert_int_equal(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&in, &len);
    client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&in, sizeof in), 0);
    fd = accept(listener, NULL, NULL);
    dup2(fd, 2); /* a client's connection, as under inetd */
    assert_int_equal(octo_sink_ready(&sink, 1), -EBADF);
    close(fd);
    close(client);
    close(listener);

    snprintf(un.sun_path, sizeof un.sun_path, "%s/socket", dir);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&un, sizeof un), 0);
    assert_int_equal(listen(listener, 1), 0);
    client = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&un, sizeof un), 0);
    fd = accept(listener, NULL, NULL);
    dup2(fd, 2);
    assert_int_equal(octo_sink_ready(&sink, 1), -EBADF);
    dup2(client, 2); /* the connecting side: so reaches systemd's journal */
    put("a\n");
    octo_sink_close(&sink);
    close(fd);
    close(client);
    close(listener);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    dup2(pair[0], 2); /* so does Node to its children */
    put("b\n");
    close(pair[0]);
    close(pair[1]);
}

static void test_finding_what_a_killed_writer_wrote(void **state)
{
    static const char batch[] = "line one\nline two\nline three\n";
    const size_t n = sizeof batch - 1;
    bool at_end;
    int fd;

    (void)state;
    put("before\n");
    fd = open(path, O_WRONLY | O_APPEND);
    for (size_t written = 0; written <= n; written++) {
        assert_int_equal(ftruncate(fd, 7), 0);
        assert_int_equal(write(fd, batch, written), written);
        assert_int_equal(octo_sink_ready(&sink, 0), 0);
        assert_int_equal(octo_sink_found(&sink, sink.dev, sink.ino, 7, batch, n, &at_end), written);
        assert_int_equal(at_end, written > 0);
    }
    /* Others wrote before and after it. */
    assert_int_equal(ftruncate(fd, 7), 0);
    assert_int_equal(write(fd, "other\nline one\nline two\nother\n", 30), 30);
    assert_int_equal(octo_sink_found(&sink, sink.dev, sink.ino, 7, batch, n, &at_end), 18);
    assert_false(at_end);
    /* Another file, nothing like it, or nothing at all. */
    assert_int_equal(octo_sink_found(&sink, sink.dev, sink.ino + 1, 7, batch, n, &at_end), 0);
    assert_int_equal(octo_sink_found(&sink, sink.dev, sink.ino, 1000, batch, n, &at_end), 0);
    assert_int_equal(octo_sink_found(&sink, sink.dev, sink.ino, 7, "line ten\n", 9, &at_end), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(test_fallback_and_back),
        EACH(test_bad_paths),
        EACH(test_stderr_pipe_takes_whole_lines_and_never_blocks),
        EACH(test_stderr_is_let_go_and_looked_up_anew),
        EACH(test_what_may_not_be_stderr),
        EACH(test_finding_what_a_killed_writer_wrote),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
