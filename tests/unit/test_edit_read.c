/*
 * The incoming editor: a random model of a socket and its reader, and the cases that a model does not reach.
 *
 *   OCTO_TEST_CASES=n OCTO_TEST_SEED=s test_edit_read     more cases, or a failed one again
 */
#include "test_edit.h"

#include "read_model.h"

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
        role = rarely(&c, 4) ? OCTO_RESPONSE : OCTO_REQUEST;
        gen_stream(&stream, role, &c);
        read_model(&c, &stream, role);
    }
}

/* A scripted socket: what each call has to look like, and what it gives. */
struct step {
    enum octo_io_mode mode;
    size_t asked;      /* bytes; 0: not looked at */
    const char *gives; /* NULL: result */
    ssize_t result;
};

struct script {
    struct octo_io io;
    const struct step *step;
    size_t steps, done, loses_at; /* loses_at: counted from 1; 0: never */
    bool nonblocking;
};

static ssize_t script_call(struct octo_io *io, const struct iovec *iov, int iovcnt, enum octo_io_mode mode)
{
    struct script *script = (struct script *)io;
    const struct step *step = &script->step[script->done++];
    size_t asked = 0, given = 0, n;

    CHECK(script->done <= script->steps);
    CHECK(mode == step->mode);
    if (script->done == script->loses_at)
        io->lost = true;
    for (int i = 0; i < iovcnt; i++) {
        n = step->gives != NULL ? strlen(step->gives) - given : 0;
        n = n < iov[i].iov_len ? n : iov[i].iov_len;
        if (n > 0)
            memcpy(iov[i].iov_base, step->gives + given, n);
        given += n;
        asked += iov[i].iov_len;
    }
    CHECK(step->asked == 0 || step->asked == asked);
    return step->gives != NULL ? (ssize_t)given : step->result;
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
    char buffer[2000];
    struct iovec iov;
};

static void set_up(struct setting *t, const struct step *steps, size_t n, size_t asked)
{
    memset(t, 0, sizeof(*t));
    octo_framer_init(&t->s.framer, OCTO_REQUEST);
    t->s.reserve = 36;
    t->w.stream = &t->stream;
    t->w.refuse = UINT32_MAX; /* salt 0: lines of 36 bytes */
    t->script = (struct script){{script_call, script_nonblocking, true}, steps, n, 0, 0, false};
    t->iov = (struct iovec){t->buffer, asked};
}

static ssize_t do_read(struct setting *t)
{
    return octo_edit_read(&t->s, &witness_ops, &t->w, &t->iov, 1, t->iov.iov_len, &t->script.io);
}

#define LINE "X-Request-ID: abcdefghijklmnopqrst\r\n"
#define HEAD "GET / HTTP/1.1\r\nHost: a\r\n"

/* The usual case costs one real call, whether the reader asks for 1024 or for 8192. */
static void test_one_call(void **state)
{
    static const struct step steps[] = {{OCTO_IO_PLAIN, 1024 - 36, HEAD "\r\n", 0}};
    struct setting t;

    (void)state;
    set_up(&t, steps, 1, 1024);
    assert_int_equal(do_read(&t), sizeof(HEAD LINE "\r\n") - 1);
    assert_memory_equal(t.buffer, HEAD LINE "\r\n", sizeof(HEAD LINE "\r\n") - 1);
    assert_int_equal(t.script.done, 1);
    assert_int_equal(t.w.reports, 2);
    assert_int_equal(t.w.report[0].kind, 'I');
    assert_int_equal(t.w.report[1].kind, 'E');
}

/* Body data and opaque streams: the service's own call, as it is. */
static void test_plain(void **state)
{
    static const struct step steps[] = {
        {OCTO_IO_PLAIN, 1024 - 36, "POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n", 0},
        {OCTO_IO_PLAIN, 1024, "0123456789", 0},
        {OCTO_IO_PLAIN, 1024, NULL, -EAGAIN},
        {OCTO_IO_PLAIN, 1024, NULL, 0},
        {OCTO_IO_PLAIN, 1024, NULL, -ECONNRESET},
    };
    struct setting t;

    (void)state;
    set_up(&t, steps, 5, 1024);
    assert_true(do_read(&t) > 0);
    assert_int_equal(do_read(&t), 10);
    assert_int_equal(do_read(&t), -EAGAIN);
    assert_int_equal(do_read(&t), 0);
    assert_int_equal(do_read(&t), -ECONNRESET);
    assert_int_equal(t.script.done, 5);
}

/* A small read peeks, consumes up to the blank line, gives the line, goes on without waiting. */
static void test_peek(void **state)
{
    static const struct step steps[] = {
        {OCTO_IO_PEEK, 100, HEAD "\r\n", 0},
        {OCTO_IO_DONTWAIT, sizeof(HEAD) - 1, HEAD, 0},
        {OCTO_IO_PEEK_DONTWAIT, 100 - (sizeof(HEAD LINE) - 1), "\r\n", 0},
        {OCTO_IO_DONTWAIT, 2, "\r\n", 0},
    };
    struct setting t;

    (void)state;
    set_up(&t, steps, 4, 100);
    assert_int_equal(do_read(&t), sizeof(HEAD LINE "\r\n") - 1);
    assert_memory_equal(t.buffer, HEAD LINE "\r\n", sizeof(HEAD LINE "\r\n") - 1);
    assert_int_equal(t.script.done, 4);
}

/* A stream that becomes opaque with an insertion half given: the reader gets the other half first. */
static void test_opaque_while_open(void **state)
{
    static const struct step steps[] = {
        {OCTO_IO_PEEK, 30, HEAD "\r\n", 0},
        {OCTO_IO_DONTWAIT, sizeof(HEAD) - 1, HEAD, 0},
        {OCTO_IO_DONTWAIT, 0, "\r\n", 0},
    };
    struct setting t;

    (void)state;
    set_up(&t, steps, 3, 30);
    assert_int_equal(do_read(&t), 30);
    assert_true(octo_edit_open(&t.s));
    octo_edit_opaque(&t.s, &witness_ops, &t.w, OCTO_OPAQUE_SHARED);
    octo_edit_opaque(&t.s, &witness_ops, &t.w, OCTO_OPAQUE_CALL);
    assert_int_equal(t.w.reports, 1); /* told once, with the first reason */
    assert_int_equal(t.w.report[0].detail, OCTO_OPAQUE_SHARED);
    t.iov = (struct iovec){t.buffer + 30, 500};
    assert_int_equal(do_read(&t), sizeof(HEAD LINE "\r\n") - 1 - 30);
    assert_memory_equal(t.buffer, HEAD LINE "\r\n", sizeof(HEAD LINE "\r\n") - 1);
    assert_int_equal(t.w.reports, 1);
    assert_int_equal(t.script.done, 3);
}

/* Another reader took what was peeked: opaque, and the call goes on as the service made it. */
static void test_thief(void **state)
{
    static const struct step all[] = {{OCTO_IO_PEEK, 100, HEAD "\r\n", 0},
                                      {OCTO_IO_DONTWAIT, 0, NULL, -EAGAIN},
                                      {OCTO_IO_PLAIN, 100, "later", 0}};
    static const struct step some[] = {{OCTO_IO_PEEK, 100, HEAD "\r\n", 0}, {OCTO_IO_DONTWAIT, 0, "GET", 0}};
    static const struct step end[] = {{OCTO_IO_PEEK, 100, HEAD "\r\n", 0}, {OCTO_IO_DONTWAIT, 0, NULL, 0}};
    static const struct step other[] = {
        {OCTO_IO_PEEK, 100, HEAD "\r\n", 0},
        {OCTO_IO_DONTWAIT, sizeof(HEAD) - 1, "\x16\x03 something else here", 0},
    };
    struct setting t;

    (void)state;
    set_up(&t, all, 3, 100);
    assert_int_equal(do_read(&t), 5);
    assert_memory_equal(t.buffer, "later", 5);
    assert_int_equal(t.s.framer.reason, OCTO_OPAQUE_CONCURRENT);
    set_up(&t, some, 2, 100);
    assert_int_equal(do_read(&t), 3);
    assert_int_equal(t.s.framer.reason, OCTO_OPAQUE_CONCURRENT);
    set_up(&t, end, 2, 100);
    assert_int_equal(do_read(&t), 0);
    set_up(&t, other, 2, 100);
    assert_int_equal(do_read(&t), 22);
    assert_int_equal(t.s.framer.reason, OCTO_OPAQUE_NOT_HTTP);
    assert_int_equal(t.w.reports, 1);
}

/* The stream was taken over by another thread while the call waited: its bytes are given, nothing is touched. */
static void test_lost(void **state)
{
    static const struct step large[] = {{OCTO_IO_PLAIN, 1024 - 36, HEAD "\r\n", 0}};
    static const struct step small[] = {{OCTO_IO_PEEK, 100, HEAD "\r\n", 0}, {OCTO_IO_PLAIN, 100, HEAD "\r\n", 0}};
    struct octo_framer before;
    struct setting t;

    (void)state;
    set_up(&t, large, 1, 1024);
    before = t.s.framer;
    t.script.loses_at = 1;
    assert_int_equal(do_read(&t), sizeof(HEAD "\r\n") - 1);
    assert_memory_equal(t.buffer, HEAD "\r\n", sizeof(HEAD "\r\n") - 1);
    assert_memory_equal(&before, &t.s.framer, sizeof(before));
    set_up(&t, small, 2, 100);
    t.script.loses_at = 1;
    assert_int_equal(do_read(&t), sizeof(HEAD "\r\n") - 1);
    assert_memory_equal(&before, &t.s.framer, sizeof(before));
    assert_int_equal(t.w.reports + t.s.passed, 0);
    set_up(&t, small, 1, 100);
    t.script.loses_at = 1;
    assert_int_equal(octo_edit_peek(&t.s, &witness_ops, &t.w, &t.iov, 1, 100, &t.script.io),
                     sizeof(HEAD "\r\n") - 1);
    assert_memory_equal(&before, &t.s.framer, sizeof(before));
}

/* Two heads in a large buffer, room for one line only: the second goes without, and nothing is lost. */
static void test_no_room(void **state)
{
    static char two[600], wanted[700];
    static const struct step steps[] = {{OCTO_IO_PLAIN, 512 - 36, two, 0},
                                        {OCTO_IO_PEEK_DONTWAIT, 0, NULL, -EAGAIN}};
    struct setting t;
    int pad = 512 - 36 - 2 * (int)(sizeof(HEAD "\r\n") - 1) - 5;
    int n = snprintf(two, sizeof(two), HEAD "\r\n" HEAD "P: %0*d\r\n\r\n", pad, 0);

    (void)state;
    assert_int_equal(n, 512 - 36);
    snprintf(wanted, sizeof(wanted), HEAD LINE "\r\n" HEAD "P: %0*d\r\n\r\n", pad, 0);
    set_up(&t, steps, 2, 512);
    assert_int_equal(do_read(&t), 512);
    assert_memory_equal(t.buffer, wanted, 512);
    assert_int_equal(t.w.reports, 4);
    assert_int_equal(t.w.report[0].kind, 'I');
    assert_int_equal(t.w.report[2].kind, 'H');
}

/* Nothing asked, or a list that the kernel refuses: its own answer. */
static void test_refused(void **state)
{
    static const struct step steps[] = {{OCTO_IO_PLAIN, 0, NULL, 0}, {OCTO_IO_PLAIN, 0, NULL, -EINVAL}};
    static struct iovec many[1025];
    struct setting t;

    (void)state;
    set_up(&t, steps, 2, 0);
    assert_int_equal(do_read(&t), 0);
    for (int i = 0; i < 1025; i++)
        many[i] = (struct iovec){t.buffer, 1};
    assert_int_equal(octo_edit_read(&t.s, &witness_ops, &t.w, many, 1025, 1025, &t.script.io), -EINVAL);
    assert_int_equal(t.script.done, 2);
}

/* Bytes that nobody saw: fine within a body, the end of framing elsewhere. */
static void test_unseen(void **state)
{
    static const char head[] = "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n";
    struct iovec iov = {(char *)head, sizeof(head) - 1};
    struct setting t;

    (void)state;
    set_up(&t, NULL, 0, 0);
    octo_edit_passed(&t.s, &witness_ops, &t.w, &iov, 1, iov.iov_len);
    octo_edit_passed_unseen(&t.s, &witness_ops, &t.w, 9);
    assert_int_equal(t.w.reports, 1);
    octo_edit_passed_unseen(&t.s, &witness_ops, &t.w, 1);
    assert_int_equal(t.w.reports, 2);
    assert_int_equal(t.w.report[1].kind, 'E');
    octo_edit_passed_unseen(&t.s, &witness_ops, &t.w, 0);
    assert_int_equal(t.w.reports, 2);
    octo_edit_passed_unseen(&t.s, &witness_ops, &t.w, 1);
    assert_int_equal(t.s.framer.reason, OCTO_OPAQUE_CALL);
    octo_edit_passed_unseen(&t.s, &witness_ops, &t.w, 1);
    assert_int_equal(t.w.reports, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),  cmocka_unit_test(test_one_call),          cmocka_unit_test(test_plain),
        cmocka_unit_test(test_peek),   cmocka_unit_test(test_opaque_while_open), cmocka_unit_test(test_thief),
        cmocka_unit_test(test_lost),   cmocka_unit_test(test_no_room),           cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unseen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
