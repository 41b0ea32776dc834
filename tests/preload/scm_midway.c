// A connection that has served requests is passed on, served there, and passed back; a copy under the
// received number's old owner is forgotten. Whether IDs are inserted after the passing is the shim's choice.
// (H15)
//
// events: request.started=1+
#include "scm.h"

int main(void)
{
    int channel[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, channel) == 0);
    struct pair pair = tcp_pair();
    static const char request[] = "GET /mid HTTP/1.1\r\nHost: test\r\n\r\n";
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    exchange(&pair, request, plain_read, response, plain_write);
    ids_optional();
    pid_t pid = forked();
    if (pid == 0) {
        close(pair.server); /* its number comes back from the channel */
        struct pair again = {.client = pair.client, .server = received(channel[1])};
        CHECK(again.server == pair.server);
        exchange(&again, request, plain_read, response, plain_write);
        pass(channel[1], again.server);
        _exit(0);
    }
    pass(channel[0], pair.server);
    CHECK(close(pair.server) == 0);
    wait_ok(pid);
    pair.server = received(channel[0]);
    exchange(&pair, request, plain_read, response, plain_write);
    pair_close(&pair);
    return 0;
}
