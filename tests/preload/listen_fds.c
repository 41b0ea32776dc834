// systemd's socket activation: the listener is descriptor 3, named by LISTEN_FDS; the service never calls
// listen. (H10, H18)
// valgrind: no, it keeps descriptors among the service's own
//
// events: request.started=2 request.completed=2
#include "preload.h"

int main(int argc, char **argv)
{
    if (argc > 1) {
        CHECK(strcmp(argv[1], "activated") == 0);
        CHECK(atoi(getenv("LISTEN_FDS")) == 1 && atoi(getenv("LISTEN_PID")) == getpid());
        int accepting = 0;
        socklen_t len = sizeof accepting;
        CHECK(getsockopt(3, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &len) == 0 && accepting);
        char text[100];
        open_descriptors(text, sizeof text);
        say("descriptors %s", text);
        serve(accept(3, NULL, NULL));
        return 0;
    }
    struct address address;
    CHECK(listener(AF_INET, &address) == 3);
    pid_t pid = forked();
    if (pid == 0) {
        char number[20];
        sprintf(number, "%d", getpid());
        setenv("LISTEN_FDS", "1", 1);
        setenv("LISTEN_PID", number, 1);
        run_self("activated");
    }
    int client = dial(&address);
    get_said(client, "/activated");
    get_said(client, "/again");
    CHECK(close(client) == 0);
    wait_ok(pid);
    return 0;
}
