// A thread that has never served crashes: told with its name and stack, and the request that another one is on; none is its own.
// valgrind: no, it tells of the fault itself
//
// exit: -8
// events: service.crashed=1 request.started=1
// event: service.crashed signal=SIGFPE thread_name=idle requests_in_flight=1 requests stack stack_id
// not-event: service.crashed request_id
// not-event: service.crashed trace_id
// not-event: service.crashed stack_error
#include "crash.h"

#include <pthread.h>

static void *idle(void *unused)
{
    CHECK(prctl(PR_SET_NAME, "idle") == 0);
    crash_zero = 7 / crash_zero;
    return unused;
}

int main(void)
{
    pthread_t thread;

    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    in_flight("/other");
    CHECK(pthread_create(&thread, NULL, idle, NULL) == 0 && pthread_join(thread, NULL) == 0);
    return 0;
}
