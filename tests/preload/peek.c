// MSG_PEEK and the next read agree, byte for byte, for peeks of many lengths at many places of the head; a
// peek moves nothing. (H35)
//
// events: request.started=10 request.completed=10
#include "preload.h"

static size_t peeked;

static ssize_t peek_then_read(int fd, void *bytes, size_t n)
{
    char twice[2][4096];
    size_t len = n < peeked ? n : peeked;
    struct iovec iov = {.iov_base = twice[1], .iov_len = len};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t first = recv(fd, twice[0], len, MSG_PEEK);
    ssize_t second = recvmsg(fd, &m, MSG_PEEK);
    CHECK(first > 0 && first == second && memcmp(twice[0], twice[1], (size_t)first) == 0);
    ssize_t k = read(fd, bytes, len);
    CHECK(k == first && memcmp(twice[0], bytes, (size_t)k) == 0);
    return k;
}

int main(void)
{
    const size_t lengths[] = {1, 3, 20, 40, 60, 75, 80, 100, 600, 4096};
    struct pair pair = tcp_pair();
    for (size_t i = 0; i < COUNT(lengths); i++) {
        peeked = lengths[i];
        exchange(&pair, "PUT /a HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", peek_then_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    }
    pair_close(&pair);
    return 0;
}
