/*
 * The outgoing editor: a random model of a socket and its writer, and the cases that a model does not reach.
 *
 *   OCTO_TEST_CASES=n OCTO_TEST_SEED=s test_edit_write     more cases, or a failed one again
 */
#include "test_edit.h"

#include "write_model.h"

static void test_model(void **state)
{
    (void)state;
    for (uint64_t i = 0, n = test_number("OCTO_TEST_CASES", 120000); i < n; i++) {
        static struct stream_text stream;
        struct choices c = {.seed = test_number("OCTO_TEST_SEED", 1) + i * 0x9e3779b97f4a7c15};
        enum octo_role role;

        if (c.seed == 0)
            continue;
        test_case = c.seed;
        for (int warm = 0; warm < 4; warm++)
            (void)choose(&c, 2);
        role = rarely(&c, 4) ? OCTO_REQUEST : OCTO_RESPONSE;
        gen_stream(&stream, role, &c);
        write_model(&c, &stream, role);
    }
}

/* A scripted socket: how much each call takes (SIZE_MAX: all), or its error. */
struct script {
    struct octo_io io;
    const ssize_t *takes;
    int calls, last_iovcnt;
    bool nonblocking, loses;
    char sent[40000];
    size_t len;
};

enum { ALL = 1 << 30 };

static ssize_t script_call(struct octo_io *io, const struct iovec *iov, int iovcnt, enum octo_io_mode mode)
{
    struct script *script = (struct script *)io;
    ssize_t room = script->takes[script->calls++], taken = 0;

    CHECK(mode == OCTO_IO_PLAIN);
    script->last_iovcnt = iovcnt;
    io->lost = script->loses;
    if (room <= 0)
        return room;
    for (int i = 0; i < iovcnt && taken < room; i++) {
        size_t n = iov[i].iov_len < (size_t)(room - taken) ? iov[i].iov_len : (size_t)(room - taken);

        CHECK(script->len + n <= sizeof(script->sent));
        memcpy(script->sent + script->len, iov[i].iov_base, n);
        script->len += n;
        taken += (ssize_t)n;
    }
    return taken;
}

static bool script_nonblocking(struct octo_io *io)
{
    return ((struct script *)io)->nonblocking;
}

struct setting {
    struct octo_stream s;
    struct witness w;
    struct script script;
    struct stream_text stream;
};

static void set_up(struct setting *t, const ssize_t *takes, bool nonblocking)
{
    memset(t, 0, sizeof(*t));
    octo_framer_init(&t->s.framer, OCTO_RESPONSE);
    t->w.stream = &t->stream;
    t->w.role = OCTO_RESPONSE;
    t->w.refuse = UINT32_MAX; /* salt 0: lines of 36 bytes */
    t->script.io = (struct octo_io){script_call, script_nonblocking, true};
    t->script.takes = takes;
    t->script.nonblocking = nonblocking;
}

static ssize_t do_write(struct setting *t, const char *text)
{
    struct iovec iov = {(char *)text, strlen(text)};

    return octo_edit_write(&t->s, &witness_ops, &t->w, &iov, 1, iov.iov_len, &t->script.io);
}

static void assert_sent(const struct setting *t, const char *text)
{
    assert_int_equal(t->script.len, strlen(text));
    assert_memory_equal(t->script.sent, text, strlen(text));
}

#define LINE "X-Request-ID: abcdefghijklmnopqrst\r\n"
#define SECOND_LINE "X-Request-ID: bcdefghijklmnopqrstu\r\n"
#define HEAD "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"

enum { HEAD_LEN = sizeof(HEAD) - 1, LINE_LEN = sizeof(LINE) - 1 };

/* Head and body in one call: one real call, the little there is in one buffer. */
static void test_one_call(void **state)
{
    static const ssize_t takes[] = {ALL};
    struct setting t;

    (void)state;
    set_up(&t, takes, true);
    assert_int_equal(do_write(&t, HEAD "\r\nok"), HEAD_LEN + 4);
    assert_sent(&t, HEAD LINE "\r\nok");
    assert_int_equal(t.script.calls, 1);
    assert_int_equal(t.script.last_iovcnt, 1);
    assert_int_equal(t.w.reports, 2);
    assert_int_equal(t.w.report[0].kind, 'I');
}

/* More than is worth copying: the insertion is a buffer between two. */
static void test_large_body_is_not_copied(void **state)
{
    static const ssize_t takes[] = {ALL};
    static char text[sizeof(HEAD) + 2000], want[sizeof(HEAD) + sizeof(LINE) + 2000];
    struct setting t;

    (void)state;
    set_up(&t, takes, true);
    sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: 1500\r\n\r\n%01500d", 0);
    sprintf(want, "HTTP/1.1 200 OK\r\nContent-Length: 1500\r\n" LINE "\r\n%01500d", 0);
    assert_int_equal(do_write(&t, text), strlen(text));
    assert_sent(&t, want);
    assert_int_equal(t.script.calls, 1);
    assert_int_equal(t.script.last_iovcnt, 3);
}

/* The blank line in a call of its own: h is 0, and 0 must never be returned. */
static void test_only_the_line_fits(void **state)
{
    for (ssize_t fits = 1; fits <= LINE_LEN; fits++) {
        const ssize_t takes[] = {ALL, fits, -EAGAIN, ALL};
        struct setting t;

        (void)state;
        set_up(&t, takes, true);
        assert_int_equal(do_write(&t, HEAD), HEAD_LEN);
        assert_int_equal(do_write(&t, "\r\nok"), -EAGAIN);
        assert_int_equal(do_write(&t, "\r\nok"), -EAGAIN);
        assert_int_equal(do_write(&t, "\r\nok"), 4);
        assert_sent(&t, HEAD LINE "\r\nok");

        set_up(&t, takes, false); /* a blocking one goes on, and an error then is the service's */
        assert_int_equal(do_write(&t, HEAD), HEAD_LEN);
        assert_int_equal(do_write(&t, "\r\nok"), -EAGAIN);
        assert_int_equal(t.script.calls, 3);
        assert_int_equal(do_write(&t, "\r\nok"), 4);
        assert_sent(&t, HEAD LINE "\r\nok");
    }
}

/* Every point at which the kernel may stop. */
static void test_every_short_write(void **state)
{
    static const char all[] = HEAD "\r\nok";

    (void)state;
    for (ssize_t fits = 1; fits < (ssize_t)sizeof(all) - 1 + LINE_LEN; fits++) {
        const ssize_t takes[] = {fits, ALL};
        struct setting t;
        ssize_t told, wanted = fits <= HEAD_LEN ? fits : fits <= HEAD_LEN + LINE_LEN ? HEAD_LEN : fits - LINE_LEN;

        set_up(&t, takes, fits % 2);
        told = do_write(&t, all);
        assert_int_equal(told, wanted);
        assert_int_equal(do_write(&t, all + told), sizeof(all) - 1 - (size_t)told);
        assert_sent(&t, HEAD LINE "\r\nok");
        assert_int_equal(t.script.calls, 2);
        assert_int_equal(t.w.reports, 2);
    }
}

/* A line that went out in part is finished, even if the service thinks better of it or the stream is opaque. */
static void test_line_is_finished(void **state)
{
    static const ssize_t takes[] = {HEAD_LEN + 5, ALL, ALL};
    struct setting t;

    (void)state;
    set_up(&t, takes, true);
    assert_int_equal(do_write(&t, HEAD "\r\nok"), HEAD_LEN);
    assert_int_equal(do_write(&t, "More: yes\r\n\r\nok"), 15);
    assert_sent(&t, HEAD LINE "More: yes\r\n\r\nok");
    assert_int_equal(t.w.report[0].kind, 'I');

    set_up(&t, takes, true);
    assert_int_equal(do_write(&t, HEAD "\r\nok"), HEAD_LEN);
    octo_edit_opaque(&t.s, &witness_ops, &t.w, OCTO_OPAQUE_CALL);
    assert_int_equal(do_write(&t, "\r\nok"), 4);
    assert_int_equal(do_write(&t, "raw"), 3);
    assert_sent(&t, HEAD LINE "\r\nokraw");
    assert_int_equal(t.w.reports, 1);

    set_up(&t, takes, true);
    assert_int_equal(do_write(&t, HEAD "\r\nok"), HEAD_LEN);
    t.s.quiet = true; /* no line from here on, but for the one that is open */
    assert_int_equal(do_write(&t, "\r\nok" HEAD "\r\nok"), 4 + HEAD_LEN + 4);
    assert_sent(&t, HEAD LINE "\r\nok" HEAD "\r\nok");
}

/* The stream was taken over by another thread while the call waited: what was moved is told, nothing touched. */
static void test_lost(void **state)
{
    static const char all[] = HEAD "\r\nok";

    (void)state;
    for (ssize_t fits = 0; fits <= (ssize_t)sizeof(all) - 1 + LINE_LEN; fits++) {
        const ssize_t takes[] = {fits == 0 ? -EINTR : fits};
        struct setting t;
        struct octo_framer before;

        set_up(&t, takes, false);
        t.script.loses = true;
        before = t.s.framer;
        assert_int_equal(do_write(&t, all), fits == 0                     ? -EINTR
                                            : fits <= HEAD_LEN            ? fits
                                            : fits <= HEAD_LEN + LINE_LEN ? HEAD_LEN
                                                                          : fits - LINE_LEN);
        assert_memory_equal(&before, &t.s.framer, sizeof(before));
        assert_int_equal(t.w.reports, 0);
        assert_int_equal(t.script.calls, 1);
    }
}

/* An error after a part was taken is not the service's to see; the part is. */
static void test_error_after_a_part(void **state)
{
    static const ssize_t takes[] = {ALL, -EPIPE, -EPIPE};
    struct setting t;

    (void)state;
    set_up(&t, takes, false);
    assert_int_equal(do_write(&t, HEAD "\r\nok" HEAD "\r\nok"), HEAD_LEN + 4);
    assert_int_equal(do_write(&t, HEAD "\r\nok"), -EPIPE);
    assert_sent(&t, HEAD LINE "\r\nok");
}

static void test_two_messages(void **state)
{
    static const ssize_t takes[] = {ALL, ALL};
    struct setting t;

    (void)state;
    set_up(&t, takes, true);
    assert_int_equal(do_write(&t, HEAD "\r\nok" HEAD "\r\nok"), 2 * (HEAD_LEN + 4));
    assert_sent(&t, HEAD LINE "\r\nok" HEAD SECOND_LINE "\r\nok");
    assert_int_equal(t.script.calls, 2);
}

/* Body data goes out as the service's own call, however many buffers; so does what the kernel will refuse. */
static void test_plain(void **state)
{
    static const ssize_t takes[] = {ALL, ALL, -EINVAL, 0};
    static struct iovec many[1025];
    struct setting t;

    (void)state;
    set_up(&t, takes, true);
    assert_int_equal(do_write(&t, "HTTP/1.1 200 OK\r\n\r\n"), 19);
    for (int i = 0; i < 1025; i++)
        many[i] = (struct iovec){(char *)"x", 1};
    assert_int_equal(octo_edit_write(&t.s, &witness_ops, &t.w, many, 1024, 1024, &t.script.io), 1024);
    assert_int_equal(t.script.last_iovcnt, 1024);
    assert_int_equal(octo_edit_write(&t.s, &witness_ops, &t.w, many, 1025, 1025, &t.script.io), -EINVAL);
    assert_int_equal(octo_edit_write(&t.s, &witness_ops, &t.w, many, 0, 0, &t.script.io), 0);
}

/* A head over a thousand buffers: windows, all taken, one line. */
static void test_many_buffers(void **state)
{
    static const ssize_t takes[] = {ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL,
                                    ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL};
    static char bytes[] =
        HEAD "\r\nok" HEAD "A: 012345678901234567890123456789012345678901234567890123456789\r\n\r\nok";
    static struct iovec v[1024];
    struct setting t;
    size_t n = sizeof(bytes) - 1;

    (void)state;
    assert_true(n < 1024);
    for (size_t i = 0; i < 1024; i++)
        v[i] = (struct iovec){bytes + (i < n ? i : n), i < n};
    set_up(&t, takes, true);
    assert_int_equal(octo_edit_write(&t.s, &witness_ops, &t.w, v, 1024, n, &t.script.io), n);
    assert_sent(&t, HEAD LINE "\r\nok" HEAD
                              "A: 012345678901234567890123456789012345678901234567890123456789\r\n" SECOND_LINE
                              "\r\nok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_one_call),
        cmocka_unit_test(test_large_body_is_not_copied),
        cmocka_unit_test(test_only_the_line_fits),
        cmocka_unit_test(test_every_short_write),
        cmocka_unit_test(test_line_is_finished),
        cmocka_unit_test(test_error_after_a_part),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_two_messages),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_many_buffers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
