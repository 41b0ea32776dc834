// 204 and 304 have no body, whatever their head says of a length. (framer's rules)
//
// events: request.started=4 request.completed=4
// event: request.completed status_code=304 path=/same
#include "preload.h"

int main(void)
{
    struct pair pair = tcp_pair();
    exchange(&pair, "GET /none HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 204 No Content\r\nServer: s\r\n\r\n", plain_write);
    exchange(&pair, "GET /same HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n", plain_write);
    exchange(&pair, "GET /noreason HTTP/1.1\r\nHost: test\r\n\r\n", plain_read, "HTTP/1.1 304 \r\n\r\n",
             plain_write);
    exchange(&pair, "GET /after HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
