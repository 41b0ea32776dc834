// Events to a standard error whose reader is gone: no SIGPIPE for the service. And to one that it closes
// itself and opens again as something else: no event goes into that. (H17, H25)
// env: OCTOSHIM_LOG=stderr
// stderr: any
#include "preload.h"

static void ask(struct pair *pair, int times)
{
    while (times-- > 0)
        exchange(pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    sleep_ms(50);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        struct pair pair = tcp_pair();
        ask(&pair, 3);
        if (strcmp(argv[1], "replaced") == 0) {
            CHECK(close(2) == 0 && open("mine", O_RDWR | O_CREAT | O_TRUNC, 0600) == 2);
            ask(&pair, 3);
            CHECK(write(2, "mine\n", 5) == 5);
            struct stat s;
            CHECK(fstat(2, &s) == 0);
            CHECK(s.st_size == 5);
        }
        pair_close(&pair);
        return 0;
    }
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t pid = forked();
    if (pid == 0) {
        CHECK(dup2(ends[1], 2) == 2 && close(ends[0]) == 0 && close(ends[1]) == 0);
        run_self("gone");
    }
    CHECK(close(ends[0]) == 0);
    wait_ok(pid);
    wait_ok(forked_self("replaced"));
    return 0;
}
