// A service that peeks at the first bytes to tell TLS from HTTP, then reads. (H35)
//
// events: request.started=1 request.completed=1
#include "preload.h"

int main(void)
{
    struct pair pair = tcp_pair();
    char first[8];
    send_text(pair.client, "GET ");
    CHECK(recv(pair.server, first, 1, MSG_PEEK) == 1 && first[0] == 'G');
    CHECK(recv(pair.server, first, sizeof first, MSG_PEEK) == 4 && memcmp(first, "GET ", 4) == 0);
    CHECK(recv(pair.server, first, sizeof first, MSG_PEEK | MSG_DONTWAIT) == 4);
    char bytes[1024], id[ID_SIZE];
    send_text(pair.client, "/ HTTP/1.1\r\nHost: test\r\n\r\n");
    CHECK(recv(pair.server, first, sizeof first, MSG_PEEK) == 8 && memcmp(first, "GET / HT", 8) == 0);
    show("service", bytes, check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id));
    reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, id));
    pair_close(&pair);
    return 0;
}
