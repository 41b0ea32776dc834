// 150 requests sent before the first is read, then all answered, some while the rest is still unread: past
// the depth that the shim follows it may stop inserting, but no byte is lost or out of place. (framer's
// rules, depth 64)
//
// events: request.started=64+
#include "preload.h"

enum { REQUESTS = 150 };

int main(void)
{
    static char bytes[100000], id[ID_SIZE];
    ids_optional();
    struct pair pair = unix_pair();
    CHECK(setsockopt(pair.client, SOL_SOCKET, SO_SNDBUF, &(int){400000}, sizeof(int)) == 0);
    for (int i = 0; i < REQUESTS; i++) {
        int n = sprintf(bytes, "PUT /%d HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody", i);
        send_all(pair.client, bytes, (size_t)n);
    }
    size_t len = 0;
    for (int i = 0; i < REQUESTS; i++) {
        while (head_length(bytes, len) == 0 || len < head_length(bytes, len) + 4) {
            ssize_t k = read(pair.server, bytes + len, i < 20 ? 100 : 3000);
            CHECK(k > 0);
            len += (size_t)k;
        }
        len = check_request(bytes, len, id);
        char expected[100];
        size_t n = (size_t)sprintf(expected, "PUT /%d HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody", i);
        CHECK(len >= n && memcmp(bytes, expected, n) == 0);
        len -= n;
        memmove(bytes, bytes + n, len);
        if (i < 10 || i >= 100) /* then 90 are outstanding before the next response */
            reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    CHECK(len == 0);
    for (int i = 10; i < 100; i++)
        reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    for (int i = 0; i < REQUESTS; i++) {
        static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        len = recv_response(pair.client, bytes, sizeof bytes, 2, "");
        CHECK(len == strlen(response) && memcmp(bytes, response, len) == 0);
    }
    say("all in place");
    pair_close(&pair);
    return 0;
}
