// Every new descriptor gets the lowest free number, before the first request, between requests and after, as
// services rely on; close(0) then open gives 0. (H17, H18)
// valgrind: no, it keeps descriptors among the service's own
//
// events: request.started=2 request.completed=2
#include "preload.h"

static void numbers(const char *when)
{
    int ends[2], client;
    CHECK(pipe(ends) == 0);
    struct address address;
    int listening = listener(AF_INET, &address);
    client = dial(&address);
    int conn = accept(listening, NULL, NULL);
    int file = open("/dev/null", O_RDONLY), copy = dup(file);
    close(0);
    int zero = open("/dev/null", O_RDONLY);
    say("%s: pipe %d %d, listener %d, client %d, connection %d, file %d, copy %d, after close(0) %d", when,
        ends[0], ends[1], listening, client, conn, file, copy, zero);
    for (int fd = ends[0]; fd <= copy; fd++)
        CHECK(close(fd) == 0);
}

int main(void)
{
    numbers("at the start");
    struct pair pair = tcp_pair();
    numbers("with a connection");
    for (int i = 0; i < 2; i++) {
        exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
        sleep_ms(20); /* what a writer opens, it opens after the first request */
        numbers("after a request");
    }
    pair_close(&pair);
    numbers("at the end");
    return 0;
}
