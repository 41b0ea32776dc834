// readv with up to 1024 iovecs of one byte; with 1025 it is EINVAL and nothing is lost. (H14)
//
// events: request.started=2 request.completed=2
#include "preload.h"

static volatile int too_many = 1025, negative = -1;

static ssize_t single_bytes(int fd, void *bytes, size_t n)
{
    struct iovec iov[1025];
    int count = n < 1024 ? (int)n : 1024;
    for (int i = 0; i < 1025; i++)
        iov[i] = (struct iovec){.iov_base = (char *)bytes + i, .iov_len = 1};
    CHECK(readv(fd, iov, too_many) == -1 && errno == EINVAL);
    CHECK(readv(fd, iov, negative) == -1 && errno == EINVAL);
    CHECK(readv(fd, iov, 0) == 0);
    return readv(fd, iov, count);
}

int main(void)
{
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++)
        exchange(&pair, "PUT /a HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", single_bytes,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
