// A client that sends a usable ID sees it again, whatever the case of the header's name and wherever it
// stands; the request reaches the service as it was sent. (contract, "Request ID"; H40)
//
// events: request.started=6 request.completed=6
// event: request.started request_id=abc-123._~:/+=@
// event: request.completed request_id=last
// event: request.completed request_id=twice
#include "preload.h"

int main(void)
{
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    char longest[256];
    sprintf(longest, "GET / HTTP/1.1\r\nX-Request-ID: %0128d\r\nHost: t\r\n\r\n", 7);
    const char *const requests[] = {
        "GET / HTTP/1.1\r\nX-Request-ID: abc-123._~:/+=@\r\nHost: t\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: t\r\nx-request-id: last\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: t\r\nX-REQUEST-ID:tight\r\nAccept: */*\r\n\r\n",
        "GET / HTTP/1.1\r\nX-Request-ID: \t  spaced \t\r\nHost: t\r\n\r\n",
        "GET / HTTP/1.1\r\nX-Request-ID: twice\r\nHost: t\r\nx-request-id: twice\r\n\r\n",
        longest,
    };
    struct pair pair = tcp_pair();
    for (size_t i = 0; i < COUNT(requests); i++) {
        if (i != 3) { /* see below */
            exchange(&pair, requests[i], plain_read, response, plain_write);
            continue;
        }
        char bytes[1024];
        send_text(pair.client, requests[i]);
        size_t len = strip_trace(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes));
        CHECK(len == strlen(requests[i]) && memcmp(bytes, requests[i], len) == 0);
        reply(pair.server, response);
        show("spaced", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, "spaced"));
    }
    pair_close(&pair);
    return 0;
}
