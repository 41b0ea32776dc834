// HEAD: the response has a length but no body; the next response follows at once. (H39)
//
// events: request.started=3 request.completed=3
// event: request.completed path=/h method=HEAD status_code=200
// event: request.completed path=/after status_code=200
#include "preload.h"

int main(void)
{
    struct pair pair = tcp_pair();
    exchange(&pair, "HEAD /h HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", plain_write);
    exchange(&pair, "HEAD /c HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", plain_write);
    exchange(&pair, "GET /after HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
