// A service in an empty directory that is its root crashes: told is all but the stack, and why there is none.
// valgrind: no, it tells of the fault itself
//
// exit: -11
// events: service.crashed=1 request.started=1
// event: service.crashed signal=SIGSEGV signal_code=SEGV_MAPERR address=0x0 requests_in_flight=1 request_id stack_error
// not-event: service.crashed stack_id
#include "crash.h"

int main(void)
{
    if (geteuid() != 0)
        skip("needs root");
    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    in_flight("/jailed");
    CHECK(mkdir("jail", 0755) == 0 && chroot("jail") == 0 && chdir("/") == 0);
    return *crash_null;
}
