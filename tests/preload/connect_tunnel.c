// CONNECT: after the 2xx bytes pass untouched both ways, even when they look like HTTP; after a refused
// CONNECT ordinary HTTP goes on, with or without IDs. (H39)
//
// events: request.started=1+
// event: request.completed method=CONNECT status_code=403
// not-event: request.started path=/inside
#include "preload.h"

static void both_ways(struct pair *pair)
{
    static const char up[] = "GET /inside HTTP/1.1\r\nHost: t\r\n\r\n";
    static const char down[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    char bytes[256];
    for (int i = 0; i < 3; i++) {
        send_text(pair->client, up);
        CHECK(read(pair->server, bytes, sizeof bytes) == (ssize_t)strlen(up) && !memcmp(bytes, up, strlen(up)));
        CHECK(write(pair->server, down, strlen(down)) == (ssize_t)strlen(down));
        CHECK(read(pair->client, bytes, sizeof bytes) == (ssize_t)strlen(down));
        CHECK(!memcmp(bytes, down, strlen(down)));
    }
    say("tunnelled");
}

int main(void)
{
    char bytes[1024], id[ID_SIZE];
    struct pair pair = tcp_pair();
    exchange(&pair, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", plain_read,
             "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", plain_write);
    ids_optional(); /* after a CONNECT the shim may stop following the connection */
    exchange(&pair, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    send_text(pair.client, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
    show("service", bytes, check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id));
    reply(pair.server, "HTTP/1.1 200 Connected\r\n\r\n");
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 0, id));
    both_ways(&pair);
    pair_close(&pair);
    return 0;
}
