// A service compiled with _FORTIFY_SOURCE=2 is served like any, and its overflow still aborts with glibc's
// message. (H5)
// build: gcc
// cflags: -O2 -D_FORTIFY_SOURCE=2
// valgrind: no, the abort is meant
//
// events: request.started=2 request.completed=2
#include "preload.h"

#include <sys/resource.h>

static ssize_t (*volatile reading)(int fd, size_t n);
static char buffer[600];

static __attribute__((noinline)) ssize_t by_read(int fd, size_t n)
{
    return read(fd, buffer, n);
}

static __attribute__((noinline)) ssize_t by_recv(int fd, size_t n)
{
    return recv(fd, buffer, n, 0);
}

int main(void)
{
    struct pair pair = tcp_pair();
    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    for (int i = 0; i < 2; i++) {
        reading = i ? by_recv : by_read;
        char text[600], id[ID_SIZE];
        send_text(pair.client, "GET /fort HTTP/1.1\r\nHost: test\r\n\r\n");
        ssize_t k = reading(pair.server, sizeof buffer);
        CHECK(k > 0);
        show("service", buffer, check_request(buffer, (size_t)k, id));
        reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        show("client", text, recv_response(pair.client, text, sizeof text, 2, id));
        pid_t pid = forked();
        if (pid == 0) {
            reading(pair.server, sizeof buffer + 1);
            _exit(0);
        }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid);
        say("overflow: signal %d", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
    pair_close(&pair);
    return 0;
}
