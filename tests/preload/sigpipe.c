// Writing a response to a connection that is gone: SIGPIPE kills by default, EPIPE or ECONNRESET when
// ignored, MSG_NOSIGNAL sends none; in the middle of the head, where the insertion goes with it. (H33) What the one that
// is killed has sent nobody knows for certain, and its event says that.
//
// events: request.started=7 request.completed=1 request.aborted=6
// event: request.completed killed
#include "preload.h"

static const char RESPONSE[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
static volatile sig_atomic_t pipes;

static void count(int signal)
{
    (void)signal;
    pipes++;
}

/* The service's end of a connection that the client has reset after its request. */
static int gone(void)
{
    char bytes[1024];
    struct pair pair = tcp_pair();
    send_text(pair.client, "GET /gone HTTP/1.1\r\nHost: test\r\n\r\n");
    read_head(pair.server, plain_read, bytes, sizeof bytes);
    CHECK(shutdown(pair.server, SHUT_WR) == 0); /* so that the first write meets a closed direction */
    close(pair.client);
    close(pair.listener);
    return pair.server;
}

static ssize_t by(int way, int fd)
{
    struct iovec iov = {(void *)(uintptr_t)RESPONSE, strlen(RESPONSE)};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    return way == 0   ? write(fd, RESPONSE, strlen(RESPONSE))
           : way == 1 ? writev(fd, &iov, 1)
           : way == 2 ? send(fd, RESPONSE, strlen(RESPONSE), 0)
           : way == 3 ? sendmsg(fd, &m, 0)
           : way == 4 ? send(fd, RESPONSE, strlen(RESPONSE), MSG_NOSIGNAL)
                      : sendmsg(fd, &m, MSG_NOSIGNAL);
}

int main(void)
{
    pid_t pid = forked();
    if (pid == 0) {
        by(0, gone());
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    say("default: signal %d", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
    signal(SIGPIPE, count);
    for (int way = 0; way < 6; way++) {
        int fd = gone();
        pipes = 0;
        CHECK(by(way, fd) == -1);
        say("way %d: errno %d, signals %d", way, errno, (int)pipes);
        CHECK(close(fd) == 0);
    }
    return 0;
}
