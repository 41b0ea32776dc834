// One connection under several numbers made by dup, dup2, dup3 and fcntl: a head begun on one is finished on
// another, and closing copies ends nothing until the last. (H11)
// valgrind: no, it keeps descriptors among the service's own
//
// events: request.started=7 request.completed=7 request.aborted=0
#include "preload.h"

static int numbers[6], turn;

static ssize_t in_turn_read(int fd, void *bytes, size_t n)
{
    (void)fd;
    return read(numbers[turn++ % 6], bytes, n < 9 ? n : 9);
}

static ssize_t in_turn_write(int fd, void *bytes, size_t n)
{
    (void)fd;
    return write(numbers[turn++ % 6], bytes, n < 9 ? n : 9);
}

int main(void)
{
    static const char request[] = "PUT /dup HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello";
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    struct pair pair = tcp_pair();
    numbers[0] = pair.server;
    numbers[1] = dup(pair.server);
    numbers[2] = dup2(pair.server, 40);
    numbers[3] = dup3(numbers[2], 41, O_CLOEXEC);
    numbers[4] = fcntl(numbers[1], F_DUPFD, 50);
    numbers[5] = fcntl(numbers[3], F_DUPFD_CLOEXEC, 50);
    for (int i = 0; i < 6; i++)
        say("%d, close on exec %d", numbers[i], fcntl(numbers[i], F_GETFD));
    CHECK(dup2(pair.server, pair.server) == pair.server);
    CHECK(dup3(pair.server, pair.server, 0) == -1 && errno == EINVAL);
    CHECK(dup2(999, pair.server) == -1 && errno == EBADF); /* and the target stays */
    exchange(&pair, request, in_turn_read, response, in_turn_write);
    for (int i = 0; i < 5; i++) {
        CHECK(close(numbers[i]) == 0);
        for (int j = 0; j <= i; j++)
            numbers[j] = numbers[i + 1];
        exchange(&pair, request, in_turn_read, response, in_turn_write);
    }
    CHECK(dup2(numbers[5], 70) == 70 && close(numbers[5]) == 0);
    pair.server = 70;
    exchange(&pair, request, plain_read, response, plain_write);
    pair_close(&pair);
    return 0;
}
