// recv and recvfrom, with and without room for an address (which a stream leaves empty). (H14)
//
// events: request.started=4 request.completed=4
#include "preload.h"

static ssize_t by_recv(int fd, void *bytes, size_t n)
{
    return recv(fd, bytes, n, 0);
}

static ssize_t by_recvfrom(int fd, void *bytes, size_t n)
{
    return recvfrom(fd, bytes, n, 0, NULL, NULL);
}

static ssize_t with_address(int fd, void *bytes, size_t n)
{
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    ssize_t k = recvfrom(fd, bytes, n, 0, (struct sockaddr *)&from, &len);
    CHECK(len == 0);
    return k;
}

static ssize_t nowait(int fd, void *bytes, size_t n)
{
    return recv(fd, bytes, n < 40 ? n : 40, MSG_DONTWAIT);
}

static ssize_t by_send(int fd, void *bytes, size_t n)
{
    return send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t by_sendto(int fd, void *bytes, size_t n)
{
    return sendto(fd, bytes, n, 0, NULL, 0);
}

int main(void)
{
    struct pair pair = tcp_pair();
    const mover readers[] = {by_recv, by_recvfrom, with_address, nowait};
    for (size_t i = 0; i < COUNT(readers); i++)
        exchange(&pair, "PUT /a HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", readers[i],
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", i % 2 ? by_send : by_sendto);
    pair_close(&pair);
    return 0;
}
