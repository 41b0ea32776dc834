// Every way to SIGABRT, and signals of faults that are sent: abort, assert, raise, pthread_kill, sigqueue, kill by a child. Told with who
// sent it, where that is another process. What assert says is there as bare.
// valgrind: no, aborts are meant
//
// events: service.crashed=8 request.started=8
// event: service.crashed signal=SIGABRT signal_code=SI_TKILL request_id trace_id thread_id>0 stack_id
// event: service.crashed signal=SIGABRT signal_code=SI_USER sender_pid>1
// event: service.crashed signal=SIGABRT signal_code=SI_QUEUE
// event: service.crashed signal=SIGFPE signal_code=SI_TKILL
// event: service.crashed signal=SIGILL signal_code=SI_USER sender_pid>1
// event: service.crashed signal=SIGBUS signal_code=SI_QUEUE sender_pid>1
// not-event: service.crashed address
#include "crash.h"

#include <assert.h>
#include <pthread.h>

static void by_abort(void)
{
    in_flight("/abort");
    abort();
}

static void by_assert(void)
{
    in_flight("/assert");
    assert(crash_zero == 1);
}

static void by_raise(void)
{
    in_flight("/raise");
    raise(SIGABRT);
}

static void by_pthread_kill(void)
{
    in_flight("/pthread_kill");
    pthread_kill(pthread_self(), SIGFPE);
}

static void by_sigqueue(void)
{
    in_flight("/sigqueue");
    sigqueue(getpid(), SIGABRT, (union sigval){.sival_int = 7});
    for (;;)
        pause();
}

static void by_child(int number, bool queued)
{
    pid_t self = getpid();

    in_flight("/child");
    if (forked() == 0) {
        if (queued)
            sigqueue(self, number, (union sigval){.sival_int = 7});
        else
            kill(self, number);
        _exit(0);
    }
    for (;;)
        pause();
}

static void by_child_abort(void)
{
    by_child(SIGABRT, false);
}

static void by_child_ill(void)
{
    by_child(SIGILL, false);
}

static void by_child_bus(void)
{
    by_child(SIGBUS, true);
}

int main(void)
{
    pid_t pid;

    pid = crash_child("abort", by_abort);
    crash_told(pid, CRASH_COMPLETE, "SI_TKILL", "!sender_pid", "\"function\": \"by_abort\"", NULL);
    pid = crash_child("assert", by_assert);
    crash_told(pid, CRASH_COMPLETE, "SI_TKILL", "\"function\": \"by_assert\"", NULL);
    pid = crash_child("raise", by_raise);
    crash_told(pid, CRASH_COMPLETE, "SI_TKILL", "!sender_pid", "\"function\": \"by_raise\"", NULL);
    pid = crash_child("pthread_kill", by_pthread_kill);
    crash_told(pid, CRASH_COMPLETE, "SI_TKILL", "!sender_pid", NULL);
    pid = crash_child("sigqueue", by_sigqueue);
    crash_told(pid, CRASH_COMPLETE, "SI_QUEUE", "!sender_pid", NULL);
    pid = crash_child("child, kill", by_child_abort);
    crash_told(pid, CRASH_COMPLETE, "SI_USER", "\"sender_pid\": ", NULL);
    pid = crash_child("child, SIGILL", by_child_ill);
    crash_told(pid, CRASH_COMPLETE, "SI_USER", "\"sender_pid\": ", NULL);
    pid = crash_child("child, SIGBUS queued", by_child_bus);
    crash_told(pid, CRASH_COMPLETE, "SI_QUEUE", "\"sender_pid\": ", NULL);
    return 0;
}
