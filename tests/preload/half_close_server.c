// The service shuts its sending side down after the response and goes on reading until the client is done, as
// servers linger. shutdown ends a direction, not the connection. (H12)
//
// events: request.started=1 request.completed=1 request.aborted=0
#include "preload.h"

int main(void)
{
    char bytes[4096], id[ID_SIZE];
    struct pair pair = tcp_pair();
    send_text(pair.client, "POST /linger HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n01234");
    size_t len = read_head(pair.server, plain_read, bytes, sizeof bytes);
    len = check_request(bytes, len, id);
    reply(pair.server, "HTTP/1.1 400 Bad\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
    CHECK(shutdown(pair.server, SHUT_WR) == 0);
    size_t got = recv_to_end(pair.client, bytes + 2048, 2048);
    show("client", bytes + 2048, check_response(bytes + 2048, got, id));
    send_text(pair.client, "56789");
    CHECK(shutdown(pair.client, SHUT_WR) == 0);
    len += recv_to_end(pair.server, bytes + len, 2048 - len);
    show("service", bytes, len);
    pair_close(&pair);
    return 0;
}
