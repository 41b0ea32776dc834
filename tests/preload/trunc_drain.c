// MSG_TRUNC discards without copying, as lighttpd drains a connection: counts are the kernel's, the buffer's
// contents are nobody's business. (H36)
// valgrind: no, a null buffer is meant
//
// events: request.started=1 request.completed=1
#include "preload.h"

int main(void)
{
    char bytes[4096], before[4096];
    struct pair pair = tcp_pair();
    exchange(&pair, "GET /t HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", plain_write);
    CHECK(shutdown(pair.server, SHUT_WR) == 0);
    static const char late[] = "GET /late HTTP/1.1\r\nHost: test\r\n\r\nand more";
    send_text(pair.client, late);
    memset(bytes, 'x', sizeof bytes);
    memcpy(before, bytes, sizeof before);
    CHECK(recv(pair.server, bytes, 10, MSG_TRUNC | MSG_DONTWAIT | MSG_NOSIGNAL) == 10);
    CHECK(memcmp(bytes, before, sizeof before) == 0);
    CHECK(recv(pair.server, NULL, 16384, MSG_TRUNC | MSG_DONTWAIT) == (ssize_t)strlen(late) - 10);
    CHECK(recv(pair.server, bytes, 16384, MSG_TRUNC | MSG_DONTWAIT) == -1 && errno == EAGAIN);
    CHECK(shutdown(pair.client, SHUT_WR) == 0);
    CHECK(recv(pair.server, bytes, 16384, MSG_TRUNC | MSG_DONTWAIT) == 0);
    say("drained");
    pair_close(&pair);
    return 0;
}
