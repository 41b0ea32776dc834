// SO_RCVLOWAT: below the mark the socket is not readable, at it it is, and one read gives all. (law 3)
//
// events: request.started=1 request.completed=1
#include "preload.h"

int main(void)
{
    char bytes[1024], id[ID_SIZE];
    struct pair pair = tcp_pair();
    struct pollfd p = {.fd = pair.server, .events = POLLIN};
    CHECK(setsockopt(pair.server, SOL_SOCKET, SO_RCVLOWAT, &(int){30}, sizeof(int)) == 0);
    send_text(pair.client, "GET /low HTTP/1.1\r\n");
    CHECK(poll(&p, 1, 20) == 0);
    send_text(pair.client, "Host: test\r\n\r\n");
    CHECK(poll(&p, 1, 5000) == 1 && p.revents == POLLIN);
    ssize_t k = read(pair.server, bytes, sizeof bytes);
    CHECK(k >= 33);
    CHECK(poll(&p, 1, 0) == 0);
    show("service", bytes, check_request(bytes, (size_t)k, id));
    reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, id));
    pair_close(&pair);
    return 0;
}
