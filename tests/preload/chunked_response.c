// Chunked responses with extensions and trailers, written in pieces of many sizes. (framer's rules)
//
// events: request.started=16 request.completed=16 request.aborted=0
#include "preload.h"

static size_t limit;

static ssize_t some(int fd, void *bytes, size_t n)
{
    return write(fd, bytes, n < limit ? n : limit);
}

int main(void)
{
    const size_t limits[] = {1, 2, 3, 5, 8, 13, 64, 4096};
    struct pair pair = tcp_pair();
    for (size_t i = 0; i < COUNT(limits); i++) {
        limit = limits[i];
        exchange(&pair, "GET /c HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "5;x=y\r\nhello\r\n15\r\nHTTP/1.1 200 OK\r\n\r\nab\r\n0\r\nSum: 1\r\n\r\n",
                 some);
        exchange(&pair, "GET /d HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend", some);
    }
    pair_close(&pair);
    return 0;
}
