// Head with MSG_MORE, body without, as HAProxy sends; and under TCP_CORK. Flags are kept, nothing is held
// back. (H33, H1G)
//
// events: request.started=3 request.completed=3
#include "preload.h"

static ssize_t more(int fd, void *bytes, size_t n)
{
    size_t head = head_length(bytes, n);
    if (head && head < n)
        return send(fd, bytes, head, MSG_MORE | MSG_NOSIGNAL | MSG_DONTWAIT);
    return send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t corked(int fd, void *bytes, size_t n)
{
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_CORK, &(int){1}, sizeof(int)) == 0);
    ssize_t k = write(fd, bytes, n < 10 ? n : 10);
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_CORK, &(int){0}, sizeof(int)) == 0);
    return k;
}

int main(void)
{
    static const char request[] = "GET /m HTTP/1.1\r\nHost: test\r\n\r\n";
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    struct pair pair = tcp_pair();
    exchange(&pair, request, plain_read, response, more);
    exchange(&pair, request, plain_read, response, corked);
    exchange(&pair, request, plain_read, response, more);
    pair_close(&pair);
    return 0;
}
