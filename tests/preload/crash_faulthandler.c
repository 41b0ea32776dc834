// What Python's faulthandler does: a handler on an alternate stack of the service's own, which restores what was there and raises within the
// handler. The stack that is told goes on with that of the thread.
// valgrind: no, it tells of the fault itself
//
// exit: -11
// events: service.crashed=1 request.started=1
// event: service.crashed signal=SIGSEGV signal_code=SI_TKILL stack stack_id request_id
// not-event: service.crashed stack_error
#include "crash.h"

static struct sigaction saved;

static void restore_and_raise(int number)
{
    say("handler of %d", number);
    CHECK(sigaction(number, &saved, NULL) == 0);
    raise(number);
}

int main(void)
{
    stack_t stack = {.ss_sp = malloc(100000), .ss_size = 100000};

    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    CHECK(sigaltstack(&stack, NULL) == 0);
    CHECK(sigaction(SIGSEGV,
                    &(struct sigaction){.sa_handler = restore_and_raise, .sa_flags = SA_ONSTACK | SA_NODEFER},
                    &saved) == 0);
    in_flight("/faulthandler");
    crash_zero = *crash_null;
    return 0;
}
