// A service that goes through syscall() for everything: accept4, read, readv, recvfrom, recvmsg, write,
// writev, sendto, sendmsg, dup, close. Six arguments reach the kernel. (H45)
//
// events: request.started=4 request.completed=4
#include "preload.h"

#include <sys/mman.h>
#include <sys/syscall.h>

static int way;

static ssize_t reads(int fd, void *bytes, size_t n)
{
    struct iovec iov = {bytes, n};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    return way == 0   ? syscall(SYS_read, fd, bytes, n)
           : way == 1 ? syscall(SYS_readv, fd, &iov, 1)
           : way == 2 ? syscall(SYS_recvfrom, fd, bytes, n, 0, NULL, NULL)
                      : syscall(SYS_recvmsg, fd, &m, 0);
}

static ssize_t writes(int fd, void *bytes, size_t n)
{
    struct iovec iov = {bytes, n};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    return way == 0   ? syscall(SYS_write, fd, bytes, n)
           : way == 1 ? syscall(SYS_writev, fd, &iov, 1)
           : way == 2 ? syscall(SYS_sendto, fd, bytes, n, MSG_NOSIGNAL, NULL, 0)
                      : syscall(SYS_sendmsg, fd, &m, 0);
}

int main(void)
{
    struct pair pair;
    pair.listener = listener(AF_INET, &pair.address);
    for (way = 0; way < 4; way++) {
        pair.client = dial(&pair.address);
        pair.server = (int)syscall(SYS_accept4, pair.listener, NULL, NULL, SOCK_CLOEXEC);
        CHECK(pair.server >= 0);
        int copy = (int)syscall(SYS_dup, pair.server);
        CHECK(copy > pair.server);
        CHECK(syscall(SYS_close, pair.server) == 0);
        CHECK(syscall(SYS_close, pair.server) == -1 && errno == EBADF);
        pair.server = copy;
        exchange(&pair, "PUT /a HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", reads,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", writes);
        CHECK(syscall(SYS_close, pair.server) == 0);
        CHECK(recv_to_end(pair.client, &copy, sizeof copy) == 0);
        CHECK(close(pair.client) == 0);
    }
    char *page =
        (char *)syscall(SYS_mmap, NULL, 4096L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
    CHECK(page != MAP_FAILED && page[4095] == 0);
    CHECK(syscall(-1L) == -1 && errno == ENOSYS);
    CHECK(syscall(SYS_getpid) == getpid());
    return 0;
}
