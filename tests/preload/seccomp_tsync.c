// A service that has served puts a killing filter on all of its threads with seccomp(TSYNC): no thread of
// ours may break it, or be in the way of it. (H42)
// valgrind: no, it cannot live under a filter
//
// events: request.completed=1+
#include "seccomp.h"

int main(void)
{
    struct address address;
    int listening = listener(AF_INET, &address);
    pid_t pid = forked();
    if (pid == 0) {
        struct sock_filter program[COUNT(SERVICE_CALLS) + 3];
        struct sock_fprog filter =
            filter_of(program, SERVICE_CALLS, COUNT(SERVICE_CALLS), SECCOMP_RET_KILL_PROCESS);
        int conn = accept(listening, NULL, NULL);
        CHECK(serve_next(conn));
        sleep_ms(20);
        CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        ids_optional();
        CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0);
        serve(conn);
        serve(accept(listening, NULL, NULL));
        _exit(0);
    }
    CHECK(close(listening) == 0); /* so that nobody waits for a service that was killed */
    int client = dial(&address);
    get_said(client, "/free");
    ids_optional();
    get_said(client, "/confined");
    get_said(client, "/confined");
    close(client);
    get_once(&address, "/confined");
    wait_ok(pid);
    return 0;
}
