// accept itself gives a number above 1024, with everything below taken; 300 connections open at once. (H16)
//
// events: request.started=300 request.completed=300
#include "preload.h"

#include <sys/resource.h>

enum { FILL = 1100, CONNECTIONS = 300 };

int main(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_max < FILL + 3 * CONNECTIONS || setrlimit(RLIMIT_NOFILE, &limit) != 0)
        skip("RLIMIT_NOFILE is too low");
    struct address address;
    int listening = listener(AF_INET, &address), client[CONNECTIONS], conn[CONNECTIONS];
    while (dup(0) < FILL)
        ;
    for (int i = 0; i < CONNECTIONS; i++) {
        client[i] = dial(&address);
        conn[i] = accept(listening, NULL, NULL);
        CHECK(conn[i] > FILL);
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        struct pair pair = {.client = client[i], .server = conn[i]};
        char path[100];
        sprintf(path, "GET /%d HTTP/1.1\r\nHost: test\r\n\r\n", i);
        exchange(&pair, path, plain_read, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    }
    for (int i = 0; i < CONNECTIONS; i++)
        CHECK(close(client[i]) == 0 && close(conn[i]) == 0);
    return 0;
}
