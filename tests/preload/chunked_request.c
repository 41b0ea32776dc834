// Chunked requests with extensions and trailers, read in pieces of many sizes; what follows them is framed
// right. (framer's rules)
//
// events: request.started=24 request.completed=24
// event: request.completed path=/after status_code=200
#include "preload.h"

static size_t limit;

static ssize_t some(int fd, void *bytes, size_t n)
{
    return read(fd, bytes, n < limit ? n : limit);
}

int main(void)
{
    const size_t limits[] = {1, 2, 3, 5, 8, 13, 64, 4096};
    struct pair pair = tcp_pair();
    for (size_t i = 0; i < COUNT(limits); i++) {
        limit = limits[i];
        exchange(&pair,
                 "POST /c HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "5\r\nhello\r\n1A;name=value;q=\"x\"\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
                 some, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", plain_write);
        exchange(&pair,
                 "POST /t HTTP/1.1\r\ntransfer-encoding:  chunked\r\nTrailer: Sum\r\n\r\n"
                 "00a\r\n0\r\n\r\nGET /\r\n0;last\r\nSum: 1\r\nX-Other: 2\r\n\r\n",
                 some, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", plain_write);
        exchange(&pair, "GET /after HTTP/1.1\r\nHost: test\r\n\r\n", some,
                 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", plain_write);
    }
    pair_close(&pair);
    return 0;
}
