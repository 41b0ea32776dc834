// glibc's public aliases: __read, __write, __send, __close, __dup2, __fcntl. (H5)
//
// events: request.started=2 request.completed=2
#include "preload.h"

ssize_t __read(int fd, void *bytes, size_t n);
ssize_t __write(int fd, const void *bytes, size_t n);
ssize_t __send(int fd, const void *bytes, size_t n, int flags);
int __close(int fd);
int __dup2(int fd, int to);
int __fcntl(int fd, int command, ...);

static ssize_t reads(int fd, void *bytes, size_t n)
{
    return __read(fd, bytes, n);
}

static ssize_t writes(int fd, void *bytes, size_t n)
{
    return __write(fd, bytes, n);
}

static ssize_t sends(int fd, void *bytes, size_t n)
{
    return __send(fd, bytes, n, MSG_NOSIGNAL);
}

int main(void)
{
    struct pair pair = tcp_pair();
    exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", reads,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", writes);
    int copy = __fcntl(pair.server, F_DUPFD, 50);
    CHECK(copy == 50 && __dup2(copy, 60) == 60 && __close(50) == 0 && __close(pair.server) == 0);
    pair.server = 60;
    exchange(&pair, "GET /b HTTP/1.1\r\nHost: test\r\n\r\n", reads,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", sends);
    CHECK(__close(60) == 0 && __close(60) == -1 && errno == EBADF);
    return 0;
}
