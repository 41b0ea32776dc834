// The main thread recurses until its stack is used up: it dies as bare, and the functions that recursed are told.
// valgrind: no, it tells of the fault itself
//
// events: service.crashed=2 request.started=2
// event: service.crashed signal=SIGSEGV signal_code=SEGV_MAPERR address stack_id request_id requests_in_flight=1
// event: service.crashed signal=SIGSEGV signal_code=SEGV_ACCERR address stack_id request_id thread_name=deep-thread
#include "crash.h"

#include <pthread.h>

static __attribute__((noinline)) int recurses(int depth)
{
    volatile char room[300];

    room[depth % 300] = (char)depth;
    return crash_zero ? 0 : recurses(depth + 1) + room[(depth + 1) % 300];
}

static void in_main(void)
{
    struct rlimit limit = {1 << 20, RLIM_INFINITY};

    CHECK(setrlimit(RLIMIT_STACK, &limit) == 0);
    in_flight("/main");
    crash_zero = recurses(1);
}

static void *thread(void *unused)
{
    CHECK(prctl(PR_SET_NAME, "deep-thread") == 0);
    in_flight("/thread");
    crash_zero = recurses(1);
    return unused;
}

static void in_thread(void)
{
    pthread_t id;

    CHECK(pthread_create(&id, NULL, thread, NULL) == 0 && pthread_join(id, NULL) == 0);
}

int main(void)
{
    crash_told(crash_child("main", in_main), "\"function\": \"recurses\"", "\"requests_in_flight\": 1,",
               "\"path\": \"/main\"", NULL);
    crash_told(crash_child("thread", in_thread), "\"function\": \"recurses\"", "\"requests_in_flight\": 1,",
               "\"path\": \"/thread\"", NULL);
    return 0;
}
