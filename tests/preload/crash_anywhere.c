// A handler of the service's faults, wherever it has interrupted it while that serves: within the shim's own calls too. It dies as bare,
// without delay, and is told of once.
// valgrind: no, it tells of the faults itself
//
// events: service.crashed=60
// event: service.crashed signal=SIGSEGV signal_code=SEGV_MAPERR stack_id
// not-event: service.crashed reason
#include "crash.h"

#include <sys/time.h>

static void faults(int number)
{
    crash_zero = crash_null[number];
}

static void serve_until(unsigned us)
{
    struct itimerval once = {{0, 0}, {0, (int)us}};
    struct pair pair = tcp_pair();
    static const char ask[] = "GET /anywhere HTTP/1.1\r\nHost: test\r\n\r\n",
                      ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    char bytes[1000];

    signal(SIGALRM, faults);
    CHECK(setitimer(ITIMER_REAL, &once, NULL) == 0);
    for (;;) {
        send_text(pair.client, ask);
        read_head(pair.server, plain_read, bytes, sizeof bytes);
        reply(pair.server, ok);
        CHECK(recv(pair.client, bytes, sizeof bytes, 0) > 0);
    }
}

int main(void)
{
    for (unsigned i = 0; i < 60; i++) {
        int status;
        pid_t pid = forked();
        uint64_t began = now_ms();

        if (pid == 0) {
            CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
            serve_until(2000 + i * 97);
        }
        CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
        CHECK(now_ms() - began < 1000);
        crash_told(pid, "\"function\": \"faults\"", "\"address\": \"0xe\"", NULL);
    }
    say("done");
    return 0;
}
