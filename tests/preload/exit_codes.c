// Every way a service ends keeps its exit code or signal, and the event of the request that it has just
// answered is written, by itself or by the next start: return, exit, _exit, _Exit, quick_exit, pthread_exit,
// abort, signals. (H30, "Nothing completed is lost")
// valgrind: no, aborts are meant
//
// events: request.started=11 request.completed=11 request.aborted=0
// event: service.stopped exit_code=3
#include "preload.h"

#include <pthread.h>
#include <sys/resource.h>

static void *ends_process(void *unused)
{
    (void)unused;
    exit(9);
}

static int end(int way)
{
    pthread_t thread;
    switch (way) {
    case 0:
        return 2;
    case 1:
        exit(3);
    case 2:
        _exit(4);
    case 3:
        _Exit(5);
    case 4:
        quick_exit(6);
    case 5:
        pthread_exit(NULL);
    case 6:
        abort();
    case 7:
        raise(SIGTERM);
        break;
    case 8:
        raise(SIGKILL);
        break;
    case 9:
        pthread_create(&thread, NULL, ends_process, NULL);
        pause();
        break;
    default:
        exit(255);
    }
    return 1;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        struct pair pair = tcp_pair();
        exchange(&pair, "GET /end HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
        return end(atoi(argv[1]));
    }
    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    for (int way = 0; way <= 10; way++) {
        char number[10];
        sprintf(number, "%d", way);
        int status;
        pid_t pid = forked_self(number);
        uint64_t began = now_ms();
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(now_ms() - began < 2000);
        say("way %d: %s %d", way, WIFEXITED(status) ? "code" : "signal",
            WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
    return 0;
}
