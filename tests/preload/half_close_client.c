// The client shuts its sending side down after the request: the service reads it, then 0, and answers; once
// with the end of the stream already in the queue before the head is read. (H34)
//
// events: request.started=4 request.completed=4 request.aborted=0
#include "preload.h"

int main(void)
{
    const size_t steps[] = {4096, 600, 20, 1};
    for (size_t i = 0; i < COUNT(steps); i++) {
        char bytes[4096], id[ID_SIZE];
        struct pair pair = tcp_pair();
        send_text(pair.client, "GET /half HTTP/1.1\r\nHost: test\r\n\r\n");
        CHECK(shutdown(pair.client, SHUT_WR) == 0);
        size_t len = 0;
        ssize_t k;
        while ((k = read(pair.server, bytes + len, steps[i])) > 0)
            len += (size_t)k;
        CHECK(k == 0);
        CHECK(read(pair.server, bytes + len, 1) == 0);
        show("service", bytes, check_request(bytes, len, id));
        reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        CHECK(close(pair.server) == 0);
        len = recv_to_end(pair.client, bytes, sizeof bytes);
        show("client", bytes, check_response(bytes, len, id));
        close(pair.client);
        close(pair.listener);
    }
    return 0;
}
