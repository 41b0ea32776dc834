// The library is preloaded twice, from two files: one copy works, one ID is inserted, events are written
// once. (H50)
// valgrind: no, it has preloads of its own
//
// events: request.started=2 request.completed=2
#include "preload.h"

int main(int argc, char **argv)
{
    if (argc == 1) {
        if (shimmed()) {
            char command[5000];
            const char *library = getenv("LD_PRELOAD");
            snprintf(command, sizeof command, "LD_PRELOAD= cp %s ./copy-liboctoshim.so", library);
            CHECK(system(command) == 0);
            snprintf(command, sizeof command, "%s:./copy-liboctoshim.so", library);
            setenv("LD_PRELOAD", command, 1);
        }
        run_self("twice");
    }
    CHECK(strcmp(argv[1], "twice") == 0);
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++)
        exchange(&pair, "GET /twice HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
