// A connection is passed to another process over SCM_RIGHTS as soon as it is accepted, and served there; the
// sender closes its copy. (H15)
//
// events: request.started=2 request.completed=2 request.aborted=0
#include "scm.h"

int main(void)
{
    int channel[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, channel) == 0);
    struct address address;
    int listening = listener(AF_INET, &address);
    pid_t pid = forked();
    if (pid == 0) {
        close(listening);
        serve(received(channel[1]));
        _exit(0);
    }
    int client = dial(&address);
    int conn = accept(listening, NULL, NULL);
    pass(channel[0], conn);
    CHECK(close(conn) == 0);
    get_said(client, "/passed");
    get_said(client, "/again");
    CHECK(close(client) == 0);
    wait_ok(pid);
    return 0;
}
