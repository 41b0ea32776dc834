// A setuid copy run by another user: the loader leaves the shim out, the program runs as bare. (H23)
//
// events: request.started=0
#include "preload.h"

#include <sys/auxv.h>
#include <sys/statvfs.h>

int main(int argc, char **argv)
{
    if (argc > 1) {
        say("secure %lu, user %u, effective %u, preload %s", getauxval(AT_SECURE), getuid(), geteuid(),
            getenv("LD_PRELOAD") ? "set" : "unset");
        struct pair pair = tcp_pair();
        exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
        pair_close(&pair);
        return 0;
    }
    struct statvfs fs;
    if (geteuid() != 0)
        skip("needs root");
    if (statvfs(".", &fs) != 0 || fs.f_flag & ST_NOSUID)
        skip("setuid is off here");
    char command[5000];
    snprintf(command, sizeof command, "cp %s copy && chmod 4755 copy", own_path());
    CHECK(system(command) == 0);
    pid_t pid = forked();
    if (pid == 0) {
        CHECK(setgid(65534) == 0 && setuid(65534) == 0);
        execl("./copy", "copy", "secure", NULL);
        check_failed(argv[0], 0, "exec");
    }
    wait_ok(pid);
    return 0;
}
