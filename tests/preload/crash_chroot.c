// A service in an empty directory that is its root crashes: its frames are made out by octoshim-stack outside, which goes when the
// service has gone. Also in a child that it has made there, in one that has given up its privileges, and where a thread has been before.
// valgrind: no, it tells of the fault itself
//
// exit: -11
// events: service.crashed=3 request.started=1
// event: service.crashed signal=SIGSEGV signal_code=SEGV_MAPERR address=0x0 requests_in_flight=1 request_id stack stack_id
// not-event: service.crashed stack_error
#include "crash.h"

#include <grp.h>

__attribute__((noinline)) static char deep(void)
{
    char c = *crash_null;
    __asm__ volatile("" ::: "memory");
    return c;
}

static void child_crashes(bool as_nobody)
{
    pid_t pid = forked();
    int status;

    if (pid == 0) {
        if (as_nobody)
            CHECK(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
        exit(deep());
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int main(void)
{
    if (geteuid() != 0)
        skip("needs root");
    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    in_flight("/jailed");
    int next = dup(0);
    CHECK(close(next) == 0 && mkdir("jail", 0755) == 0 && chroot("jail") == 0 && chdir("/") == 0);
    CHECK(dup(0) == next && waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
    child_crashes(false);
    child_crashes(true);
    return deep();
}
