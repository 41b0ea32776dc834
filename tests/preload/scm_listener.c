// A listener is passed to a process that never calls listen; it accepts and serves. (H10, H15)
//
// events: request.started=2 request.completed=2
#include "scm.h"

int main(void)
{
    int channel[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, channel) == 0);
    pid_t pid = forked();
    if (pid == 0) {
        serve(accept(received(channel[1]), NULL, NULL));
        _exit(0);
    }
    struct address address;
    int listening = listener(AF_INET, &address);
    pass(channel[0], listening);
    CHECK(close(listening) == 0);
    int client = dial(&address);
    get_said(client, "/passed");
    get_said(client, "/again");
    CHECK(close(client) == 0);
    wait_ok(pid);
    return 0;
}
