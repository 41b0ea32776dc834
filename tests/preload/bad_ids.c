// Unusable IDs reach the service as they were sent, are never echoed, and the response carries a made one:
// bytes outside the set, empty, too long, contradictory. (contract, "Request ID"; conventions R9)
//
// events: request.started=12 request.completed=12
// not-event: request.started request_id=one
// not-event: request.started request_id=two
// not-event: request.started request_id=
#include "preload.h"

int main(void)
{
    static char longer[1024];
    sprintf(longer, "%0129d", 7);
    const char *const values[] = {
        "", " ", "a b", "a\"b", "<script>", "\xff\xfe", "a\tb", "${jndi:ldap://x}", "{{7*7}}", "a;rm -rf", longer,
    };
    struct pair pair = tcp_pair();
    for (size_t i = 0; i <= COUNT(values); i++) {
        char request[1400], bytes[1400];
        if (i < COUNT(values))
            sprintf(request, "GET /%zu HTTP/1.1\r\nX-Request-ID: %s\r\nHost: t\r\n\r\n", i, values[i]);
        else
            sprintf(request, "GET / HTTP/1.1\r\nX-Request-ID: one\r\nHost: t\r\nX-Request-ID: two\r\n\r\n");
        send_text(pair.client, request);
        size_t len = strip_trace(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes));
        CHECK(len == strlen(request) && memcmp(bytes, request, len) == 0);
        reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, "")); /* demands a made one */
    }
    pair_close(&pair);
    return 0;
}
