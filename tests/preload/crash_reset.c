// Handlers after which the kernel, or libc, itself puts the default back: SA_RESETHAND, __sysv_signal, and abort() once its handler has
// returned. They are called as they would have been, the process dies as bare, and is told of with its stack. What the service reads
// back is what it has set. A raise() whose handler returns is no crash.
// valgrind: no, it tells of the faults itself
//
// events: service.crashed=7 request.started=8
// not-event: service.crashed stack_error
#include "crash.h"

#include <assert.h>
#include <execinfo.h>

extern sighandler_t __sysv_signal(int number, sighandler_t handler);

static volatile int calls;

static void looks(int number)
{
    struct sigaction now;

    CHECK(sigaction(number, NULL, &now) == 0);
    say("handler of %d, call %d; there is %s, flags %x", number, ++calls,
        now.sa_handler == SIG_DFL ? "the default"
        : now.sa_handler == looks ? "the handler"
                                  : "another one",
        (unsigned)now.sa_flags & ~0x04000000u);
}

static void looks_closely(int number, siginfo_t *info, void *context)
{
    void *frames[32];

    say("code %d, address %p, frames as expected: %d", info->si_code, info->si_code > 0 ? info->si_addr : NULL,
        context && backtrace(frames, COUNT(frames)) > 3);
    looks(number);
}

static void set(int number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags}, old;

    sigaddset(&action.sa_mask, SIGUSR1);
    CHECK(sigaction(number, &action, NULL) == 0 && sigaction(number, &action, &old) == 0);
    CHECK(old.sa_handler == handler && (old.sa_flags & ~0x04000000) == flags &&
          sigismember(&old.sa_mask, SIGUSR1) == 1);
}

static __attribute__((noinline)) void fault(void)
{
    crash_zero = *crash_null;
}

static void reset(void)
{
    in_flight("/reset");
    set(SIGSEGV, looks, SA_RESETHAND);
    fault();
}

static void reset_closely(void)
{
    in_flight("/reset");
    set(SIGSEGV, (void (*)(int))(void (*)(void))looks_closely, SA_RESETHAND | SA_SIGINFO | SA_NODEFER);
    fault();
}

static void sysv(void)
{
    in_flight("/sysv");
    __sysv_signal(SIGSEGV, looks);
    CHECK(__sysv_signal(SIGSEGV, looks) == looks);
    fault();
}

static void before(void)
{
    set(SIGSEGV, looks, SA_RESETHAND);
    in_flight("/before"); /* from here on we are awake */
    fault();
}

static void aborted(void)
{
    in_flight("/aborted");
    CHECK(signal(SIGABRT, looks) == SIG_DFL && signal(SIGABRT, looks) == looks);
    CHECK(raise(SIGABRT) == 0 && kill(getpid(), SIGABRT) == 0 && calls == 2);
    abort();
}

static void asserted(void)
{
    in_flight("/asserted");
    set(SIGABRT, looks, SA_RESTART);
    CHECK(freopen("/dev/null", "w", stderr));
    assert(crash_zero == 1);
}

static void reset_and_aborted(void)
{
    in_flight("/both");
    set(SIGABRT, looks, SA_RESETHAND);
    abort();
}

#define IN(function)                                                                                              \
    "\"stack\": [{", "\"function\": \"" function "\"", "\"requests_in_flight\": 1,", "\"signal\": \""

int main(void)
{
    struct pair pair = tcp_pair();
    pid_t child[] = {crash_child("reset", reset),
                     crash_child("closely", reset_closely),
                     crash_child("sysv", sysv),
                     crash_child("before", before),
                     crash_child("aborted", aborted),
                     crash_child("asserted", asserted),
                     crash_child("both", reset_and_aborted)};

    exchange(&pair, "GET /sibling HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    for (size_t i = 0; i < COUNT(child); i++)
        crash_told(child[i], IN("main"), i < 4 ? "SIGSEGV" : "SIGABRT",
                   i < 4 ? "\"function\": \"fault\"" : "\"function\": \"abort\"", NULL);
    pair_close(&pair);
    return 0;
}
