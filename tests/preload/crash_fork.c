// Children of a service crash: one that serves, one right after the fork, one of a fork that libc does not know, one that has been through
// two forks, one of a thread. Each is told with its own number, and the parent, whose request goes on, serves.
// valgrind: no, it tells of the faults itself
//
// events: service.crashed=5 request.started=3 request.completed=2
// event: service.crashed signal=SIGSEGV requests_in_flight=1 request_id
#include "crash.h"

#include <pthread.h>
#include <sys/syscall.h>

static __attribute__((noinline)) void fault(void)
{
    crash_zero = *crash_null;
}

static void serves(void)
{
    in_flight("/child");
    fault();
}

static pid_t raw(void)
{
    int status;
    pid_t pid = (pid_t)syscall(SYS_fork);

    CHECK(pid >= 0);
    if (pid == 0)
        fault();
    CHECK(waitpid(pid, &status, 0) == pid);
    say("raw: signal %d", WTERMSIG(status));
    return pid;
}

static void grandchild(void)
{
    pid_t pid = forked();
    int status;

    if (pid == 0)
        fault();
    CHECK(waitpid(pid, &status, 0) == pid);
    say("grandchild: signal %d", WTERMSIG(status));
    _exit(0);
}

static pid_t of_thread;

static void *forks(void *unused)
{
    of_thread = crash_child("of a thread", fault);
    return unused;
}

int main(void)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    char bytes[1024];
    pthread_t thread;
    pid_t pid[4];

    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    struct pair pair = in_flight("/parent");
    pid[0] = crash_child("serves", serves);
    pid[1] = crash_child("right after", fault);
    pid[2] = raw();
    crash_child("grandchild's parent", grandchild);
    CHECK(pthread_create(&thread, NULL, forks, NULL) == 0 && pthread_join(thread, NULL) == 0);
    reply(pair.server, ok);
    recv_response(pair.client, bytes, sizeof bytes, 2, "");
    exchange(&pair, "GET /still HTTP/1.1\r\nHost: test\r\n\r\n", plain_read, ok, plain_write);
    crash_told(pid[0], CRASH_COMPLETE, "\"function\": \"fault\"", "\"path\": \"/child\"", NULL);
    crash_told(pid[1], "\"function\": \"fault\"", "!stack_error", NULL);
    crash_told(pid[2], "\"function\": \"fault\"", "!stack_error", NULL);
    crash_told(of_thread, "\"function\": \"fault\"", "!stack_error", NULL);
    crash_untold(getpid());
    pair_close(&pair);
    return 0;
}
