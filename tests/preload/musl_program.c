// A dynamic musl program with the shim preloaded: it starts, the shim is inert, everything is as bare. (H43)
// build: musl
// valgrind: no, it has no redirections for musl
//
// events: request.started=0
#include "preload.h"

#include <pthread.h>

static void *ends(void *unused)
{
    return unused;
}

int main(void)
{
    ids_absent();
    char text[100];
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++)
        exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, ends, NULL) == 0 && pthread_join(thread, NULL) == 0);
    pid_t pid = forked();
    if (pid == 0)
        _exit(0);
    wait_ok(pid);
    CHECK(system("exit 3") == 3 << 8);
    open_descriptors(text, sizeof text);
    say("descriptors %s, tasks %u", text, thread_count());
    pair_close(&pair);
    errno = 0;
    CHECK(write(-1, "", 1) == -1 && errno == EBADF);
    return 0;
}
