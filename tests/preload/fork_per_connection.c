// A child per connection, the parent closes its copy: exactly one started and one completed each. (H20)
//
// events: request.started=6 request.completed=6 request.aborted=0
#include "preload.h"

int main(void)
{
    struct address address;
    int listening = listener(AF_INET, &address);
    for (int i = 0; i < 3; i++) {
        int client = dial(&address);
        int conn = accept(listening, NULL, NULL);
        pid_t pid = forked();
        if (pid == 0) {
            close(listening);
            close(client);
            serve(conn);
            _exit(0);
        }
        CHECK(close(conn) == 0);
        get_said(client, "/one");
        get_said(client, "/two");
        CHECK(close(client) == 0);
        wait_ok(pid);
    }
    return 0;
}
