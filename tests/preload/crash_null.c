// A read through a NULL pointer, by a thread that is on a request: the process dies of it as bare, and what is known of it is told.
// valgrind: no, it tells of the fault itself
//
// exit: -11
// events: service.crashed=1 request.started=1
// event: service.crashed level=critical signal=SIGSEGV signal_code=SEGV_MAPERR address=0x10 thread_name=crash_null
// event: service.crashed thread_id>0 stack stack_id requests requests_in_flight=1 request_id trace_id
// not-event: service.crashed stack_error
// not-event: service.crashed sender_pid
// not-event: service.crashed reason
#include "crash.h"

int main(void)
{
    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    in_flight("/null");
    say("now");
    return crash_null[16];
}
