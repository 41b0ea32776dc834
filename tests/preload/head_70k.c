// A head of 70,000 bytes passes untouched, the request's and the response's, and what follows too. (framer's
// rules, law 2)
//
// events: request.completed=0
#include "preload.h"

int main(void)
{
    static char request[80000], response[80000];
    size_t at = (size_t)sprintf(request, "GET /70k HTTP/1.1\r\nHost: t\r\n");
    while (at < 70000)
        at += (size_t)sprintf(request + at, "Pad: %0993d\r\n", 0);
    sprintf(request + at, "\r\n");
    at = (size_t)sprintf(response, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
    while (at < 70000)
        at += (size_t)sprintf(response + at, "Pad: %0993d\r\n", 0);
    sprintf(response + at, "\r\n");

    ids_absent();
    struct pair pair = unix_pair();
    CHECK(setsockopt(pair.client, SOL_SOCKET, SO_SNDBUF, &(int){400000}, sizeof(int)) == 0);
    CHECK(setsockopt(pair.server, SOL_SOCKET, SO_SNDBUF, &(int){400000}, sizeof(int)) == 0);
    exchange(&pair, request, plain_read, response, plain_write);
    exchange(&pair, "GET /next HTTP/1.1\r\nHost: t\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", plain_write);
    pair_close(&pair);
    return 0;
}
