// 413 while the request's body still comes; the service then drains the body and goes on with the next
// request on the same connection. (framer's rules: directions are independent)
//
// events: request.started=2 request.completed=2
// event: request.completed path=/big status_code=413
// event: request.completed path=/next status_code=200
#include "preload.h"

int main(void)
{
    char bytes[4096], id[ID_SIZE];
    struct pair pair = tcp_pair();
    send_text(pair.client, "POST /big HTTP/1.1\r\nHost: test\r\nContent-Length: 3000\r\n\r\n");
    show("service", bytes, check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id));
    reply(pair.server, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 3, id));
    memset(bytes, 'x', 3000);
    send_all(pair.client, bytes, 3000);
    memset(bytes, 0, 3000);
    recv_all(pair.server, bytes, 3000);
    show("drained", bytes, 3000);
    exchange(&pair, "GET /next HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", plain_write);
    pair_close(&pair);
    return 0;
}
