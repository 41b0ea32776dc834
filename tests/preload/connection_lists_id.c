// `Connection: X-Request-ID` makes the header hop-by-hop: nothing is inserted in a head that lists it.
// (framer's rules, "insertion point")
//
// events: request.started=1 request.completed=1
#include "preload.h"

int main(void)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: t\r\nConnection: close, x-request-id\r\n\r\n";
    char bytes[1024];
    struct pair pair = tcp_pair();
    send_text(pair.client, request);
    size_t len = strip_trace(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes));
    CHECK(len == strlen(request) && memcmp(bytes, request, len) == 0);
    show("service", bytes, len);
    reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, ""));
    pair_close(&pair);
    return 0;
}
