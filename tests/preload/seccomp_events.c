// A service that confines itself after its writer has gone to sleep may not wake it; its events are written all the
// same, while it lives. (H42)
// valgrind: no, it cannot live under a filter
//
// events: request.started=3 request.completed=3
#include "seccomp.h"

static const int CALLS[] = {SYS_read, SYS_write, SYS_close, SYS_exit_group, SYS_rt_sigreturn, SYS_clock_nanosleep};

/* How many completed requests the log tells of now. */
static int completed(void)
{
    char line[8192];
    FILE *log = getenv("OCTOSHIM_LOG") ? fopen(getenv("OCTOSHIM_LOG"), "r") : NULL;
    int n = 0;

    while (log && fgets(line, sizeof line, log))
        n += strstr(line, "request.completed") != NULL;
    if (log)
        fclose(log);
    return n;
}

int main(void)
{
    struct address address;
    int listening = listener(AF_INET, &address);
    pid_t pid = forked();
    if (pid == 0) {
        struct sock_filter program[COUNT(CALLS) + 3];
        struct sock_fprog filter = filter_of(program, CALLS, COUNT(CALLS), SECCOMP_RET_KILL_PROCESS);
        int conn = accept(listening, NULL, NULL);
        CHECK(serve_next(conn));
        sleep_ms(300); /* the writer has written that, and sleeps until it is woken */
        CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
        ids_optional();
        CHECK(serve_next(conn));
        sleep_ms(50);
        CHECK(serve_next(conn));
        sleep_ms(400);
        _exit(0);
    }
    int client = dial(&address);
    get_said(client, "/free");
    sleep_ms(350);
    ids_optional();
    get_said(client, "/confined");
    get_said(client, "/confined");
    sleep_ms(250);
    CHECK(!shimmed() || completed() == 3); /* and not only when the service ends */
    wait_ok(pid);
    close(client);
    return 0;
}
