// The same after a request has been served: afterwards no task of the process has the old user, group, groups
// or capabilities, and serving and events go on. (H24)
// owner: 65534
//
// events: request.started=4 request.completed=4
#include "preload.h"

#include <dirent.h>
#include <grp.h>

/* The distinct values of a line of /proc/self/task/N/status over all tasks. */
static void tell(const char *field)
{
    char seen[256] = "";
    DIR *dir = opendir("/proc/self/task");
    CHECK(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[300], line[256];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        FILE *status = fopen(path, "r");
        while (status && fgets(line, sizeof line, status))
            if (strncmp(line, field, strlen(field)) == 0 && strcmp(line, seen) != 0) {
                CHECK(!seen[0]); /* all tasks are alike */
                strcpy(seen, line);
            }
        if (status)
            fclose(status);
    }
    closedir(dir);
    seen[strcspn(seen, "\n")] = 0;
    say("%s", seen);
}

int main(void)
{
    if (geteuid() != 0)
        skip("needs root");
    struct pair pair = tcp_pair();
    for (int i = 0; i < 4; i++) {
        exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
        if (i != 1)
            continue;
        sleep_ms(50);
        CHECK(setgroups(0, NULL) == 0);
        CHECK(setgid(65534) == 0);
        CHECK(setuid(65534) == 0);
        tell("Uid:");
        tell("Gid:");
        tell("Groups:");
        tell("CapEff:");
        tell("CapPrm:");
    }
    sleep_ms(50);
    tell("Uid:");
    tell("CapEff:");
    pair_close(&pair);
    return 0;
}
