// That a program is started to make out the stack is nothing that the service sees: no SIGCHLD, no child for a thread that waits for any.
// valgrind: no, it tells of the fault itself
//
// events: service.crashed=5
// event: service.crashed signal=SIGSEGV requests_in_flight=1 request_id stack_id
#include "crash.h"

#include <pthread.h>

static void *waits(void *unused)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, 0);

        if (pid >= 0 || errno != ECHILD)
            say("a child: %d", pid > 0);
        sleep_ms(1);
    }
    return unused;
}

static void child_is_over(int number)
{
    say("signal %d of a child", number);
}

static void crashes(void)
{
    pthread_t thread;

    in_flight("/unseen");
    signal(SIGCHLD, child_is_over);
    CHECK(pthread_create(&thread, NULL, waits, NULL) == 0);
    sleep_ms(5);
    crash_zero = *crash_null;
}

int main(void)
{
    for (int i = 0; i < 5; i++)
        crash_told(crash_child("unseen", crashes), "\"path\": \"/unseen\"", "\"signal\": \"SIGSEGV\"", NULL);
    return 0;
}
