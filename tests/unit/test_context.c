/*
 * Which request is a thread on? Threads that wait for a client and such that do not, kept connections that another thread
 * goes on with, numbers and objects that are used again, several heads in one read: where an answer is certain it is right.
 */
#include "service_rig.h"

#include "conn/context.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

static int load(void **state)
{
    (void)state;
    return rig_load("{}") && rig_wake() ? 0 : -1;
}

/* A client's connection; its reader waits unless flags say O_NONBLOCK. */
static int client(int flags)
{
    const struct sockaddr_in peer = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | flags, 0);

    assert_true(fd >= 0);
    octo_fd_accepted(fd, (const struct sockaddr *)&peer, sizeof(peer));
    return fd;
}

static void pass(int fd, enum octo_side side, const char *text)
{
    struct octo_conn *conn = octo_conn_enter(fd, side);
    char copy[512];
    struct iovec iov = {copy, strlen(text)};

    assert_non_null(conn);
    memcpy(copy, text, iov.iov_len);
    if (side == OCTO_IN)
        octo_edit_passed(&conn->in, &octo_conn_in_ops, conn, &iov, 1, iov.iov_len);
    else
        octo_edit_passed(&conn->out, &octo_conn_out_ops, conn, &iov, 1, iov.iov_len);
    octo_conn_leave(conn, side);
}

static void comes(int fd, const char *id)
{
    char head[128];

    snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nX-Request-ID: %s\r\n\r\n", id);
    pass(fd, OCTO_IN, head);
}

static void answered(int fd)
{
    pass(fd, OCTO_OUT, "HTTP/1.1 204 No\r\n\r\n");
}

static void close_it(int fd)
{
    octo_conn_drop(octo_fd_detach(fd));
    close(fd);
}

/* What this thread is on must be the request of that ID, as certain as that; NULL: nothing. */
static void is_on(const char *id, bool certain)
{
    struct octo_cause cause = octo_context_now();
    struct octo_origin origin;

    if (!id) {
        assert_int_equal(cause.number, 0);
        return;
    }
    assert_true(cause.number != 0);
    assert_int_equal(cause.certain, certain);
    assert_true(octo_context_origin(cause, &origin));
    assert_int_equal(origin.id_len, strlen(id));
    assert_memory_equal(origin.id, id, strlen(id));
}

static void a_thread_that_waits_for_one_client(void **state)
{
    int fd = client(0);

    (void)state;
    is_on(NULL, false);
    comes(fd, "one");
    is_on("one", true);
    octo_context_waits(); /* for others, in its service */
    octo_context_waits();
    is_on("one", true);
    octo_context_hears((struct octo_cause){0}); /* of a request that was made for nobody known */
    is_on("one", true);
    answered(fd);
    is_on(NULL, false);
    comes(fd, "two");
    is_on("two", true);
    close_it(fd);
    is_on(NULL, false);
}

static void an_event_loop(void **state)
{
    int a = client(SOCK_NONBLOCK), b = client(SOCK_NONBLOCK);

    (void)state;
    comes(a, "a");
    is_on("a", false);
    comes(b, "b");
    is_on("b", false);
    octo_context_waits();
    is_on(NULL, false);
    pass(a, OCTO_IN, ""); /* nothing has come */
    is_on(NULL, false);
    answered(a);
    answered(b);
    pass(a, OCTO_IN, "GET /"); /* a head begins: it is on nothing known */
    is_on(NULL, false);
    pass(a, OCTO_IN, " HTTP/1.1\r\nX-Request-ID: a2\r\n\r\n");
    is_on("a2", false);
    close_it(a);
    close_it(b);
}

/* What it was is asked once, and again after a change. */
static void a_connection_that_changes(void **state)
{
    int fd = client(SOCK_NONBLOCK);

    (void)state;
    comes(fd, "one");
    is_on("one", false);
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    is_on("one", false); /* nobody has told */
    octo_fd_changed(fd);
    is_on("one", true);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    octo_fd_changed(fd);
    is_on("one", false);
    close_it(fd);
}

/* Of several that one read has brought the one whose response is due counts. */
static void pipelined(void **state)
{
    int fd = client(0);

    (void)state;
    pass(fd, OCTO_IN,
         "GET / HTTP/1.1\r\nX-Request-ID: one\r\n\r\nGET / HTTP/1.1\r\nX-Request-ID: two\r\n\r\n"
         "GET / HTTP/1.1\r\nX-Request-ID: three\r\n\r\n");
    is_on("one", true);
    answered(fd);
    is_on("two", true);
    answered(fd);
    is_on("three", true);
    answered(fd);
    is_on(NULL, false);
    close_it(fd);
}

static int shared;

static void *next_on_it(void *id)
{
    comes(shared, id);
    is_on(id, true);
    return NULL;
}

static void *reads_behind(void *id)
{
    comes(shared, id);
    is_on(NULL, false); /* another one's response is due */
    return NULL;
}

/* A pool's threads take turns on a kept connection. The one that was on it before is not on what came since. */
static void another_thread_goes_on(void **state)
{
    pthread_t thread;

    (void)state;
    shared = client(0);
    comes(shared, "mine");
    answered(shared);
    assert_int_equal(pthread_create(&thread, NULL, next_on_it, "theirs"), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    is_on(NULL, false);
    answered(shared);

    comes(shared, "first");
    assert_int_equal(pthread_create(&thread, NULL, reads_behind, "second"), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    is_on("first", true);
    answered(shared);
    is_on(NULL, false);
    close_it(shared);
}

/* The number is another connection's, and the object of the first one too. */
static void used_again(void **state)
{
    int fd = client(0), again;

    (void)state;
    comes(fd, "gone");
    close_it(fd);
    again = client(0);
    assert_int_equal(again, fd);
    is_on(NULL, false);
    shared = again;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, next_on_it, "other"), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    is_on(NULL, false);
    close_it(again);
}

static void what_the_program_says(void **state)
{
    int a = client(SOCK_NONBLOCK), b = client(SOCK_NONBLOCK);
    struct octo_cause of_a;

    (void)state;
    comes(a, "a");
    of_a = octo_context_sole(a);
    assert_true(of_a.number != 0 && of_a.certain);
    comes(b, "b");
    octo_context_enter(of_a);
    is_on("a", true);
    octo_context_enter((struct octo_cause){0});
    is_on(NULL, false); /* although it could be inferred */
    octo_context_leave();
    is_on("b", false);
    comes(a, "a, too");
    assert_int_equal(octo_context_sole(a).number, 0); /* there are two */
    assert_int_equal(octo_context_sole(-1).number, 0);
    assert_int_equal(octo_context_sole(OCTO_FD_MAX).number, 0);
    assert_int_equal(octo_context_sole(0).number, 0);
    answered(a);
    octo_context_enter(of_a); /* over */
    is_on(NULL, false);
    octo_context_enter((struct octo_cause){12345, 1u << 30, true}); /* nonsense */
    is_on(NULL, false);
    octo_context_leave();
    close_it(a);
    close_it(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_that_waits_for_one_client),
        cmocka_unit_test(an_event_loop),
        cmocka_unit_test(a_connection_that_changes),
        cmocka_unit_test(pipelined),
        cmocka_unit_test(another_thread_goes_on),
        cmocka_unit_test(used_again),
        cmocka_unit_test(what_the_program_says),
    };

    return cmocka_run_group_tests(tests, load, rig_unload);
}
