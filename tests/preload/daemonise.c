// A daemon that closes every descriptor it does not know, with a loop and with closefrom, forks twice, opens
// /dev/null as 0, 1, 2, and serves; it closes all above its listener once more after the first request. (H17)
// valgrind: no, it keeps descriptors among the service's own
//
// events: request.started=4 request.completed=4
#include "preload.h"

#include <sys/prctl.h>

static void daemon_of(const struct sockaddr_un *un)
{
    if (setsid() < 0 || forked() != 0)
        _exit(0);
    umask(0);
    for (int fd = 0; fd < 65536; fd++)
        close(fd);
    closefrom(0);
    CHECK(open("/dev/null", O_RDWR) == 0 && dup(0) == 1 && dup(0) == 2);
    int listening = socket(AF_UNIX, SOCK_STREAM, 0);
    if (listening != 3 || bind(listening, (const struct sockaddr *)un, sizeof *un) || listen(listening, 5))
        _exit(2);
    for (int i = 0; i < 4; i++) {
        int conn = accept(listening, NULL, NULL);
        if (conn != 4)
            _exit(3);
        serve(conn);
        if (i == 1)
            for (int fd = 4; fd < 65536; fd++)
                close(fd);
        closefrom(4);
        char text[200];
        open_descriptors(text, sizeof text);
        if (strcmp(text, "0 1 2 3") != 0)
            _exit(4);
    }
    _exit(0);
}

int main(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "daemon.sock"};
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0); /* so that the daemon can be waited for */
    pid_t pid = forked();
    if (pid == 0)
        daemon_of(&un);
    wait_ok(pid);
    for (int i = 0; i < 4; i++) {
        int client = socket(AF_UNIX, SOCK_STREAM, 0), tries = 0;
        while (connect_unseen(client, (struct sockaddr *)&un, sizeof un) != 0 && tries++ < 1000)
            sleep_ms(5);
        get_said(client, "/daemon");
        close(client);
    }
    int status;
    CHECK(wait(&status) > 0);
    say("the daemon ends with %d", status);
    return 0;
}
