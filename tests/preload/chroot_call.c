// chroot before the first request and after one: the service serves on, nothing appears in the jail, and what
// was opened before keeps its way out. (H19)
#include "preload.h"

#include <dirent.h>

static void jailed(bool served_before)
{
    const char *jail = served_before ? "jail.after" : "jail.before";
    struct pair pair = tcp_pair();
    if (served_before) {
        exchange(&pair, "GET /free HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
        sleep_ms(50);
    }
    CHECK(mkdir(jail, 0755) == 0 && chroot(jail) == 0 && chdir("/") == 0);
    for (int i = 0; i < 3; i++)
        exchange(&pair, "GET /jailed HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    sleep_ms(50);
    DIR *dir = opendir("/");
    CHECK(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        CHECK(entry->d_name[0] == '.');
    pair_close(&pair);
    exit(0);
}

int main(void)
{
    if (geteuid() != 0)
        skip("needs root");
    for (int i = 0; i < 2; i++) {
        pid_t pid = forked();
        if (pid == 0)
            jailed(i);
        wait_ok(pid);
    }
    return 0;
}
