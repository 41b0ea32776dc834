// RLIMIT_NOFILE of 8: connections are served as long as there are numbers, then accept fails as bare. (H16,
// H17)
// valgrind: no, it keeps descriptors among the service's own
//
// events: request.started=3 request.completed=3
#include "preload.h"

#include <sys/resource.h>

int main(void)
{
    CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){8, 8}) == 0);
    struct address address;
    int listening = listener(AF_INET, &address);
    for (int i = 0; i < 3; i++) {
        struct pair pair = {.listener = listening, .client = dial(&address)};
        pair.server = accept(listening, NULL, NULL);
        exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
        CHECK(close(pair.client) == 0 && close(pair.server) == 0);
        sleep_ms(10);
    }
    int last = -1, fd;
    while ((fd = dup(0)) >= 0)
        last = fd;
    say("last number %d, errno %d", last, errno);
    close(last);
    int client = dial(&address);
    CHECK(client == last);
    CHECK(accept(listening, NULL, NULL) == -1 && errno == EMFILE);
    return 0;
}
