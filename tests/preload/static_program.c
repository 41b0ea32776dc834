// A static program: LD_PRELOAD has no effect on it, and it runs as bare. (H44)
// cflags: -static
// valgrind: no, glibc's static start-up is not clean there
//
// events: request.started=0
#include "preload.h"

int main(void)
{
    ids_absent();
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++)
        exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    say("environment: %s", getenv("OCTOSHIM_LOG") ? "kept" : "lost");
    return 0;
}
