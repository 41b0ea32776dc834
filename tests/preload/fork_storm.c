// 500 children one after another, then 60 at once that serve a connection each. (H20)
//
// events: request.started=61 request.completed=61
#include "preload.h"

int main(void)
{
    struct pair pair = tcp_pair();
    exchange(&pair, "GET /first HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    for (int i = 0; i < 500; i++) {
        pid_t pid = forked();
        if (pid == 0)
            _exit(i % 3);
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == i % 3);
    }
    int clients[60];
    pid_t pids[60];
    for (int i = 0; i < 60; i++) {
        clients[i] = dial(&pair.address);
        int conn = accept(pair.listener, NULL, NULL);
        if ((pids[i] = forked()) == 0) {
            for (int j = 0; j <= i; j++)
                close(clients[j]);
            serve(conn);
            _exit(0);
        }
        CHECK(close(conn) == 0);
    }
    for (int i = 0; i < 60; i++) {
        get(clients[i], "/storm");
        CHECK(close(clients[i]) == 0);
    }
    for (int i = 0; i < 60; i++)
        wait_ok(pids[i]);
    say("all served");
    pair_close(&pair);
    return 0;
}
