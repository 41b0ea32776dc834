// Responses that cannot be framed pass untouched, byte for byte: the service's word is its own. Its requests
// were in order and have their IDs. (law 2)
#include "preload.h"

int main(void)
{
    const char *const responses[] = {
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "ICY 200 OK\r\nContent-Length: 0\r\n\r\n",
        "hello\n",
        "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT(responses); i++) {
        char bytes[1024], id[ID_SIZE];
        struct pair pair = tcp_pair();
        send_text(pair.client, "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
        check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id);
        CHECK(write(pair.server, responses[i], strlen(responses[i])) == (ssize_t)strlen(responses[i]));
        CHECK(shutdown(pair.server, SHUT_WR) == 0);
        size_t len = recv_to_end(pair.client, bytes, sizeof bytes);
        show("client", bytes, len);
        CHECK(len == strlen(responses[i]) && memcmp(bytes, responses[i], len) == 0);
        pair_close(&pair);
    }
    return 0;
}
