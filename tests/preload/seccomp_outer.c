// Under a filter that was there before the service started and lets ordinary things through, as in a
// container, all works. (H42)
//
// events: request.started=3 request.completed=3
#include "seccomp.h"

int main(int argc, char **argv)
{
    if (argc == 1) {
        const int none[] = {-2};
        struct sock_filter program[4];
        struct sock_fprog filter = filter_of(program, none, 1, SECCOMP_RET_ALLOW);
        CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
        run_self("inside");
    }
    CHECK(strcmp(argv[1], "inside") == 0 && prctl(PR_GET_SECCOMP) == 2);
    struct pair pair = tcp_pair();
    for (int i = 0; i < 3; i++)
        exchange(&pair, "GET /in HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
