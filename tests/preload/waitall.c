// MSG_WAITALL gives all that was asked for although it comes in pieces: in the head, over its end and in the
// body. (H34)
//
// events: request.started=5 request.completed=5
#include "preload.h"

static const char REQUEST[] = "PUT /w HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n0123456789";

static void drip(int fd)
{
    for (size_t at = 0; at < strlen(REQUEST); at += 7) {
        send_all(fd, REQUEST + at, strlen(REQUEST) - at < 7 ? strlen(REQUEST) - at : 7);
        sleep_ms(1);
    }
    _exit(0);
}

int main(void)
{
    const size_t firsts[] = {1, 20, 49, 55, 60};
    struct pair pair = tcp_pair();
    for (size_t i = 0; i < COUNT(firsts); i++) {
        char bytes[1024], id[ID_SIZE];
        pid_t pid = forked();
        if (pid == 0)
            drip(pair.client);
        size_t total = strlen(REQUEST) + (request_ids == REQUIRED ? REQUEST_LINES : 0);
        CHECK(recv(pair.server, bytes, firsts[i], MSG_WAITALL) == (ssize_t)firsts[i]);
        CHECK(recv(pair.server, bytes + firsts[i], total - firsts[i], MSG_WAITALL) ==
              (ssize_t)(total - firsts[i]));
        wait_ok(pid);
        CHECK(recv(pair.server, bytes + total, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
        show("service", bytes, check_request(bytes, total, id));
        reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        recv_response(pair.client, bytes, sizeof bytes, 2, id);
    }
    pair_close(&pair);
    return 0;
}
