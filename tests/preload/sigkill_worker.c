// A worker is killed with SIGKILL right after its response: a sibling writes the event. ("Nothing completed
// is lost")
//
// events: request.started=11 request.completed=11
// event: request.completed path=/9
// event: request.completed path=/last
#include "preload.h"

int main(void)
{
    struct address address;
    int listening = listener(AF_INET, &address);
    for (int i = 0; i < 10; i++) {
        pid_t worker = forked();
        if (worker == 0) {
            int conn = accept(listening, NULL, NULL);
            serve_next(conn);
            raise(SIGKILL);
        }
        char path[20];
        sprintf(path, "/%d", i);
        get_once(&address, path);
        int status;
        CHECK(waitpid(worker, &status, 0) == worker);
        say("worker killed by %d", WTERMSIG(status));
    }
    pid_t sibling = forked();
    if (sibling == 0) {
        serve(accept(listening, NULL, NULL));
        sleep_ms(300);
        exit(0);
    }
    get_once(&address, "/last");
    wait_ok(sibling);
    return 0;
}
