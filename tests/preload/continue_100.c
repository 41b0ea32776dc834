// Expect: 100-continue: the interim response passes untouched, the final one has the ID. With the body sent
// after it, and with a client that does not wait. (H39)
//
// events: request.started=2 request.completed=2
// event: request.completed path=/wait status_code=200 bytes_in=67
#include "preload.h"

int main(void)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char bytes[4096], id[ID_SIZE];
    struct pair pair = tcp_pair();
    send_text(pair.client, "PUT /wait HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    size_t len = check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id);
    show("service", bytes, len);
    CHECK(write(pair.server, interim, strlen(interim)) == (ssize_t)strlen(interim));
    len = recv_head(pair.client, bytes, sizeof bytes);
    show("client", bytes, len);
    CHECK(len == strlen(interim));
    send_text(pair.client, "body");
    recv_all(pair.server, bytes, 4);
    show("service", bytes, 4);
    reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, id));

    /* Interim and final response in one write. */
    send_text(pair.client, "PUT /now HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nBODY");
    len = read_head(pair.server, plain_read, bytes, sizeof bytes);
    if (len < 5 || memcmp(bytes + len - 4, "BODY", 4) != 0)
        len += (size_t)read(pair.server, bytes + len, 4);
    show("service", bytes, check_request(bytes, len, id));
    reply(pair.server, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n");
    len = recv_head(pair.client, bytes, sizeof bytes);
    CHECK(len == strlen(interim));
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 0, id));
    pair_close(&pair);
    return 0;
}
