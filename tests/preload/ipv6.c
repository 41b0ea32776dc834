// IPv6, and an IPv4 client of a dual-stack socket.
//
// events: request.started=2 request.completed=2
// event: request.completed client=::1 path=/six
// event: request.completed path=/mapped
#include "preload.h"

int main(void)
{
    struct pair pair = tcp6_pair();
    exchange(&pair, "GET /six HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);

    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    socklen_t len = sizeof any;
    pair.listener = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(setsockopt(pair.listener, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int)) == 0);
    CHECK(bind(pair.listener, (struct sockaddr *)&any, sizeof any) == 0 && listen(pair.listener, 1) == 0);
    CHECK(getsockname(pair.listener, (struct sockaddr *)&any, &len) == 0);
    struct address v4 = {.len = sizeof(struct sockaddr_in)};
    *(struct sockaddr_in *)&v4.sa = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = any.sin6_port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    pair.client = dial(&v4);
    pair.server = accept(pair.listener, NULL, NULL);
    exchange(&pair, "GET /mapped HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
