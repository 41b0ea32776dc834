// Handlers after which the kernel, or libc, itself has the default again: SA_RESETHAND, __sysv_signal, and abort() once its handler has
// returned. The process dies as bare; of which signal nobody sees, so a sibling tells what it left.
// valgrind: no, it tells of the faults itself
//
// events: service.crashed=3 request.started=4
#include "crash.h"

extern sighandler_t __sysv_signal(int number, sighandler_t handler);

static void looks(int number)
{
    say("handler of %d", number);
}

static __attribute__((noinline)) void fault(void)
{
    crash_zero = *crash_null;
}

static void reset(void)
{
    in_flight("/reset");
    CHECK(sigaction(SIGSEGV, &(struct sigaction){.sa_handler = looks, .sa_flags = SA_RESETHAND}, NULL) == 0);
    fault();
}

static void sysv(void)
{
    in_flight("/sysv");
    __sysv_signal(SIGSEGV, looks);
    fault();
}

static void aborted(void)
{
    in_flight("/aborted");
    signal(SIGABRT, looks);
    abort();
}

#define UNSEEN "\"reason\": \"died without a word", "\"requests_in_flight\": 1,", "!\"signal\""

int main(void)
{
    struct pair pair = tcp_pair();
    pid_t child[] = {crash_child("reset", reset), crash_child("sysv", sysv), crash_child("aborted", aborted)};

    exchange(&pair, "GET /sibling HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    for (size_t i = 0; i < COUNT(child); i++)
        crash_told(child[i], UNSEEN, NULL);
    pair_close(&pair);
    return 0;
}
