// Three requests on one connection, one after the other: each has an ID of its own. (H39)
//
// events: request.started=3 request.completed=3 request.aborted=0
// event: request.completed status_code=200 path=/a method=GET host=test client=127.0.0.1
// event: request.completed status_code=404 path=/b
// event: request.completed status_code=500 path=/c level=error
#include "preload.h"

int main(void)
{
    struct pair pair = tcp_pair();
    exchange(&pair, "GET /a?secret=1 HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    exchange(&pair, "POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", plain_read,
             "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", plain_write);
    exchange(&pair, "DELETE /c HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 500 Sorry\r\nContent-Length: 1\r\n\r\n!", plain_write);
    pair_close(&pair);
    return 0;
}
