// /proc/self/fd lists the service's own descriptors only, before and after the first request, and so does its
// child's. (H17)
// valgrind: no, it keeps descriptors among the service's own
//
// events: request.started=1 request.completed=1
#include "preload.h"

static void list(const char *when)
{
    char text[1024];
    open_descriptors(text, sizeof text);
    say("%s: %s", when, text);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        list(argv[1]);
        return 0;
    }
    list("at the start");
    struct pair pair = tcp_pair();
    list("listening");
    exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    sleep_ms(50);
    list("after a request");
    pid_t pid = forked();
    if (pid == 0) {
        list("in a child");
        _exit(0);
    }
    wait_ok(pid);
    wait_ok(forked_self("in an executed child"));
    pair_close(&pair);
    list("at the end");
    return 0;
}
