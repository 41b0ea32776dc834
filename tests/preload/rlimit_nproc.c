// A user who may have no more processes: the writer cannot start, the service serves. (law 6)
// owner: 65534
// stderr: any
// valgrind: no, its own threads need room
#include "preload.h"

#include <sys/resource.h>

int main(void)
{
    if (geteuid() != 0)
        skip("needs root");
    CHECK(setrlimit(RLIMIT_NPROC, &(struct rlimit){0, 0}) == 0);
    CHECK(setgid(65534) == 0 && setuid(65534) == 0);
    struct pair pair = tcp_pair();
    for (int i = 0; i < 3; i++)
        exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    CHECK(fork() == -1 && errno == EAGAIN);
    pair_close(&pair);
    return 0;
}
