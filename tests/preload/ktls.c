// setsockopt for kernel TLS answers as bare (most kernels here have no TLS ULP), and what the connection
// carries afterwards passes. (H41)
#include "preload.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

int main(void)
{
    struct pair pair = tcp_pair();
    errno = 0;
    int done = setsockopt(pair.server, IPPROTO_TCP, TCP_ULP, "tls", 4);
    say("ULP: %d, errno %d", done, errno);
    if (done == 0)
        return 0; /* records would be needed from here on */
    char info[64] = {0};
    errno = 0;
    done = setsockopt(pair.server, SOL_TLS, 1, info, sizeof info);
    say("SOL_TLS: %d, errno %d", done, errno);
    ids_optional();
    exchange(&pair, "GET /k HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
