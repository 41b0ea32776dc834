/*
 * The table of descriptors and the connections behind it, used by many threads at once: what every service may do to
 * descriptors, at random, on few numbers. Run under ThreadSanitizer too.
 */
#include "service_rig.h"

#include "conn/link.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

enum { THREADS = 4, STEPS = 60000, FIRST_FD = 300, FDS = 12, EXACT_ROUNDS = 200 };

static const char request[] = "GET /a HTTP/1.1\r\nHost: b\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
static const struct sockaddr_in peer = {.sin_family = AF_INET};

static void pass(int fd, enum octo_side side, const char *text, size_t n)
{
    struct iovec iov = {(void *)(uintptr_t)text, n};
    struct octo_conn *conn = octo_conn_enter(fd, side);

    if (!conn)
        return;
    octo_conn_take_turn(conn, side);
    if (side == OCTO_IN)
        octo_edit_passed(&conn->in, &octo_conn_in_ops, conn, &iov, 1, n);
    else
        octo_edit_passed(&conn->out, &octo_conn_out_ops, conn, &iov, 1, n);
    octo_conn_leave(conn, side);
}

/* A call that waits in the middle, as read() does. */
static void wait_in_between(int fd, enum octo_side side)
{
    struct octo_conn *conn = octo_conn_enter(fd, side);
    uint32_t turn;

    if (!conn)
        return;
    octo_conn_take_turn(conn, side);
    turn = octo_conn_pause(conn, side);
    sched_yield();
    if (octo_conn_resume(conn, fd, side, turn))
        octo_conn_leave(conn, side);
}

static void accepted(int fd)
{
    octo_fd_accepted(fd, (const struct sockaddr *)&peer, sizeof peer);
}

/* One that the service makes: the number must be a socket's. */
static void connected(int fd, bool now)
{
    octo_fd_connected(fd, (const struct sockaddr *)&peer, sizeof peer, now);
}

static void *storm(void *seed_of_thread)
{
    unsigned seed = (unsigned)(uintptr_t)seed_of_thread;

    for (int i = 0; i < STEPS; i++) {
        int fd = FIRST_FD + (int)(rand_r(&seed) % FDS);

        switch (rand_r(&seed) % 13) {
        case 0:
        case 1:
            accepted(fd);
            break;
        case 2:
            octo_conn_drop(octo_fd_detach(fd));
            break;
        case 3:
            octo_fd_duplicated(fd, FIRST_FD + (int)(rand_r(&seed) % FDS));
            break;
        case 4:
            if (rand_r(&seed) % 64 == 0)
                octo_fd_unframable(fd);
            break;
        case 5:
            if (rand_r(&seed) % 64 == 0)
                octo_fd_handed_over(fd);
            break;
        case 6:
            if (rand_r(&seed) % 64 == 0)
                octo_fd_forget_range((unsigned)fd, (unsigned)fd + 3);
            break;
        case 7:
            wait_in_between(fd, rand_r(&seed) % 2 ? OCTO_IN : OCTO_OUT);
            break;
        case 8:
            connected(fd, rand_r(&seed) % 2);
            break;
        case 9:
            if (rand_r(&seed) % 64 == 0)
                octo_links_wake();
            break;
        case 10:
        case 11:
            pass(fd, OCTO_IN, request, sizeof request - 1);
            break;
        default:
            pass(fd, OCTO_OUT, response, sizeof response - 1);
        }
    }
    return NULL;
}

static long pages_mapped(void)
{
    char line[64] = "";
    FILE *statm = fopen("/proc/self/statm", "r");

    assert_non_null(statm);
    assert_non_null(fgets(line, sizeof line, statm));
    fclose(statm);
    return atol(line);
}

static void run_storm(void)
{
    pthread_t threads[THREADS];

    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, storm, (void *)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    octo_fd_forget_range(FIRST_FD, FIRST_FD + FDS);
}

/* Afterwards every number is free again, and no object has been lost: a second storm needs no more memory. */
static void test_storm(void **state)
{
    long before;

    (void)state;
    run_storm();
    before = pages_mapped();
    for (int i = 0; i < 4; i++)
        run_storm();
    assert_int_equal(rig_gauge("made", "of=\"\""), 0);
    assert_true(rig_find("made", "of=\"\"") != UINT32_MAX); /* there were some */
    for (int fd = FIRST_FD; fd < FIRST_FD + FDS; fd++) {
        assert_true(octo_fd_is_foreign(fd));
        assert_null(octo_conn_enter(fd, OCTO_IN));
    }
    /* A chunk of connections is 64 objects of about 700 bytes; 240,000 steps that lost one in ten would need hundreds. */
    assert_in_range(pages_mapped(), before - 4096, before + 64);
}

static void test_second_thread_is_passed_on(void **state)
{
    struct octo_conn *conn;

    (void)state;
    accepted(FIRST_FD);
    conn = octo_conn_enter(FIRST_FD, OCTO_IN);
    assert_non_null(conn);
    assert_null(octo_conn_enter(FIRST_FD, OCTO_IN));
    octo_conn_leave(conn, OCTO_IN);
    conn = octo_conn_enter(FIRST_FD, OCTO_IN);
    assert_non_null(conn);
    assert_int_equal(conn->in.framer.reason, OCTO_OPAQUE_CONCURRENT);
    octo_conn_leave(conn, OCTO_IN);
    octo_conn_drop(octo_fd_detach(FIRST_FD));
}

/* The number is another connection's when the waiting call comes back: it must not touch either. */
static void test_closed_while_waiting(void **state)
{
    (void)state;
    for (int i = 0; i < EXACT_ROUNDS; i++) {
        struct octo_conn *old, *new;
        uint32_t turn;

        accepted(FIRST_FD);
        old = octo_conn_enter(FIRST_FD, OCTO_IN);
        octo_conn_take_turn(old, OCTO_IN);
        turn = octo_conn_pause(old, OCTO_IN);
        octo_conn_drop(octo_fd_detach(FIRST_FD));
        accepted(FIRST_FD); /* takes the same object again */
        assert_false(octo_conn_resume(old, FIRST_FD, OCTO_IN, turn));
        new = octo_conn_enter(FIRST_FD, OCTO_IN);
        assert_non_null(new);
        octo_conn_leave(new, OCTO_IN);
        octo_conn_drop(octo_fd_detach(FIRST_FD));
    }
}

static void test_duplicates_share(void **state)
{
    struct octo_conn *one, *two;

    (void)state;
    accepted(FIRST_FD);
    octo_fd_duplicated(FIRST_FD, FIRST_FD + 1);
    octo_conn_drop(octo_fd_detach(FIRST_FD));
    assert_true(octo_fd_is_foreign(FIRST_FD));
    one = octo_conn_enter(FIRST_FD + 1, OCTO_IN);
    assert_non_null(one);
    octo_conn_leave(one, OCTO_IN);
    octo_fd_duplicated(FIRST_FD + 1, FIRST_FD + 1); /* to itself: nothing */
    two = octo_conn_enter(FIRST_FD + 1, OCTO_OUT);
    assert_ptr_equal(one, two);
    octo_conn_leave(two, OCTO_OUT);
    octo_conn_drop(octo_fd_detach(FIRST_FD + 1));
}

static void test_beyond_the_table(void **state)
{
    (void)state;
    for (int fd = OCTO_FD_MAX - 1; fd <= OCTO_FD_MAX + 1; fd++) {
        accepted(fd);
        assert_int_equal(octo_fd_is_foreign(fd), fd >= OCTO_FD_MAX);
        octo_fd_duplicated(FIRST_FD, fd);
        octo_conn_drop(octo_fd_detach(fd));
        assert_null(octo_conn_enter(fd, OCTO_IN));
    }
    assert_true(octo_fd_is_foreign(-1));
    assert_null(octo_conn_enter(-1, OCTO_OUT));
}

static int load(void **state)
{
    static const char settings[] =
        "{\"LOG_LEVEL\": \"CRITICAL\", \"rules\": [{\"metric\": \"made\", \"type\": \"gauge\","
        " \"when\": {\"connection\": {}}, \"value\": \"open\", \"labels\": {\"of\": \"$protocol\"}}]}";

    (void)state;
    for (int fd = FIRST_FD; fd < FIRST_FD + FDS; fd++) {
        int made = socket(AF_INET, SOCK_STREAM, 0);

        if (dup2(made, fd) != fd || close(made) != 0)
            return -1;
    }
    return rig_load(settings) && rig_wake() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_thread_is_passed_on),
        cmocka_unit_test(test_closed_while_waiting),
        cmocka_unit_test(test_duplicates_share),
        cmocka_unit_test(test_beyond_the_table),
        cmocka_unit_test(test_storm),
    };

    return cmocka_run_group_tests(tests, load, rig_unload);
}
