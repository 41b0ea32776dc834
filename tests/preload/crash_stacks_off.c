// OCTOSHIM_STACKS=off: a crash is told without a stack.
// env: OCTOSHIM_STACKS=off
// valgrind: no, it tells of the fault itself
//
// exit: -11
// events: service.crashed=1 request.started=1
// event: service.crashed signal=SIGSEGV signal_code=SEGV_MAPERR address=0x0 requests_in_flight=1 request_id trace_id
// not-event: service.crashed stack
// not-event: service.crashed stack_id
// not-event: service.crashed stack_error
#include "crash.h"

int main(void)
{
    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    in_flight("/no-stack");
    return *crash_null;
}
