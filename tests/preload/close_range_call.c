// close_range closes connections; with CLOEXEC it closes nothing now; with UNSHARE only the calling thread's
// table changes; bad arguments are EINVAL. (H12)
//
// events: request.started=5 request.completed=5
#include "preload.h"

#include <linux/close_range.h>
#include <pthread.h>

static struct pair pair;

static void ask(void)
{
    exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
}

static void *unshares(void *unused)
{
    (void)unused;
    CHECK(close_range((unsigned)pair.server, ~0u, CLOSE_RANGE_UNSHARE) == 0);
    CHECK(fcntl(pair.server, F_GETFD) == -1 && errno == EBADF);
    CHECK(open("/dev/null", O_WRONLY) == pair.server); /* the same number means a file here */
    CHECK(write(pair.server, "HTTP/1.1 200 OK\r\n\r\n", 19) == 19);
    CHECK(close(pair.server) == 0);
    return NULL;
}

int main(void)
{
    pair = tcp_pair();
    unsigned fd = (unsigned)pair.server;
    CHECK(close_range(fd, fd - 1, 0) == -1 && errno == EINVAL);
    CHECK(close_range(fd, fd, 64) == -1 && errno == EINVAL);
    ask();
    CHECK(close_range(fd, ~0u, CLOSE_RANGE_CLOEXEC) == 0);
    CHECK(fcntl(pair.server, F_GETFD) == FD_CLOEXEC);
    ask();
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, unshares, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    ask();
    CHECK(close_range(fd + 10, ~0u, 0) == 0);
    ask();
    CHECK(close_range(fd, ~0u, 0) == 0);
    CHECK(read(pair.server, &fd, 1) == -1 && errno == EBADF);
    close(pair.client);
    pair.client = dial(&pair.address);
    pair.server = accept(pair.listener, NULL, NULL);
    ask();
    pair_close(&pair);
    return 0;
}
