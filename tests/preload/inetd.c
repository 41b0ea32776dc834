// inetd: a program is started with a connection as descriptor 0 and serves it there, reading and writing.
// (H10)
//
// events: request.started=2 request.completed=2
// event: request.completed path=/inetd status_code=200
#include "preload.h"

int main(int argc, char **argv)
{
    if (argc > 1) {
        CHECK(strcmp(argv[1], "inetd") == 0);
        serve(0);
        return 0;
    }
    struct address address;
    int listening = listener(AF_INET, &address);
    int client = dial(&address);
    int conn = accept(listening, NULL, NULL);
    pid_t pid = forked();
    if (pid == 0) {
        CHECK(dup2(conn, 0) == 0);
        closefrom(3);
        run_self("inetd");
    }
    CHECK(close(conn) == 0);
    get_said(client, "/inetd");
    get_said(client, "/again");
    CHECK(close(client) == 0);
    wait_ok(pid);
    return 0;
}
