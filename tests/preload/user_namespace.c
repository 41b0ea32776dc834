// unshare(CLONE_NEWUSER), which fails in a process with threads, works before the first request and after one
// has finished. (H24)
//
// events: request.completed=5
#include "preload.h"

#include <sched.h>

static void ask(struct pair *pair)
{
    exchange(pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
}

int main(void)
{
    for (int served = 0; served < 2; served++) {
        pid_t pid = forked();
        if (pid == 0) {
            struct pair pair = tcp_pair();
            if (served) {
                ask(&pair);
                sleep_ms(50);
            }
            int done = unshare(CLONE_NEWUSER);
            say("unshare: %d, errno %d", done, done ? errno : 0);
            ask(&pair);
            ask(&pair);
            sleep_ms(50);
            exit(0);
        }
        wait_ok(pid);
    }
    return 0;
}
