// A service that has no descriptor left, or a limit below the number of those it has, crashes: told is all, with the stack.
// valgrind: no, it tells of the fault itself
//
// events: service.crashed=3 request.started=3
// event: service.crashed signal=SIGSEGV requests_in_flight=1 request_id stack_id
#include "crash.h"

static __attribute__((noinline)) void fault(void)
{
    crash_zero = *crash_null;
}

static void plenty(void)
{
    CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){256, 256}) == 0);
    in_flight("/all-used-of-256");
    while (dup(0) >= 0)
        ;
    CHECK(errno == EMFILE);
    fault();
}

static void all_used(void)
{
    CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){20, 20}) == 0);
    in_flight("/all-used-of-20");
    while (dup(0) >= 0)
        ;
    CHECK(errno == EMFILE);
    fault();
}

static void lowered(void)
{
    in_flight("/lowered");
    CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, 3}) == 0);
    fault();
}

int main(void)
{
    crash_told(crash_child("all of 256 used", plenty), CRASH_COMPLETE, "\"function\": \"fault\"", NULL);
    // octoshim-stack itself may open no more than two files then
    crash_told(crash_child("lowered to 3", lowered), "\"request_id\": \"req_", "\"function\": \"fault\"", NULL);
    crash_told(crash_child("all of 20 used", all_used), CRASH_COMPLETE, "\"function\": \"fault\"", NULL);
    return 0;
}
