// readv into buffers of 1, 0, 7, 30 bytes and the rest. (H14, H34)
//
// events: request.started=2 request.completed=2
#include "preload.h"

static ssize_t scattered(int fd, void *bytes, size_t n)
{
    const size_t sizes[] = {1, 0, 7, 30, 1 << 20};
    struct iovec iov[COUNT(sizes)];
    char *at = bytes;
    size_t left = n;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        size_t len = sizes[i] < left ? sizes[i] : left;
        iov[i] = (struct iovec){.iov_base = at, .iov_len = len};
        at += len;
        left -= len;
    }
    return readv(fd, iov, COUNT(sizes));
}

int main(void)
{
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++)
        exchange(&pair, "PUT /a HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", scattered,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
