// What shares the service's memory and is another process crashes: the child of a vfork, and of a clone of its kind. The service is not
// harmed, nothing is told of it; and when it crashes itself, that is told as ever. A program that is started has its own event.
// valgrind: no, it tells of the faults itself
//
// exit: -11
// events: service.crashed=2 request.started=3 request.completed=1
// event: service.crashed signal=SIGSEGV requests_in_flight=1 stack_id
// event: service.crashed signal=SIGABRT requests_in_flight=1 stack_id
#include "crash.h"

#include <sched.h>
#include <spawn.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

extern char **environ;

static __attribute__((noinline)) void fault(void)
{
    crash_zero = *crash_null;
}

static int cloned(void *unused)
{
    fault();
    return unused != NULL;
}

static void ended(const char *label, pid_t pid)
{
    int status;

    CHECK(waitpid(pid, &status, 0) == pid);
    say("%s: signal %d", label, WTERMSIG(status));
}

int main(int argc, char **argv)
{
    static char stack[64 << 10] __attribute__((aligned(64)));
    char *const arguments[] = {argv[0], (char *)"started", NULL};
    pid_t pid;

    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    if (argc > 1) {
        in_flight("/started");
        abort();
    }
    struct pair pair = in_flight("/service"), other = tcp_pair();
    pid = vfork();
    if (pid == 0)
        fault();
    ended("vfork", pid);
    crash_read_back("as before", SIGSEGV);
    pid = clone(cloned, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
    ended("clone", pid);
    pid = clone(cloned, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
    ended("clone that does not wait", pid);
    CHECK(posix_spawn(&pid, own_path(), NULL, NULL, arguments, environ) == 0);
    ended("started", pid);
    crash_told(pid, CRASH_COMPLETE, "\"signal\": \"SIGABRT\"", "\"path\": \"/started\"", NULL);
    crash_untold(getpid());
    exchange(&other, "GET /still HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    fault();
    pair_close(&pair);
    return 0;
}
