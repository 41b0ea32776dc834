// A division by zero: SIGFPE, with the address of the instruction.
// valgrind: no, it tells of the fault itself
//
// exit: -8
// events: service.crashed=1 request.started=1
// event: service.crashed level=critical signal=SIGFPE signal_code=FPE_INTDIV address thread_id>0 request_id trace_id
// event: service.crashed stack stack_id requests requests_in_flight=1
// not-event: service.crashed stack_error
#include "crash.h"

int main(void)
{
    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    in_flight("/divide");
    return 7 / crash_zero;
}
