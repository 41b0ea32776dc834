// The service reads byte by byte: one byte of the insertion at a time, never 0, never EAGAIN. (H34)
//
// events: request.started=2 request.completed=2
#include "preload.h"

static ssize_t one(int fd, void *bytes, size_t n)
{
    (void)n;
    return read(fd, bytes, 1);
}

int main(void)
{
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++)
        exchange(&pair, "PUT /a HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", one,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
