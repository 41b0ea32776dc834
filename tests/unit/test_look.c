/* A look at other threads: what waits, what runs, and what has ended. */
#include "export/look.h"

#include "base/clock.h"
#include "base/sys.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct thread {
    pthread_t thread;
    _Atomic uint32_t tid;
    char *_Atomic local; /* a place on its stack */
    _Atomic bool quit;
} other;

static int pipe_of_nothing[2];

static void *waits(void *arg)
{
    char byte;

    (void)arg;
    other.local = &byte;
    other.tid = (uint32_t)gettid();
    return (void *)read(pipe_of_nothing[0], &byte, 1);
}

/* Of its own, so that the program counter is in it. */
static __attribute__((noinline, noclone)) void run_in_circles(void)
{
    while (!atomic_load_explicit(&other.quit, memory_order_relaxed))
        __asm__ volatile("");
}

static void *runs(void *arg)
{
    char byte;

    (void)arg;
    other.local = &byte;
    other.tid = (uint32_t)gettid();
    run_in_circles();
    return NULL;
}

static uint32_t start(void *(*function)(void *))
{
    memset(&other, 0, sizeof other);
    assert_int_equal(pthread_create(&other.thread, NULL, function, NULL), 0);
    while (other.tid == 0)
        usleep(1000);
    usleep(20000);
    return other.tid;
}

static void assert_on_its_stack(const struct octo_look *look)
{
    uint64_t sp = look->registers[OCTO_STACK_SP], local = (uint64_t)other.local;

    assert_true(look->known >> OCTO_STACK_SP & 1 && look->known >> OCTO_STACK_PC & 1);
    assert_in_range(sp, local - 65536, local);
    assert_true(look->stack_bytes > local - sp);
}

static void test_waiting(void **state)
{
    struct octo_look look;
    uint32_t tid;

    (void)state;
    assert_int_equal(pipe(pipe_of_nothing), 0);
    tid = start(waits);
    for (unsigned i = 0; i < 100; i++) {
        assert_true(octo_look(tid, &look));
        assert_int_equal(look.call, SYS_read);
        assert_on_its_stack(&look);
        assert_memory_equal(look.stack, (const void *)look.registers[OCTO_STACK_SP],
                            64); /* it waits: all is as it was */
    }
    assert_int_equal(write(pipe_of_nothing[1], "x", 1), 1);
    void *read = NULL;

    pthread_join(other.thread, &read);
    assert_ptr_equal(read, (void *)1); /* it has noticed nothing */
    close(pipe_of_nothing[0]);
    close(pipe_of_nothing[1]);
}

static void test_running(void **state)
{
    struct octo_look look;
    uint32_t tid = start(runs);
    bool seen = octo_look(tid, &look);

    (void)state;
    if (!seen) { /* perf may be kept from us: then it says so */
        assert_non_null(look.reason);
        assert_true(look.error == -EACCES || look.error == -EPERM || look.error == -ENOSYS);
    } else {
        assert_int_equal(look.call, -1);
        assert_on_its_stack(&look);
        assert_in_range(look.registers[OCTO_STACK_PC], (uint64_t)run_in_circles, (uint64_t)run_in_circles + 64);
    }
    other.quit = true;
    pthread_join(other.thread, NULL);
}

static void test_gone(void **state)
{
    struct octo_look look;
    uint32_t tid;

    (void)state;
    tid = start(runs);
    other.quit = true;
    pthread_join(other.thread, NULL);
    usleep(20000);
    assert_false(octo_look(tid, &look));
    assert_non_null(look.reason);
    assert_true(look.error == -ESRCH || look.error == -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_running),
        cmocka_unit_test(test_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
