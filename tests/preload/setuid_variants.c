// setreuid, seteuid and back, setresgid, setegid and a raw setresuid after a request: results as bare, and
// the tasks of the process agree at each step. (H24)
// owner: 65534
//
// events: request.started=8 request.completed=8
#include "preload.h"

#include <dirent.h>
#include <grp.h>
#include <sys/syscall.h>

static void agree(const char *when)
{
    char first[2][256] = {"", ""};
    DIR *dir = opendir("/proc/self/task");
    CHECK(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[300], line[256];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        FILE *status = fopen(path, "r");
        while (status && fgets(line, sizeof line, status)) {
            int which = strncmp(line, "Uid:", 4) == 0 ? 0 : strncmp(line, "Gid:", 4) == 0 ? 1 : -1;
            if (which >= 0) {
                CHECK(!first[which][0] || strcmp(first[which], line) == 0);
                strcpy(first[which], line);
            }
        }
        if (status)
            fclose(status);
    }
    closedir(dir);
    say("%s: %.*s, %.*s", when, (int)strlen(first[0]) - 1, first[0], (int)strlen(first[1]) - 1, first[1]);
}

int main(void)
{
    if (geteuid() != 0)
        skip("needs root");
    const char *const names[] = {"start",     "setegid",  "seteuid",    "seteuid back",
                                 "setresgid", "setreuid", "raw setuid", "end"};
    struct pair pair = tcp_pair();
    for (int i = 0; i < 8; i++) {
        int done = i == 1   ? setegid(65534)
                   : i == 2 ? seteuid(65534)
                   : i == 3 ? seteuid(0)
                   : i == 4 ? setresgid(65534, 65534, 65534)
                   : i == 5 ? setreuid(65534, 0)
                   : i == 6 ? (int)syscall(SYS_setresuid, 65534, 65534, 65534)
                            : 0;
        CHECK(done == 0);
        agree(names[i]);
        exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
        sleep_ms(20);
    }
    pair_close(&pair);
    return 0;
}
