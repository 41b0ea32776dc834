// MSG_WAITALL for more than will come returns what there is when the client has ended its side. (H34)
//
// events: request.started=1 request.completed=1
#include "preload.h"

int main(void)
{
    char bytes[4096], id[ID_SIZE];
    struct pair pair = tcp_pair();
    send_text(pair.client, "GET /w HTTP/1.1\r\nHost: test\r\n\r\n");
    CHECK(shutdown(pair.client, SHUT_WR) == 0);
    ssize_t k = recv(pair.server, bytes, sizeof bytes, MSG_WAITALL);
    CHECK(k > 0);
    show("service", bytes, check_request(bytes, (size_t)k, id));
    CHECK(recv(pair.server, bytes, sizeof bytes, MSG_WAITALL) == 0);
    reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, id));
    pair_close(&pair);
    return 0;
}
