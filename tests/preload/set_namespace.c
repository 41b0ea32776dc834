// setns into a mount namespace, which fails where threads share the root, and unshare of mounts, hostname and
// network, after a request. (H19, H24)
//
// events: request.completed=6
#include "preload.h"

#include <sched.h>

static void ask(struct pair *pair)
{
    exchange(pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    sleep_ms(20);
}

/* Entering a mount namespace goes to its root, which is not ours where we live in a chroot. */
static bool root_is_a_mount(void)
{
    char line[1024], point[256];
    FILE *mounts = fopen("/proc/self/mountinfo", "r");
    bool found = false;

    while (mounts && !found && fgets(line, sizeof line, mounts))
        found = sscanf(line, "%*s %*s %*s %*s %255s", point) == 1 && strcmp(point, "/") == 0;
    if (mounts)
        fclose(mounts);
    return found;
}

int main(void)
{
    if (!root_is_a_mount())
        skip("the root is no mount (a chroot)");
    struct pair pair = tcp_pair();
    ask(&pair);
    int mine = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    CHECK(mine >= 0);
    int done = setns(mine, CLONE_NEWNS);
    say("setns: %d, errno %d", done, done ? errno : 0);
    ask(&pair);
    done = unshare(CLONE_NEWNS);
    say("unshare mounts: %d, errno %d", done, done ? errno : 0);
    ask(&pair);
    done = setns(mine, CLONE_NEWNS);
    say("setns back: %d, errno %d", done, done ? errno : 0);
    ask(&pair);
    done = unshare(CLONE_NEWUTS | CLONE_NEWNET);
    say("unshare others: %d, errno %d", done, done ? errno : 0);
    ask(&pair);
    done = unshare(CLONE_FILES | CLONE_FS);
    say("unshare tables: %d, errno %d", done, done ? errno : 0);
    ask(&pair);
    pair_close(&pair);
    return 0;
}
