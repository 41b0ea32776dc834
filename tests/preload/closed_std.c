// Started with 0, 1 and 2 closed: its listener, client and connection get these numbers, are served, and
// nothing but the responses goes into them. (H17)
//
// events: request.started=3 request.completed=3
#include "preload.h"

int main(int argc, char **argv)
{
    if (argc == 1) {
        CHECK(fcntl(1, F_DUPFD, 30) == 30);
        close(0);
        close(1);
        close(2);
        run_self("closed");
    }
    transcript = 30;
    CHECK(strcmp(argv[1], "closed") == 0);
    struct pair pair = tcp_pair();
    say("listener %d, client %d, connection %d", pair.listener, pair.client, pair.server);
    for (int i = 0; i < 3; i++) {
        exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
        sleep_ms(20);
    }
    CHECK(shutdown(pair.server, SHUT_WR) == 0);
    char byte;
    CHECK(recv(pair.client, &byte, 1, 0) == 0);
    pair_close(&pair);
    return 0;
}
