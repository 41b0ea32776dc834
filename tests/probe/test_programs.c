/*
 * The programs, run by the kernel on calls that we make up (BPF_PROG_TEST_RUN): loaded, but not attached, so that nothing else is counted.
 * Exit code 77: BPF cannot be used here.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "readout.h"

#include "probe.skel.h"

static struct session session;
static struct readout readout;
static struct options options;

static void begin(void)
{
    char why[512];

    if (session_open(&session, &options, NULL, NULL, why) != 0)
        fail_msg("%s", why);
    readout_begin(&readout, &session);
    assert_true(session_follow(&session, getpid(), "test"));
    assert_false(session_follow(&session, getpid(), "test"));
}

static void end(void)
{
    readout_end(&readout);
    session_close(&session);
    options = (struct options){.follow = true, .by_process = true, .join = "off"};
}

static void run(struct bpf_program *program, unsigned long long first, unsigned long long second)
{
    unsigned long long context[12] = {first, second};
    LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = context, .ctx_size_in = sizeof context);

    assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(program), &opts), 0);
    assert_int_equal(opts.retval, 0);
}

/* Our thread makes that call, which takes a while, and returns this. */
static void call(unsigned long long nr, long returned, unsigned us)
{
    run(session.probe->progs.on_enter, 0, nr);
    usleep(us);
    run(session.probe->progs.on_return, 0, (unsigned long long)returned);
}

struct found {
    unsigned nr;
    struct octo_tally tally;
    unsigned entries;
};

static void look(const struct readout_entry *e, void *arg)
{
    struct found *found = arg;

    if (e->key.nr != found->nr)
        return;
    octo_tally_add(&found->tally, &e->all);
    found->entries++;
    assert_int_equal(e->process->pid, getpid());
}

static struct octo_tally tally_of(unsigned nr)
{
    struct found found = {.nr = nr};

    assert_int_equal(readout_update(&readout), 0);
    readout_each(&readout, look, &found);
    assert_true(found.entries <= 1);
    return found.tally;
}

static void counted(void **state)
{
    struct octo_tally t;

    (void)state;
    begin();
    for (int i = 0; i < 100; i++) {
        call(1, 8, 0);
        call(257, i % 4 == 0 ? -ENOENT : 3, 0);
        call(35, i % 10 == 0 ? -516 : 0, 1000);
    }
    t = tally_of(1);
    assert_int_equal(octo_tally_count(&t), 100);
    assert_int_equal(t.failed + t.interrupted, 0);
    t = tally_of(257);
    assert_int_equal(octo_tally_count(&t), 100);
    assert_int_equal(t.failed, 25);
    t = tally_of(35);
    assert_int_equal(octo_tally_count(&t), 100);
    assert_int_equal(t.failed, 0);
    assert_int_equal(t.interrupted, 10);
    assert_in_range(t.sum_ns, 100000000, 1000000000);
    assert_int_equal(octo_tally_upto(&t, 14), 0); /* none below 2^-10 s */
    assert_true(octo_tally_quantile(&t, 0.5) >= 1e6 && t.max_ns >= 1000000);
    end();
}

/* A return without its entrance, twice the entrance, numbers that no call has. */
static void halves(void **state)
{
    struct octo_tally t;

    (void)state;
    begin();
    run(session.probe->progs.on_return, 0, 0);
    t = tally_of(0);
    assert_int_equal(octo_tally_count(&t), 0);
    run(session.probe->progs.on_enter, 0, 3);
    run(session.probe->progs.on_enter, 0, 4);
    run(session.probe->progs.on_return, 0, 0);
    run(session.probe->progs.on_return, 0, 0);
    t = tally_of(3);
    assert_int_equal(octo_tally_count(&t), 0);
    t = tally_of(4);
    assert_int_equal(octo_tally_count(&t), 1);
    call(~0ULL, -ENOSYS, 0);
    t = tally_of(OCTO_NR_MAX);
    assert_int_equal(octo_tally_count(&t), 1);
    assert_int_equal(t.failed, 1);
    for (unsigned i = 0; i < OCTO_LOST_KINDS; i++)
        assert_int_equal(session_lost(&session, i), 0);
    end();
}

static void only_some(void **state)
{
    struct octo_tally t;

    (void)state;
    options.failures = true;
    begin();
    call(1, 1, 0);
    call(1, -EAGAIN, 0);
    call(1, -512, 0);
    t = tally_of(1);
    assert_int_equal(octo_tally_count(&t), 1);
    end();
    options.error = EAGAIN;
    begin();
    call(1, -EPIPE, 0);
    call(1, -EAGAIN, 0);
    t = tally_of(1);
    assert_int_equal(octo_tally_count(&t), 1);
    end();
    options.thread = (pid_t)syscall(SYS_gettid) + 1; /* another's */
    begin();
    call(1, 1, 0);
    t = tally_of(1);
    assert_int_equal(octo_tally_count(&t), 0);
    end();
}

/* A process that is new between the two looks of an update: its calls are its own all the same, or from the next look on. */
static void new_meanwhile(void **state)
{
    struct octo_process own = {.pid = (unsigned)getpid(), .name = "test"};
    struct octo_tally t;
    unsigned serial = 1;

    (void)state;
    begin();
    assert_int_equal(bpf_map_delete_elem(session.processes, &serial), 0);
    call(1, 1, 0);
    assert_int_equal(readout_update(&readout), 0);
    assert_int_equal(bpf_map_update_elem(session.processes, &serial, &own, BPF_ANY), 0);
    call(1, 1, 0);
    t = tally_of(1); /* which looks whose they are */
    assert_int_equal(octo_tally_count(&t), 2);
    end();
}

/* More calls than there are keys: what is not counted is. */
static void too_many(void **state)
{
    uint64_t all = 0;

    (void)state;
    begin();
    for (unsigned nr = 0; nr < OCTO_KEYS + 100; nr++)
        call(nr, 0, 0);
    for (unsigned place, *from = NULL, done = 0; !done; from = &place) {
        static struct octo_call_key keys[256];
        static char values[256 * sizeof(struct octo_calls)];
        unsigned count = 256;

        done = bpf_map_lookup_batch(session.calls, from, &place, keys, values, &count, NULL) != 0;
        all += count;
    }
    assert_in_range(all, OCTO_KEYS / 2, OCTO_KEYS);
    assert_int_equal(session_lost(&session, OCTO_LOST_CALLS) + all, OCTO_KEYS + 100);
    end();
}

static int take_slow(void *arg, void *data, size_t size)
{
    const struct octo_slow *s = data;

    assert_true(size >= sizeof *s);
    assert_int_equal(s->nr, 74);
    assert_int_equal(s->returned, -EIO);
    assert_int_equal(s->pid, getpid());
    assert_int_equal(s->tid, gettid());
    assert_true(s->ns >= options.slow_ns);
    ++*(unsigned *)arg;
    return 0;
}

/* Calls that take long are told of: all, or what there is no room for is counted. Not those that wait for others, nor those whose numbers are none. */
static void slow(void **state)
{
    enum { CALLS = OCTO_SLOW_BYTES / sizeof(struct octo_slow) + 100 };
    struct ring_buffer *ring;
    unsigned told = 0, before;

    (void)state;
    options.slow_ns = 1;
    begin();
    ring = ring_buffer__new(session.slow, take_slow, &told, NULL);
    assert_non_null(ring);
    call(74, -EIO, 0);  /* fsync */
    call(232, -EIO, 0); /* epoll_wait */
    call(45, -EIO, 0);  /* recvfrom */
    call(512, -EIO, 0);
    call(1 << 20, -EIO, 0);
    assert_true(ring_buffer__consume(ring) >= 0);
    assert_int_equal(told, 1);
    for (unsigned i = 0; i < CALLS; i++)
        call(74, -EIO, 0);
    before = told;
    assert_true(ring_buffer__consume(ring) >= 0);
    assert_int_equal(told - before + session_lost(&session, OCTO_LOST_SLOW), CALLS);
    assert_in_range(session_lost(&session, OCTO_LOST_SLOW), 100, CALLS / 2);
    call(74, -EIO, 0); /* there is room again */
    before = told;
    assert_true(ring_buffer__consume(ring) >= 0);
    assert_int_equal(told - before, 1);
    ring_buffer__free(ring);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counted),   cmocka_unit_test(halves),
                                       cmocka_unit_test(only_some), cmocka_unit_test(new_meanwhile),
                                       cmocka_unit_test(too_many),  cmocka_unit_test(slow)};
    char why[512];

    options = (struct options){.follow = true, .by_process = true, .join = "off"};
    if (session_open(&session, &options, NULL, NULL, why) != 0) {
        printf("SKIPPED: %s\n", why);
        return 77;
    }
    session_close(&session);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
