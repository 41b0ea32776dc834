// A service that has given up being root after it has served, and one that may not be looked into (PR_SET_DUMPABLE), crash: told with the stack.
// owner: 65534
// valgrind: no, it tells of the faults itself
//
// events: service.crashed=2 request.started=2
// event: service.crashed signal=SIGSEGV requests_in_flight=1 request_id stack stack_id
// not-event: service.crashed stack_error
#include "crash.h"

#include <grp.h>

static __attribute__((noinline)) void fault(void)
{
    crash_zero = *crash_null;
}

static void nobody(void)
{
    in_flight("/nobody");
    CHECK(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
    fault();
}

static void undumpable(void)
{
    in_flight("/undumpable");
    CHECK(prctl(PR_SET_DUMPABLE, 0) == 0);
    fault();
}

int main(void)
{
    if (geteuid() != 0)
        skip("needs root");
    crash_told(crash_child("nobody", nobody), CRASH_COMPLETE, "\"function\": \"fault\"", NULL);
    crash_told(crash_child("undumpable", undumpable), CRASH_COMPLETE, "\"function\": \"fault\"", NULL);
    return 0;
}
