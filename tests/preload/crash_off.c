// OCTOSHIM_CRASH=0: nothing is told, of a crash and of a process that is killed.
// env: OCTOSHIM_CRASH=0
// valgrind: no, it tells of the fault itself
//
// events: service.crashed=0
#include "crash.h"

static void faults(void)
{
    stack_t stack;

    in_flight("/off");
    CHECK(sigaltstack(NULL, &stack) == 0 && stack.ss_flags == SS_DISABLE);
    crash_zero = *crash_null;
}

static void is_killed(void)
{
    in_flight("/killed");
    raise(SIGKILL);
}

int main(void)
{
    crash_untold(crash_child("faults", faults));
    crash_untold(crash_child("is killed", is_killed));
    struct pair pair = tcp_pair();
    exchange(&pair, "GET /next HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    sleep_ms(300);
    return 0;
}
