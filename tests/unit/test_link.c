/*
 * Rules on connections that the service makes, and on redis' INFO: from connect() to close(), with the bytes in every split. The
 * sockets are real, since the table asks what they are; the bytes are only shown.
 */
#include "service_rig.h"

#include "conn/link.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static const char settings[] =
    "{\"rules\": ["
    "{\"metric\": \"pool\", \"type\": \"gauge\", \"when\": {\"connection\": {\"protocol\": \"redis\"}},"
    " \"value\": \"open\", \"labels\": {\"of\": \"redis\"}},"
    "{\"metric\": \"pool\", \"type\": \"gauge\", \"when\": {\"connection\": {\"address\": \"10.*\", \"port\": [7, "
    "8]}},"
    " \"value\": \"open\", \"labels\": {\"of\": \"$address\"}},"
    "{\"metric\": \"pool\", \"type\": \"gauge\", \"when\": {\"connection\": {\"address\": \"*sock\"}},"
    " \"value\": \"open\", \"labels\": {\"of\": \"$address\"}},"
    "{\"metric\": \"made_total\", \"type\": \"counter\", \"when\": {\"connection\": {}},"
    " \"labels\": {\"protocol\": \"$protocol\", \"port\": \"$port\"}},"
    "{\"metric\": \"used\", \"type\": \"gauge\", \"when\": {\"redis\": \"INFO\"}, \"value\": "
    "\"$info.used_memory\","
    " \"labels\": {\"port\": \"$port\"}},"
    "{\"metric\": \"ratio\", \"type\": \"gauge\", \"when\": {\"redis\": \"INFO\", \"connection\": {\"port\": "
    "6379}},"
    " \"value\": \"$info.mem_fragmentation_ratio\"}]}";

enum { EARLY = 200 };

static int make_socket(int type)
{
    int fd = socket(AF_INET, type, 0);

    assert_true(fd >= 0);
    return fd;
}

static void connect_to(int fd, const char *address, uint16_t port, bool now)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    unsigned a, b, c, d;

    assert_int_equal(sscanf(address, "%u.%u.%u.%u", &a, &b, &c, &d), 4);
    in.sin_addr.s_addr = htonl(a << 24 | b << 16 | c << 8 | d);
    octo_fd_connected(fd, (struct sockaddr *)&in, sizeof(in), now);
}

static void close_it(int fd)
{
    octo_conn_drop(octo_fd_detach(fd));
    close(fd);
}

/* False: nothing is tracked there. */
static bool pass(int fd, enum octo_side side, const char *text, size_t n)
{
    char *copy = malloc(n + 1);
    struct iovec iov = {copy, n};
    struct octo_conn *conn = octo_conn_enter(fd, side);

    assert_non_null(copy);
    memcpy(copy, text, n);
    if (conn && side == OCTO_IN)
        octo_edit_passed(&conn->in, &octo_conn_in_ops, conn, &iov, 1, n);
    else if (conn)
        octo_edit_passed(&conn->out, &octo_conn_out_ops, conn, &iov, 1, n);
    if (conn)
        octo_conn_leave(conn, side);
    free(copy);
    return conn;
}

static void ask(int fd, const char *text)
{
    pass(fd, OCTO_OUT, text, strlen(text));
}

static void answer(int fd, const char *text)
{
    pass(fd, OCTO_IN, text, strlen(text));
}

static int load(void **state)
{
    int fd = make_socket(SOCK_STREAM);

    (void)state;
    if (!rig_load(settings) || dup2(fd, EARLY) != EARLY)
        return -1;
    close(fd);
    connect_to(EARLY, "127.0.0.1", 1, true); /* before it is known to be a service */
    ask(EARLY, "*1\r\n$4\r\nINFO\r\n");
    return rig_wake() ? 0 : -1;
}

static void before_it_woke(void **state)
{
    (void)state;
    assert_int_equal(rig_gauge("pool", "of=\"redis\""), 1);
    assert_int_equal(rig_counted("made_total", "protocol=\"redis\",port=\"1\""), 1);
    answer(EARLY, "$29\r\n# Memory\r\nused_memory:17\r\nx:1\r\n");
    assert_int_equal(rig_counted("used", "port=\"1\""), 17000000);
    close_it(EARLY);
    assert_int_equal(rig_gauge("pool", "of=\"redis\""), 0);
}

static void established_by_connect_or_bytes(void **state)
{
    int now = make_socket(SOCK_STREAM), later = make_socket(SOCK_STREAM), never = make_socket(SOCK_STREAM);
    int again = make_socket(SOCK_STREAM), datagram = make_socket(SOCK_DGRAM);

    (void)state;
    connect_to(now, "10.0.0.1", 7, true);
    assert_int_equal(rig_gauge("pool", "of=\"10.0.0.1\""), 1);
    connect_to(later, "10.0.0.1", 8, false);
    connect_to(never, "10.0.0.1", 8, false);
    connect_to(again, "10.0.0.1", 8, false);
    connect_to(datagram, "10.0.0.1", 8, true);
    assert_int_equal(rig_gauge("pool", "of=\"10.0.0.1\""), 1);
    answer(later, "220 hello\r\n");
    assert_int_equal(rig_gauge("pool", "of=\"10.0.0.1\""), 2);
    connect_to(again, "10.0.0.1", 8, true); /* 0 or EISCONN */
    assert_int_equal(rig_gauge("pool", "of=\"10.0.0.1\""), 3);
    for (unsigned i = 0; i < 3; i++)
        answer(later, "220 hello\r\n");
    assert_int_equal(rig_gauge("pool", "of=\"10.0.0.1\""), 3);
    octo_fd_duplicated(now, 250);
    close_it(now);
    close_it(never);
    assert_int_equal(rig_gauge("pool", "of=\"10.0.0.1\""), 3);
    octo_conn_drop(octo_fd_detach(250));
    close_it(later);
    close_it(again);
    close_it(datagram);
    assert_int_equal(rig_gauge("pool", "of=\"10.0.0.1\""), 0);
    assert_int_equal(rig_counted("made_total", "protocol=\"\",port=\"8\""), 2); /* one of them never said a byte */
    assert_int_equal(rig_counted("made_total", "protocol=\"\",port=\"7\""), 1);
}

static void unix_sockets(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/a.sock"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    socklen_t len = offsetof(struct sockaddr_un, sun_path) + (socklen_t)strlen(un.sun_path);

    (void)state;
    octo_fd_connected(fd, (struct sockaddr *)&un, len + 1, true);
    assert_int_equal(rig_gauge("pool", "of=\"/run/a.sock\""), 1);
    close_it(fd);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    un.sun_path[len - offsetof(struct sockaddr_un, sun_path)] = 'x'; /* beyond it: not its */
    octo_fd_connected(fd, (struct sockaddr *)&un, len, true);
    assert_int_equal(rig_gauge("pool", "of=\"/run/a.sock\""), 1);
    close_it(fd);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(un.sun_path, "\0abs\0sock", 9);
    octo_fd_connected(fd, (struct sockaddr *)&un, offsetof(struct sockaddr_un, sun_path) + 9, true);
    assert_int_equal(rig_gauge("pool", "of=\"@abs@sock\""), 1);
    close_it(fd);
    assert_int_equal(rig_gauge("pool", "of=\"@abs@sock\""), 0);
}

/* One that no rule has counted, and on which nothing more can be seen, is not ours any more. */
static void spent(void **state)
{
    int fd = make_socket(SOCK_STREAM);

    (void)state;
    connect_to(fd, "127.0.0.1", 9, true);
    assert_true(pass(fd, OCTO_OUT, "\x16\x03", 2));
    assert_true(pass(fd, OCTO_OUT, "\x01\0\0\x01\x01", 5));
    assert_false(pass(fd, OCTO_OUT, "\0", 1));
    assert_true(octo_fd_is_foreign(fd));
    assert_int_equal(rig_counted("made_total", "protocol=\"tls\",port=\"9\""), 1);
    close_it(fd);
    fd = make_socket(SOCK_STREAM);
    connect_to(fd, "127.0.0.1", 9, true);
    assert_true(pass(fd, OCTO_OUT, "GET / HTTP/1.1\r\n\r\n", 18)); /* its answer is to be seen */
    assert_true(pass(fd, OCTO_IN, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38));
    assert_true(pass(fd, OCTO_OUT, "GET / HTTP/1.1\r\n\r\n", 18));
    assert_int_equal(rig_counted("made_total", "protocol=\"http\",port=\"9\""), 1);
    close_it(fd);
}

static const char asked[] = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\ninfo\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
                            "*2\r\n$4\r\nINFO\r\n$3\r\nall\r\n*1\r\n$5\r\nINFOX\r\n";
static char answered[1024];
static size_t answered_len, second; /* where the answer to the second INFO begins */

static void add(const char *text)
{
    answered_len += (size_t)sprintf(answered + answered_len, "%s", text);
}

static void add_text(char type, const char *text)
{
    answered_len += (size_t)sprintf(answered + answered_len, "%c%zu\r\n%s\r\n", type, strlen(text), text);
}

static void make_answers(void)
{
    add(">2\r\n+push\r\n");
    add_text('$', "# Memory\r\nused_memory:1\r\n");
    add_text('$', "# Memory\r\nused_memory:2\r\n"); /* the value of a */
    add_text('$', "# Server\r\nredis_version:7.0.15\r\n\r\n# Memory\r\nused_memory:12345\r\n"
                  "mem_fragmentation_ratio:1.25\r\nused_memory_rss:9\r\nx:\r\n:3\r\nno colon\r\n");
    add_text('$', "# Memory\r\nused_memory:3\r\n"); /* the value of a */
    second = answered_len;
    add_text('=', "txt:# Memory\r\nused_memory:777777\r\nlast:1\r\n");
    add("-ERR unknown command\r\n");
    add_text('$', "# Memory\r\nused_memory:4\r\n");
}

static void info_in_every_split(void **state)
{
    (void)state;
    make_answers();
    for (size_t cut = 1; cut < answered_len; cut++) {
        int fd = make_socket(SOCK_STREAM);
        size_t out = cut % (sizeof(asked) - 1);

        connect_to(fd, "127.0.0.1", 6379, true);
        pass(fd, OCTO_OUT, asked, out);
        pass(fd, OCTO_OUT, asked + out, sizeof(asked) - 1 - out);
        assert_int_equal(rig_gauge("pool", "of=\"redis\""), 1);
        if (cut < second) {
            pass(fd, OCTO_IN, answered, cut);
            pass(fd, OCTO_IN, answered + cut, second - cut);
            assert_int_equal(rig_counted("used", "port=\"6379\""), 12345000000);
            answer(fd, answered + second);
        } else {
            pass(fd, OCTO_IN, answered, cut);
            pass(fd, OCTO_IN, answered + cut, answered_len - cut);
        }
        assert_int_equal(rig_counted("used", "port=\"6379\""), 777777000000);
        assert_int_equal(rig_counted("ratio", ""), 1250000);
        close_it(fd);
        assert_int_equal(rig_gauge("pool", "of=\"redis\""), 0);
    }
}

/* What comes after bytes that were not seen is not believed. */
static void unseen_bytes(void **state)
{
    int fd = make_socket(SOCK_STREAM);
    struct octo_conn *conn;

    (void)state;
    connect_to(fd, "127.0.0.1", 6380, true);
    ask(fd, "*1\r\n$4\r\nINFO\r\n");
    conn = octo_conn_enter(fd, OCTO_IN);
    assert_non_null(conn);
    octo_edit_passed_unseen(&conn->in, &octo_conn_in_ops, conn, 10);
    octo_conn_leave(conn, OCTO_IN);
    answer(fd, "$24\r\n# Memory\r\nused_memory:1\r\n\r\n");
    assert_int_equal(rig_counted("used", "port=\"6380\""), 0);
    assert_int_equal(rig_gauge("pool", "of=\"redis\""), 1);
    close_it(fd);
    assert_int_equal(rig_gauge("pool", "of=\"redis\""), 0);

    fd = make_socket(SOCK_STREAM);
    connect_to(fd, "127.0.0.1", 6380, true);
    ask(fd, "*1\r\n$4\r\nINFO\r\n");
    conn = octo_conn_enter(fd, OCTO_IN);
    octo_edit_opaque(&conn->in, &octo_conn_in_ops, conn, OCTO_OPAQUE_CALL); /* MSG_TRUNC */
    octo_conn_leave(conn, OCTO_IN);
    answer(fd, "$24\r\n# Memory\r\nused_memory:1\r\n\r\n");
    assert_int_equal(rig_counted("used", "port=\"6380\""), 0);
    close_it(fd);
}

/* A socket is connected elsewhere once it is let go of. */
static void disconnected(void **state)
{
    const struct sockaddr none = {.sa_family = AF_UNSPEC};
    int fd = make_socket(SOCK_STREAM);

    (void)state;
    connect_to(fd, "10.0.0.3", 7, true);
    assert_int_equal(rig_gauge("pool", "of=\"10.0.0.3\""), 1);
    octo_fd_connected(fd, &none, sizeof(none), true);
    assert_int_equal(rig_gauge("pool", "of=\"10.0.0.3\""), 0);
    connect_to(fd, "10.0.0.4", 8, true);
    assert_int_equal(rig_gauge("pool", "of=\"10.0.0.4\""), 1);
    close_it(fd);
    assert_int_equal(rig_gauge("pool", "of=\"10.0.0.4\""), 0);
}

/* connect() on what is connected already: EISCONN. A client's connection stays one. */
static void connected_already(void **state)
{
    const struct sockaddr_in peer = {.sin_family = AF_INET};
    int fd = make_socket(SOCK_STREAM);
    struct octo_conn *conn;

    (void)state;
    octo_fd_accepted(fd, (const struct sockaddr *)&peer, sizeof(peer));
    connect_to(fd, "10.0.0.5", 7, true);
    conn = octo_conn_enter(fd, OCTO_IN);
    assert_non_null(conn);
    assert_null(conn->link);
    octo_conn_leave(conn, OCTO_IN);
    assert_int_equal(rig_gauge("pool", "of=\"10.0.0.5\""), 0);
    close_it(fd);
}

/* A child's copies are not its own; what it makes is, until it dies. */
static void forks(void **state)
{
    int fd = make_socket(SOCK_STREAM), status;
    int before, after;
    pid_t child;

    (void)state;
    connect_to(fd, "10.0.0.2", 7, true);
    ask(fd, "*1\r\n$4\r\nPING\r\n");
    before = (int)rig_counted("made_total", "protocol=\"redis\",port=\"7\"");
    assert_int_equal(before, 1);
    child = fork();
    if (child == 0) {
        int own = socket(AF_INET, SOCK_STREAM, 0);

        close_it(fd);
        connect_to(own, "10.0.0.2", 7, true);
        _exit(rig_gauge("pool", "of=\"10.0.0.2\"") == 2 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    after = (int)rig_counted("made_total", "protocol=\"redis\",port=\"7\"");
    assert_int_equal(after, 1);
    close_it(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_it_woke),
        cmocka_unit_test(established_by_connect_or_bytes),
        cmocka_unit_test(unix_sockets),
        cmocka_unit_test(spent),
        cmocka_unit_test(info_in_every_split),
        cmocka_unit_test(unseen_bytes),
        cmocka_unit_test(disconnected),
        cmocka_unit_test(connected_already),
        cmocka_unit_test(forks),
    };

    return cmocka_run_group_tests(tests, load, rig_unload);
}
