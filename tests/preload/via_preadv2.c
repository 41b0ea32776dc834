// preadv2 and pwritev2 at offset -1, with RWF_NOWAIT; at another offset they fail on a socket as bare. (H14)
//
// events: request.started=2 request.completed=2
#include "preload.h"

static int flags;

static ssize_t by_preadv2(int fd, void *bytes, size_t n)
{
    struct iovec iov[2] = {{bytes, 5}, {(char *)bytes + 5, n - 5}};
    return preadv2(fd, iov, 2, -1, flags);
}

static ssize_t by_pwritev2(int fd, void *bytes, size_t n)
{
    struct iovec iov[2] = {{bytes, n / 2}, {(char *)bytes + n / 2, n - n / 2}};
    return pwritev2(fd, iov, 2, -1, 0);
}

int main(void)
{
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++) {
        flags = i ? RWF_NOWAIT : 0;
        exchange(&pair, "PUT /a HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", by_preadv2,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", by_pwritev2);
    }
    char byte[1] = {0};
    struct iovec iov = {byte, 1};
    CHECK(preadv2(pair.server, &iov, 1, 0, 0) == -1);
    say("preadv2 at 0: errno %d", errno);
    CHECK(pwritev2(pair.server, &iov, 1, 0, 0) == -1);
    say("pwritev2 at 0: errno %d", errno);
    CHECK(preadv2(pair.server, &iov, 1, -1, RWF_NOWAIT) == -1);
    say("nothing there: errno %d", errno);
    CHECK(preadv2(pair.server, &iov, 1, -1, 0x4000) == -1);
    say("unknown flag: errno %d", errno);
    CHECK(pread(pair.server, byte, 1, 0) == -1 && errno == ESPIPE);
    CHECK(pwrite(pair.server, byte, 1, 0) == -1 && errno == ESPIPE);
    pair_close(&pair);
    return 0;
}
