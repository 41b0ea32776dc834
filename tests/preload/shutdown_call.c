// shutdown of either direction and of both: what reads and writes give afterwards is as bare; a connection
// keeps its state until close. (H12)
//
// events: request.started=2 request.completed=2
#include "preload.h"

int main(void)
{
    char byte;
    signal(SIGPIPE, SIG_IGN);
    struct pair pair = tcp_pair();
    exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    CHECK(shutdown(pair.server, 7) == -1 && errno == EINVAL);
    CHECK(shutdown(pair.server, SHUT_RD) == 0);
    CHECK(read(pair.server, &byte, 1) == 0);
    CHECK(write(pair.server, "x", 1) == 1);
    recv_all(pair.client, &byte, 1);
    CHECK(shutdown(pair.server, SHUT_WR) == 0);
    CHECK(write(pair.server, "x", 1) == -1 && errno == EPIPE);
    CHECK(recv(pair.client, &byte, 1, 0) == 0);
    pair_close(&pair);

    pair = tcp_pair();
    exchange(&pair, "GET /b HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    CHECK(shutdown(pair.server, SHUT_RDWR) == 0);
    CHECK(read(pair.server, &byte, 1) == 0);
    CHECK(shutdown(pair.client, SHUT_RDWR) == 0 || errno == ENOTCONN);
    pair_close(&pair);
    CHECK(shutdown(0, SHUT_RD) == -1 && errno == ENOTSOCK);
    CHECK(shutdown(pair.server, SHUT_RD) == -1 && errno == EBADF);
    return 0;
}
