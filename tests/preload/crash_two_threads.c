// Several threads crash at the same moment, each its own way, thirty times: the process dies of one of the signals, without delay, and is
// told of once.
// valgrind: no, it tells of the faults itself
//
// events: service.crashed=30 request.started=30
// not-event: service.crashed reason
#include "crash.h"

#include <pthread.h>

enum { THREADS = 4 };

static pthread_barrier_t barrier;

static void *crashes(void *number)
{
    pthread_barrier_wait(&barrier);
    switch ((intptr_t)number) {
    case 0:
        crash_zero = *crash_null;
        break;
    case 1:
        abort();
    case 2:
        crash_zero = 7 / crash_zero;
        break;
    default:
        kill(getpid(), SIGBUS);
        crash_zero = *crash_null;
    }
    return NULL;
}

static void together(void)
{
    pthread_t thread;

    in_flight("/together");
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    for (intptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&thread, NULL, crashes, (void *)i) == 0);
    for (;;)
        pause();
}

int main(void)
{
    for (int i = 0; i < 30; i++) {
        int status;
        pid_t pid = forked();
        uint64_t began = now_ms();

        if (pid == 0) {
            CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
            together();
        }
        CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL);
        CHECK(now_ms() - began < 1000);
        crash_told(pid, "\"requests_in_flight\": 1,", "\"signal\": ", NULL);
    }
    say("done");
    return 0;
}
