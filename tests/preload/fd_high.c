// Connections with descriptor numbers above 1024 and, where the limit allows it, above 65536. (H16)
// valgrind: no, it keeps descriptors among the service's own
//
// events: request.started=4 request.completed=4
#include "preload.h"

#include <sys/resource.h>

int main(void)
{
    struct rlimit limit = {.rlim_cur = 70000, .rlim_max = 70000};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) { /* as far as this machine lets us */
        CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
        limit.rlim_cur = limit.rlim_max;
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    }
    int highest = limit.rlim_max > 66000 ? 66000 : (int)limit.rlim_max - 1;
    if (highest <= 1500)
        skip("RLIMIT_NOFILE is too low");
    say("highest %d", highest);
    const int numbers[] = {1023, 1024, 1500, highest};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct pair pair = tcp_pair();
        CHECK(fcntl(pair.server, F_DUPFD, numbers[i]) == numbers[i]);
        CHECK(close(pair.server) == 0);
        pair.server = numbers[i];
        exchange(&pair, "PUT /high HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
        pair_close(&pair);
    }
    return 0;
}
