// An edge-triggered reader that stops on a short read, as nginx does, never stalls: for every place to cut
// two pipelined requests and several buffer sizes, each arrival gives an edge and the reads after it give
// all. (H34, H38)
//
// events: request.started=544 request.completed=544
#include "preload.h"

#include <sys/epoll.h>

static const char REQUESTS[] = "PUT /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: t\r\n\r\n";

static size_t drain(int epoll, int fd, char *bytes, size_t len, size_t size)
{
    struct epoll_event event;
    CHECK(epoll_wait(epoll, &event, 1, 5000) == 1);
    for (;;) {
        ssize_t k = recv(fd, bytes + len, size, 0);
        if (k < 0) {
            CHECK(errno == EAGAIN);
            return len;
        }
        CHECK(k > 0 && (size_t)k <= size);
        len += (size_t)k;
        if ((size_t)k < size)
            return len;
    }
}

int main(void)
{
    const size_t sizes[] = {16, 40, 100, 600};
    struct pair pair = tcp_pair();
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(fcntl(pair.server, F_SETFL, O_NONBLOCK) == 0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event) == 0);
    CHECK(strlen(REQUESTS) == 69);
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (size_t cut = 1; cut < strlen(REQUESTS); cut++) {
            char bytes[2048], ids[2][ID_SIZE];
            send_all(pair.client, REQUESTS, cut);
            size_t len = drain(epoll, pair.server, bytes, 0, sizes[i]);
            send_all(pair.client, REQUESTS + cut, strlen(REQUESTS) - cut);
            len = drain(epoll, pair.server, bytes, len, sizes[i]);

            len = check_request(bytes, len, ids[0]);
            size_t first = head_length(bytes, len) + 3;
            len = first + check_request(bytes + first, len - first, ids[1]);
            CHECK(len == strlen(REQUESTS) && memcmp(bytes, REQUESTS, len) == 0);
            for (int j = 0; j < 2; j++) {
                reply(pair.server, "HTTP/1.1 204 No Content\r\n\r\n");
                recv_response(pair.client, bytes, sizeof bytes, 0, ids[j]);
            }
        }
    say("no stall");
    pair_close(&pair);
    return 0;
}
