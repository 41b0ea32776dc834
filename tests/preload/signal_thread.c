// A process-directed signal goes to the service's own thread, none is swallowed by another thread: handlers
// run on main, sigwait works, SIGTERM ends the process. (H25)
//
// events: request.started=2 request.completed=2
#include "logged.h"

static volatile sig_atomic_t seen, elsewhere;

static void handler(int signal)
{
    (void)signal;
    seen++;
    if (gettid() != getpid())
        elsewhere++;
}

int main(void)
{
    pid_t pid = forked();
    if (pid != 0) {
        int status;
        CHECK(waitpid(pid, &status, 0) == pid);
        say("ended by signal %d", WTERMSIG(status));
        return 0;
    }
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++)
        exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    wait_logged("request.completed", 2);
    const struct sigaction action = {.sa_handler = handler};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    for (int i = 0; i < 100; i++)
        CHECK(kill(getpid(), SIGUSR1) == 0);
    say("handled %d, elsewhere %d", (int)seen, (int)elsewhere);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    CHECK(kill(getpid(), SIGUSR2) == 0);
    int got = 0;
    CHECK(sigwait(&set, &got) == 0 && got == SIGUSR2);
    kill(getpid(), SIGTERM);
    pause();
    return 1;
}
