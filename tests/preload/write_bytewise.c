// The service writes its response byte by byte; every write takes its byte. (H33)
//
// events: request.started=2 request.completed=2
#include "preload.h"

static ssize_t one(int fd, void *bytes, size_t n)
{
    (void)n;
    ssize_t k = write(fd, bytes, 1);
    CHECK(k == 1);
    return k;
}

int main(void)
{
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++)
        exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 2\r\n\r\nok", one);
    pair_close(&pair);
    return 0;
}
