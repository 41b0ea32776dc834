// No thread before the first finished request: not at the start, not after listen, accept or half a request.
// What there is later is nobody's child. (H24, issue point 6)
//
// events: request.started=1 request.completed=1
#include "preload.h"

int main(void)
{
    char bytes[1024], id[ID_SIZE];
    say("at the start: %u", thread_count());
    struct pair pair = tcp_pair();
    say("accepted: %u", thread_count());
    send_text(pair.client, "GET /t HTTP/1.1\r\nHost: test\r\n\r\n");
    size_t len = (size_t)read(pair.server, bytes, 10);
    while (head_length(bytes, len) == 0)
        len += (size_t)read(pair.server, bytes + len, sizeof bytes - len);
    check_request(bytes, len, id);
    say("request read: %u", thread_count());
    reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    say("head written: %u", thread_count());
    reply(pair.server, "ok");
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, id));
    sleep_ms(20);
    CHECK(thread_count() <= (shimmed() ? 2 : 1));
    CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
    CHECK(waitpid(-1, NULL, __WALL) == -1 && errno == ECHILD);
    CHECK(waitpid(-1, NULL, __WCLONE) == -1 && errno == ECHILD);
    pair_close(&pair);
    return 0;
}
