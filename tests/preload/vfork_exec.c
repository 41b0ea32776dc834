// vfork, then close, dup2 and exec in the child, in the middle of a request: the parent's connections are as
// they were, because the child's calls happened in the parent's memory but on its own descriptors. (H21)
//
// events: request.started=3 request.completed=3 request.aborted=0
#include "preload.h"

static ssize_t vforks_between(int fd, void *bytes, size_t n)
{
    ssize_t k = read(fd, bytes, n < 12 ? n : 12);
    pid_t pid = vfork();
    CHECK(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, fd);
        close(fd);
        dup2(null, 5);
        closefrom(3);
        execl("/bin/sh", "sh", "-c", "exit 7", NULL);
        _exit(1);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
    return k;
}

int main(void)
{
    struct pair pair = tcp_pair();
    for (int i = 0; i < 3; i++)
        exchange(&pair, "PUT /v HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", vforks_between,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
