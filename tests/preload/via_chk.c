// The fortified twins __read_chk, __recv_chk and __recvfrom_chk. (H5)
//
// events: request.started=3 request.completed=3
#include "preload.h"

ssize_t __read_chk(int fd, void *buf, size_t n, size_t size);
ssize_t __recv_chk(int fd, void *buf, size_t n, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t size, int flags, struct sockaddr *from, socklen_t *len);

static ssize_t by_read(int fd, void *bytes, size_t n)
{
    return __read_chk(fd, bytes, n, n);
}

static ssize_t by_recv(int fd, void *bytes, size_t n)
{
    return __recv_chk(fd, bytes, n, n + 5, 0);
}

static ssize_t by_recvfrom(int fd, void *bytes, size_t n)
{
    return __recvfrom_chk(fd, bytes, n, n, 0, NULL, NULL);
}

int main(void)
{
    const mover readers[] = {by_read, by_recv, by_recvfrom};
    struct pair pair = tcp_pair();
    for (size_t i = 0; i < COUNT(readers); i++)
        exchange(&pair, "PUT /a HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", readers[i],
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
