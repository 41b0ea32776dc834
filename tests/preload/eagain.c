// A nonblocking reader gets EAGAIN exactly when nothing is there, never 0, also between the pieces of a head;
// a nonblocking writer's calls after it take all. (H33, H34)
//
// events: request.started=1 request.completed=1
#include "preload.h"

int main(void)
{
    static const char request[] = "GET /n HTTP/1.1\r\nHost: test\r\n\r\n";
    char bytes[1024], id[ID_SIZE];
    struct pair pair = tcp_pair();
    CHECK(fcntl(pair.server, F_SETFL, O_NONBLOCK) == 0);
    size_t len = 0;
    for (size_t i = 0; i < strlen(request); i++) {
        errno = 0;
        CHECK(read(pair.server, bytes + len, 200) == -1 && errno == EAGAIN);
        CHECK(recv(pair.server, bytes + len, 1, 0) == -1 && errno == EAGAIN);
        send_all(pair.client, request + i, 1);
        ssize_t k;
        while ((k = read(pair.server, bytes + len, 200)) == -1) /* the loopback may take a moment */
            CHECK(errno == EAGAIN);
        CHECK(k >= 1);
        len += (size_t)k;
    }
    CHECK(read(pair.server, bytes + len, 200) == -1 && errno == EAGAIN);
    show("service", bytes, check_request(bytes, len, id));
    reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, id));
    CHECK(shutdown(pair.client, SHUT_WR) == 0);
    while ((len = (size_t)read(pair.server, bytes, 100)) == (size_t)-1)
        CHECK(errno == EAGAIN);
    CHECK(len == 0);
    pair_close(&pair);
    return 0;
}
