// nginx's binary upgrade: a running service executes itself with its listener inherited, both serve for a
// while, then the old one ends; and a service that executes itself in place between two requests of one
// connection. (H10, H22)
// valgrind: no, it keeps descriptors among the service's own
//
// events: request.started=4 request.completed=4
#include "preload.h"

int main(int argc, char **argv)
{
    struct address address = {.len = sizeof address.sa};
    if (argc > 1 && strcmp(argv[1], "new") == 0) {
        serve(accept(3, NULL, NULL));
        return 0;
    }
    if (argc > 1) { /* in place: the listener is 3, the client's end 4, the connection 5 */
        pid_t pid = forked();
        if (pid == 0) {
            get_said(4, "/after");
            _exit(0);
        }
        close(4);
        serve(5);
        wait_ok(pid);
        return 0;
    }
    CHECK(listener(AF_INET, &address) == 3);
    int client = dial(&address);
    int conn = accept(3, NULL, NULL);
    CHECK(client == 4 && conn == 5);
    pid_t asks = forked();
    if (asks == 0) {
        get_said(client, "/before");
        _exit(0);
    }
    CHECK(serve_next(conn));
    wait_ok(asks);
    pid_t fresh = forked();
    if (fresh == 0) {
        closefrom(4);
        run_self("new");
    }
    int other = dial(&address);
    get_said(other, "/new");
    get_said(other, "/new");
    CHECK(close(other) == 0);
    wait_ok(fresh);
    run_self("in place");
}
