// One of four threads that serve crashes: told are its name and number, its own request, and those that the others were on, the oldest first.
// valgrind: no, it tells of the fault itself
//
// exit: -11
// events: service.crashed=1 request.started=4
// event: service.crashed signal=SIGSEGV thread_name=worker-3 requests_in_flight=4 request_id trace_id stack_id
// not-event: service.crashed stack_error
#include "crash.h"

#include <pthread.h>

static __attribute__((noinline)) void fault(void)
{
    crash_zero = *crash_null;
}

static void *work(void *number)
{
    char name[16];

    sprintf(name, "worker-%d", (int)(intptr_t)number);
    CHECK(pthread_setname_np(pthread_self(), name) == 0);
    sprintf(name, "/thread/%d", (int)(intptr_t)number);
    in_flight(name);
    if ((intptr_t)number == 3)
        fault();
    for (;;)
        pause();
}

int main(void)
{
    pthread_t thread;

    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_create(&thread, NULL, work, (void *)(intptr_t)(i == 3 ? 3 : i == 2 ? 4 : i)) == 0);
        sleep_ms(20);
    }
    for (;;)
        pause();
}
