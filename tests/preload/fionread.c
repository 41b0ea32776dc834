// FIONREAD tells what a read will give, insertion included: a service that sizes its reads by it gets exactly
// that, and one that subtracts what it read never goes below zero, as nginx does. (H37)
//
// events: request.started=7 request.completed=7
#include "preload.h"

static int queued(int fd)
{
    int n = -1;
    CHECK(ioctl(fd, FIONREAD, &n) == 0);
    return n;
}

static size_t step;

static ssize_t counted(int fd, void *bytes, size_t n)
{
    int before;
    while ((before = queued(fd)) == 0)
        sleep_ms(1);
    size_t want = step && step < (size_t)before ? step : (size_t)before;
    CHECK(want <= n);
    ssize_t k = read(fd, bytes, want);
    CHECK(k == (ssize_t)want);
    CHECK(queued(fd) == before - (int)k);
    return k;
}

int main(void)
{
    const size_t steps[] = {0, 1, 5, 30, 50, 60, 80};
    struct pair pair = tcp_pair();
    CHECK(queued(pair.server) == 0);
    for (size_t i = 0; i < COUNT(steps); i++) {
        step = steps[i];
        exchange(&pair, "PUT /f HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", counted,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
        CHECK(queued(pair.server) == 0);
    }
    pair_close(&pair);
    int pipes[2];
    CHECK(pipe(pipes) == 0 && write(pipes[1], "abc", 3) == 3 && queued(pipes[0]) == 3);
    CHECK(ioctl(pipes[0], FIONBIO, &(int){1}) == 0);
    return 0;
}
