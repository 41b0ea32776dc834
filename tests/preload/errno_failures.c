// Calls that fail return -1 with the errno that they have bare, on connections in all states and on what is
// no connection. (law 1)
// valgrind: no, bad arguments are meant
#include "preload.h"

#include <sys/sendfile.h>
#include <sys/syscall.h>

#define TELL(call)                                                                                                \
    do {                                                                                                          \
        errno = 0;                                                                                                \
        long result = (long)(call);                                                                               \
        say("%s: %ld, errno %d", #call, result < 0 ? -1L : result, result < 0 ? errno : 0);                       \
    } while (0)

static void all(int fd)
{
    static char bytes[100];
    static volatile size_t huge = SIZE_MAX;
    struct iovec iov = {bytes, 10}, bad = {bytes, huge};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    struct mmsghdr mm = {.msg_hdr = m};
    int n;
    off_t offset = 0;
    TELL(read(fd, bytes, 10));
    TELL(readv(fd, &iov, 1));
    TELL(readv(fd, &bad, 1));
    TELL(recv(fd, bytes, 10, 0));
    TELL(recvfrom(fd, bytes, 10, 0, NULL, NULL));
    TELL(recvmsg(fd, &m, 0));
    TELL(recvmmsg(fd, &mm, 1, 0, NULL));
    TELL(recv(fd, bytes, 10, MSG_PEEK));
    TELL(recv(fd, bytes, 10, MSG_ERRQUEUE));
    TELL(write(fd, bytes, 10));
    TELL(writev(fd, &iov, 1));
    TELL(writev(fd, &bad, 1));
    TELL(send(fd, bytes, 10, MSG_NOSIGNAL));
    TELL(sendto(fd, bytes, 10, MSG_NOSIGNAL, NULL, 0));
    TELL(sendmsg(fd, &m, MSG_NOSIGNAL));
    TELL(sendmmsg(fd, &mm, 1, MSG_NOSIGNAL));
    TELL(sendfile(fd, fd, &offset, 10));
    TELL(splice(fd, NULL, fd, NULL, 10, 0));
    TELL(preadv2(fd, &iov, 1, -1, 0));
    TELL(pwritev2(fd, &iov, 1, -1, 0));
    TELL(syscall(SYS_read, fd, bytes, 10));
    TELL(syscall(SYS_write, fd, bytes, 10));
    TELL(ioctl(fd, FIONREAD, &n));
    TELL(shutdown(fd, SHUT_WR));
    TELL(accept(fd, NULL, NULL));
    TELL(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "none", 5));
    TELL(dup3(fd, fd, 0));
    TELL(fcntl(fd, 9999));
    TELL(fcntl(fd, F_DUPFD, -1));
    TELL(fdopen(fd, "nonsense") ? 0 : -1);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    say("-1");
    all(-1);
    say("closed");
    all(100);
    say("beyond any table");
    all(0x7fffffff);
    struct pair pair = tcp_pair();
    CHECK(fcntl(pair.listener, F_SETFL, O_NONBLOCK) == 0 && fcntl(pair.server, F_SETFL, O_NONBLOCK) == 0);
    say("listener");
    all(pair.listener);
    say("connection, empty");
    all(pair.server);
    pair_close(&pair);

    pair = tcp_pair();
    exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    CHECK(setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)) == 0);
    CHECK(close(pair.client) == 0); /* a reset */
    say("connection, reset");
    all(pair.server);
    close(pair.server);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    say("not connected");
    all(fd);
    close(fd);
    fd = open("/dev/null", O_RDWR);
    say("file");
    all(fd);
    close(fd);
    struct pair local = unix_pair();
    errno = 0;
    CHECK(sendto(local.server, "x", 1, 0, (struct sockaddr *)&local.address.sa, local.address.len) == -1);
    say("sendto with an address: errno %d", errno);
    return 0;
}
