// A handler that asks for an alternate stack, where the service has none, runs on the stack of its thread, as deep as that is; also where
// it is installed after the thread has served. One that restores the default within it is told with the whole stack.
// valgrind: no, it tells of the fault itself
//
// events: service.crashed=1 request.started=2
// not-event: service.crashed stack_error
#include "crash.h"

static struct sigaction saved;

static __attribute__((noinline)) void deep(int number)
{
    volatile char room[200 << 10];
    stack_t stack;

    for (size_t i = 0; i < sizeof room; i += 512)
        room[i] = (char)number;
    CHECK(sigaltstack(NULL, &stack) == 0);
    say("handler of %d, flags %x, %d", number, (unsigned)stack.ss_flags, room[512]);
}

static void restore_and_raise(int number)
{
    CHECK(sigaction(number, &saved, NULL) == 0);
    raise(number);
}

static void runs_deep(void)
{
    in_flight("/deep");
    CHECK(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = deep, .sa_flags = SA_ONSTACK}, NULL) == 0);
    raise(SIGUSR1);
    _exit(0);
}

static void gives_up(void)
{
    in_flight("/gives-up");
    CHECK(sigaction(SIGSEGV,
                    &(struct sigaction){.sa_handler = restore_and_raise, .sa_flags = SA_ONSTACK | SA_NODEFER},
                    &saved) == 0);
    crash_zero = *crash_null;
}

int main(void)
{
    crash_child("deep", runs_deep);
    crash_told(crash_child("gives up", gives_up), CRASH_COMPLETE, "\"function\": \"gives_up\"",
               "\"function\": \"main\"", NULL);
    return 0;
}
