// Handlers that run while the event is gathered, and threads that go on meanwhile: a timer with a handler every millisecond, threads
// that open, close and allocate, one that changes
// dispositions all the time: they see nothing of it. The crash is told once, and in time.
// valgrind: no, it tells of the faults itself
//
// events: service.crashed=5
// event: service.crashed signal=SIGSEGV requests_in_flight=1 request_id stack_id
// not-event: service.crashed reason
#include "crash.h"

#include <pthread.h>
#include <sys/time.h>

static volatile sig_atomic_t ticks;

static void tick(int number)
{
    ticks += number;
}

static void *busy(void *unused)
{
    int first = open("/dev/null", O_RDWR);

    close(first);
    for (;;) {
        int fd = open("/dev/null", O_RDWR); /* no descriptor comes between */
        void *block = malloc(100000);

        memset(block, 1, 100000);
        free(block);
        if (fd != first)
            say("descriptor %d, not %d", fd, first);
        close(fd);
    }
    return unused;
}

static void *changes(void *unused)
{
    struct sigaction action = {.sa_handler = SIG_DFL}, old;

    for (;;) {
        CHECK(sigaction(SIGFPE, &action, &old) == 0 && old.sa_handler == SIG_DFL);
        CHECK(signal(SIGBUS, SIG_IGN) == SIG_DFL && signal(SIGBUS, SIG_DFL) == SIG_IGN);
    }
    return unused;
}

static void crashes(void)
{
    struct itimerval every = {{0, 1000}, {0, 1000}};
    pthread_t thread;

    in_flight("/mixed");
    signal(SIGALRM, tick);
    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, busy, NULL) == 0 && pthread_create(&thread, NULL, changes, NULL) == 0);
    for (int i = 0; i < 20; i++)
        sleep_ms(1);
    crash_zero = *crash_null;
}

int main(void)
{
    for (int i = 0; i < 5; i++)
        crash_told(crash_child("mixed", crashes), "\"path\": \"/mixed\"", "\"signal\": \"SIGSEGV\"", NULL);
    return 0;
}
