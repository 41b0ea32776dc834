// Requests that only lax parsers take pass untouched, byte for byte, and so do all later ones on the
// connection. (hazards, "How lenient the known parsers are"; law 2)
//
// events: request.completed=0
#include "preload.h"

int main(void)
{
    const char *const requests[] = {
        "GET / HTTP/1.1\nHost: t\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: t\nA: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : t\r\n\r\n",
        "GET / HTTP/1.1\r\n: t\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: t\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET /\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n",
    };
    static const char later[] = "GET /later HTTP/1.1\r\nHost: t\r\n\r\n";
    for (size_t i = 0; i < COUNT(requests); i++) {
        char bytes[1024];
        struct pair pair = tcp_pair();
        send_text(pair.client, requests[i]);
        CHECK(read(pair.server, bytes, sizeof bytes) == (ssize_t)strlen(requests[i]));
        CHECK(memcmp(bytes, requests[i], strlen(requests[i])) == 0);
        show("service", bytes, strlen(requests[i]));
        send_text(pair.client, later);
        CHECK(read(pair.server, bytes, sizeof bytes) == (ssize_t)strlen(later));
        CHECK(memcmp(bytes, later, strlen(later)) == 0);
        pair_close(&pair);
    }
    return 0;
}
