// A service built with AddressSanitizer, which has its own versions of the same calls. (H46)
// build: gcc
// cflags: -fsanitize=address -static-libasan
// valgrind: no, it is another such tool
//
// events: request.started=2 request.completed=2
#include "preload.h"

int main(void)
{
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++)
        exchange(&pair, "PUT /asan HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
