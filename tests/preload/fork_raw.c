// Children made by _Fork and by a raw fork system call, which no handler of pthread_atfork sees, serve
// connections, before and after the parent has served one. (H20)
//
// events: request.started=5 request.completed=5 request.aborted=0
#include "preload.h"

#include <sys/syscall.h>

int main(void)
{
    struct address address;
    int listening = listener(AF_INET, &address);
    for (int i = 0; i < 5; i++) {
        int client = dial(&address);
        int conn = accept(listening, NULL, NULL);
        pid_t pid = i == 2 ? forked() : i % 2 ? (pid_t)syscall(SYS_fork) : _Fork();
        CHECK(pid >= 0);
        if (i == 2 && pid != 0) { /* here the parent serves */
            pid_t other = pid;
            pid_t writer = forked();
            if (writer == 0) {
                get(client, "/parent");
                _exit(0);
            }
            CHECK(close(client) == 0);
            serve(conn);
            wait_ok(writer);
            wait_ok(other);
            continue;
        }
        if (i == 2)
            _exit(0);
        if (pid == 0) {
            close(client);
            serve(conn);
            _exit(0);
        }
        CHECK(close(conn) == 0);
        get_said(client, "/child");
        CHECK(close(client) == 0);
        wait_ok(pid);
    }
    return 0;
}
