// poll, select and level-triggered epoll agree with what read gives, at every byte of the request: readable
// until the last byte is given, then not. (law 3)
//
// events: request.started=4 request.completed=4
#include "preload.h"

#include <sys/epoll.h>
#include <sys/select.h>

static int epoll;

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int polled = poll(&p, 1, 0);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    int selected = select(fd + 1, &set, NULL, NULL, &(struct timeval){0});
    struct epoll_event event;
    int waited = epoll_wait(epoll, &event, 1, 0);
    CHECK(polled == selected && selected == waited);
    CHECK(polled == 0 || (p.revents == POLLIN && FD_ISSET(fd, &set) && event.events == EPOLLIN));
    return polled == 1;
}

static size_t step;

static ssize_t some(int fd, void *bytes, size_t n)
{
    while (!readable(fd))
        ;
    return read(fd, bytes, n < step ? n : step);
}

int main(void)
{
    struct pair pair = tcp_pair();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event) == 0);
    CHECK(!readable(pair.server));
    for (step = 1; step <= 1000; step *= 10) {
        exchange(&pair, "PUT /p HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", some,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
        CHECK(!readable(pair.server));
        CHECK(recv(pair.server, &event, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    }
    pair_close(&pair);
    return 0;
}
