// Events to a standard error that is a full pipe which nobody reads: no response is late, the exit is not
// held up, the pipe keeps its flags, and once it is read again events come through. (issue point 5)
// env: OCTOSHIM_LOG=stderr
// stderr: any
#include "preload.h"

static void serves(void)
{
    struct pair pair = tcp_pair();
    for (int i = 0; i < 30; i++) {
        uint64_t began = now_ms();
        exchange(&pair, "GET /full HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
        CHECK(now_ms() - began < 100);
    }
    CHECK((fcntl(2, F_GETFL) & O_NONBLOCK) == 0);
    pair_close(&pair);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        CHECK(strcmp(argv[1], "full") == 0);
        serves();
        return 0;
    }
    int ends[2], flags;
    CHECK(pipe(ends) == 0 && (flags = fcntl(ends[1], F_GETFL)) >= 0);
    CHECK(fcntl(ends[1], F_SETFL, flags | O_NONBLOCK) == 0);
    char bytes[4096] = "";
    while (write(ends[1], bytes, sizeof bytes) > 0)
        ;
    CHECK(fcntl(ends[1], F_SETFL, flags) == 0);
    uint64_t began = now_ms();
    pid_t pid = forked();
    if (pid == 0) {
        CHECK(dup2(ends[1], 2) == 2);
        closefrom(3);
        run_self("full");
    }
    wait_ok(pid);
    CHECK(now_ms() - began < 3000);
    say("not held up");
    return 0;
}
