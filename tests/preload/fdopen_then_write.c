// Request by read, response head by stdio, body by raw write, and that body looks like a head: it stays
// whole. (H13)
#include "preload.h"

int main(void)
{
    static const char body[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    char bytes[4096], id[ID_SIZE];
    ids_optional();
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++) {
        send_text(pair.client, "GET /mixed HTTP/1.1\r\nHost: test\r\n\r\n");
        show("service", bytes, check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id));
        static FILE *out;
        if (!out)
            out = fdopen(pair.server, "w");
        CHECK(out && fprintf(out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(body)) > 0);
        CHECK(fflush(out) == 0);
        reply(pair.server, body);
        size_t len = recv_response(pair.client, bytes, sizeof bytes, strlen(body), "");
        CHECK(memcmp(bytes + len - strlen(body), body, strlen(body)) == 0);
        show("client", bytes, len);
        CHECK(recv(pair.client, bytes, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    }
    pair_close(&pair);
    return 0;
}
