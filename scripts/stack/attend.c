/*
 * The attendant: stays outside the root that the service has changed, and does for each who asks what octoshim-stack does
 * when it is started for one sample. For main.c.
 *
 *      0  a listening socket        1  a pidfd of the process that has started it
 *
 * It may have the privileges that the service has given up since, so whoever asks is served by a child, which takes the
 * asker's user before it reads a byte of what is sent. The maps are those of the process that is connected, where they may be read; else
 * those that it sends, and its user's rights are all that it gets by them.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parts.h"

enum {
    TABLE_MAX = 4096,
    CHILDREN_MAX = 8, /* who comes when there are so many is sent away */
    TIME_S = 5,       /* to ask in */
};

/* What is waited for. The first one listens. */
static struct pollfd table[TABLE_MAX];
static bool minded[TABLE_MAX]; /* it is a pidfd of a process that may ask */
static nfds_t used;
static unsigned minded_count, children;

/* Whatever of this the service has set is still so. */
static void settle(void)
{
    sigset_t none;

    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (chdir("/") != 0) /* it keeps no file system busy */
        exit(EXIT_FAILURE);
}

/* From here on this process may do what that user may. */
static bool become(const struct ucred *peer)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct nothing[_LINUX_CAPABILITY_U32S_3] = {0};

    if (peer->uid != geteuid() && (setgroups(0, NULL) != 0 || setresgid(peer->gid, peer->gid, peer->gid) != 0 ||
                                   setresuid(peer->uid, peer->uid, peer->uid) != 0))
        return false;
    return syscall(SYS_capset, &header, nothing) == 0;
}

/* Whole; NULL: *error says why. */
static char *read_maps(pid_t pid, int *error)
{
    char path[32], *text = calloc(1, MAPS_MAX + 1);
    size_t length = 0;
    ssize_t n = -1;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && text != NULL && length < MAPS_MAX && (n = read(fd, text + length, MAPS_MAX - length)) > 0)
        length += (size_t)n;
    *error = errno;
    return n < 0 ? NULL : text;
}

static bool wants_directory(void)
{
    struct octo_stack_asked_for asked;

    return recv(OCTO_STACK_FD, &asked, sizeof asked, MSG_PEEK | MSG_WAITALL) == sizeof asked &&
           asked.wish == OCTO_STACK_DIRECTORY;
}

/* Without it, if it cannot be opened. */
static void give_directory(void)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct iovec part = {(char[]){0}, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    char *log = getenv("OCTOSHIM_LOG");
    int fd = log != NULL && log[0] == '/' ? open(dirname(log), O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
    }
    sendmsg(OCTO_STACK_FD, &message, MSG_NOSIGNAL);
    exit(EXIT_SUCCESS);
}

/* In the child, which does not live long, whatever the guest does. */
static char *receive(int guest, int *error)
{
    struct ucred peer;
    char *maps;

    if (getsockopt(guest, SOL_SOCKET, SO_PEERCRED, &peer, &(socklen_t){sizeof peer}) != 0)
        exit(EXIT_FAILURE);
    alarm(TIME_S);
    maps = read_maps(peer.pid, error);
    if (dup2(guest, OCTO_STACK_FD) < 0 || !become(&peer))
        exit(EXIT_FAILURE);
    closefrom(OCTO_STACK_FD + 1);
    if (wants_directory())
        give_directory();
    return maps;
}

/* fd < 0: nothing. */
static void add(int fd, bool mind)
{
    if (fd < 0 || used == TABLE_MAX) {
        close(fd);
        return;
    }
    minded[used] = mind;
    minded_count += mind;
    table[used++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void drop(nfds_t place)
{
    close(table[place].fd);
    minded_count -= minded[place];
    table[place] = table[--used];
    minded[place] = minded[used];
}

/* The guest has something to say, or has gone. True: this is the child that serves it. */
static bool serve(int guest)
{
    struct octo_stack_asked_for asked;
    ssize_t n = recv(guest, &asked, sizeof asked, MSG_PEEK | MSG_DONTWAIT);
    pid_t child;

    if (n == sizeof asked && asked.wish == OCTO_STACK_MIND) {
        add((int)syscall(SYS_pidfd_open, asked.pid, 0), true);
        return false;
    }
    while (children > 0 && waitpid(-1, NULL, WNOHANG) > 0)
        children--;
    if (n <= 0 || children == CHILDREN_MAX)
        return false;
    child = fork();
    children += child > 0;
    return child == 0;
}

char *attend(int *error)
{
    settle();
    add(OCTO_STACK_FD, false);
    add(OCTO_STACK_SERVICE_FD, true);
    /* What has been said by the last one before its end still counts. */
    for (int ready; (ready = poll(table, used, minded_count != 0 ? -1 : 0)) != 0;) {
        if (ready < 0)
            continue;
        for (nfds_t place = used; --place > 0;) {
            if (table[place].revents == 0)
                continue;
            if (!minded[place] && serve(table[place].fd))
                return receive(table[place].fd, error);
            drop(place);
        }
        if (table[0].revents != 0)
            add(accept4(OCTO_STACK_FD, NULL, NULL, SOCK_CLOEXEC), false);
    }
    exit(EXIT_SUCCESS);
}
