// A response that carries an ID already is left alone, whatever the case of its name. (contract, "Request
// ID")
//
// events: request.started=3 request.completed=3
#include "preload.h"

int main(void)
{
    struct pair pair = tcp_pair();
    exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nX-Request-ID: mine\r\nContent-Length: 2\r\n\r\nok", plain_write);
    exchange(&pair, "GET /b HTTP/1.1\r\nHost: test\r\nX-Request-Id: theirs\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-request-id: other\r\n\r\nok", plain_write);
    exchange(&pair, "GET /c HTTP/1.1\r\nhost: test\r\nx-request-id: same\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-request-id: same\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
