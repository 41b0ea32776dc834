// OCTOSHIM_CHILDREN=0: a program executed by the service is left alone, its environment is not edited. (H22)
// env: OCTOSHIM_CHILDREN=0
//
// events: request.started=1 request.completed=1
#include "preload.h"

int main(int argc, char **argv)
{
    struct pair pair = tcp_pair();
    if (argc > 1) {
        CHECK(strcmp(argv[1], "child") == 0);
        ids_absent();
        say("LD_PRELOAD %s", !getenv("LD_PRELOAD") == !shimmed() ? "as it was" : "edited");
    }
    exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    if (argc == 1)
        wait_ok(forked_self("child"));
    return 0;
}
