// Log and runtime directory on a file system that is mounted read-only: the service serves, and one message
// names the log. ("Bad input")
// stderr: any
// told: events.log
#include "preload.h"

#include <sched.h>
#include <sys/mount.h>

int main(int argc, char **argv)
{
    char here[4096];
    CHECK(getcwd(here, sizeof here));
    if (argc == 1) {
        if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0)
            skip("needs root");
        if (mount("", "/", "", MS_REC | MS_PRIVATE, NULL) != 0 || mount(here, here, "", MS_BIND, NULL) != 0 ||
            mount("", here, "", MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0 || chdir(here) != 0)
            skip("may not mount");
        run_self("read-only");
    }
    CHECK(strcmp(argv[1], "read-only") == 0);
    CHECK(open("file", O_WRONLY | O_CREAT, 0600) == -1 && errno == EROFS);
    struct pair pair = tcp_pair();
    for (int i = 0; i < 3; i++)
        exchange(&pair, "GET /ro HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
