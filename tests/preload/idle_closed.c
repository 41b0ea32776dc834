// A keep-alive connection that is closed idle, by either side, aborts nothing; so does one that never sent a
// byte.
//
// events: request.started=2 request.completed=2 request.aborted=0
#include "preload.h"

int main(void)
{
    char byte;
    struct pair pair = tcp_pair();
    exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    close(pair.client);
    CHECK(read(pair.server, &byte, 1) == 0 && close(pair.server) == 0);
    pair = tcp_pair();
    exchange(&pair, "GET /b HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    CHECK(close(pair.server) == 0 && read(pair.client, &byte, 1) == 0);
    pair = tcp_pair();
    CHECK(close(pair.client) == 0 && read(pair.server, &byte, 1) == 0 && close(pair.server) == 0);
    pair = tcp_pair();
    CHECK(setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)) == 0);
    CHECK(close(pair.client) == 0);
    say("reset: read %zd", read(pair.server, &byte, 1));
    return 0;
}
