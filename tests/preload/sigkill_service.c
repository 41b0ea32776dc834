// The whole service is killed with SIGKILL right after a response; its next start, with the same runtime
// directory, writes the event. ("Nothing completed is lost")
//
// events: request.started=3 request.completed=3
// event: request.completed path=/killed
#include "preload.h"

static const struct sockaddr_un NAME = {.sun_family = AF_UNIX, .sun_path = "service.sock"};

int main(int argc, char **argv)
{
    if (argc > 1) {
        int listening = socket(AF_UNIX, SOCK_STREAM, 0);
        unlink(NAME.sun_path);
        CHECK(bind(listening, (const struct sockaddr *)&NAME, sizeof NAME) == 0 && listen(listening, 5) == 0);
        CHECK(kill(getppid(), SIGUSR1) == 0);
        serve_next(accept(listening, NULL, NULL));
        if (strcmp(argv[1], "killed") == 0)
            raise(SIGKILL);
        return 0;
    }
    const char *const paths[] = {"/killed", "/killed", "/next"};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        int got, status;
        pid_t pid = forked_self(i < 2 ? "killed" : "next");
        CHECK(sigwait(&set, &got) == 0);
        int client = socket(AF_UNIX, SOCK_STREAM, 0);
        CHECK(connect_unseen(client, (const struct sockaddr *)&NAME, sizeof NAME) == 0);
        get_said(client, paths[i]);
        CHECK(close(client) == 0 && waitpid(pid, &status, 0) == pid);
        say("status %d", status);
    }
    return 0;
}
