// An instruction that there is not: SIGILL, with its address.
// valgrind: no, it tells of the fault itself
//
// exit: -4
// events: service.crashed=1 request.started=1
// event: service.crashed level=critical signal=SIGILL signal_code=ILL_ILLOPN address thread_id>0 request_id trace_id
// event: service.crashed stack stack_id requests requests_in_flight=1
// not-event: service.crashed stack_error
#include "crash.h"

int main(void)
{
    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    in_flight("/ill");
    __asm__ volatile("ud2");
    return 0;
}
