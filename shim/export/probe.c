/* Joining octoprobe: see probe.h. */
#include "export/probe.h"

#include "base/clock.h"
#include "base/sys.h"
#include "export/lead.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { LOOK_MS = 1000, PATIENCE_MS = 200, MEMORY_BYTES = OCTO_SEATS * sizeof(struct octo_seat) };

struct octo_seat *_Atomic octo_probe_memory;
_Atomic uint32_t octo_probe_instance;
_Atomic uint8_t octo_probe_lives;

static int64_t context_offset;
/* The writer thread's. */
static int connection = -1;
static bool waiting;     /* for an answer */
static uint32_t met;     /* instance that was asked last */
static uint64_t next_ns; /* no look before */
static void *memory;     /* where seats are, or were */

void octo_probe_wake(int64_t offset)
{
    context_offset = offset;
}

static void hang_up(void)
{
    if (connection >= 0)
        octo_sys(SYS_close, connection);
    connection = -1;
    waiting = false;
}

/* Who alone can make a socket of that name, by its directory. */
static bool owns_directory(uint32_t uid, const char *path)
{
    char directory[OCTO_PROBE_MAX];
    size_t len = strlen(path);
    struct stat st;

    if (path[0] != '/' || len >= sizeof(directory))
        return false;
    memcpy(directory, path, len);
    while (directory[len - 1] != '/')
        len--;
    directory[len] = '\0';
    return octo_sys(SYS_newfstatat, AT_FDCWD, directory, &st, 0) == 0 && st.st_uid == uid &&
           (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool is_trusted(int fd, const char *where)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    return octo_sys(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == 0 || (long)peer.uid == octo_sys(SYS_geteuid) || owns_directory(peer.uid, where));
}

/* Connects and asks. */
static bool ask(const struct octo_settings *settings, const struct octo_segment *segment)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct octo_join question = {.version = OCTO_JOIN_VERSION, .context_offset = context_offset};
    size_t len = strlen(settings->probe);

    if ((settings->probe[0] != '/' && settings->probe[0] != '@') || len >= sizeof(address.sun_path))
        return false;
    memcpy(address.sun_path, settings->probe, len);
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0'; /* not in the file system: unix(7), "abstract" */
    memcpy(question.service, segment->service, sizeof(question.service) - 1);
    connection = (int)octo_sys(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection < 0)
        return false;
    if (octo_sys(SYS_connect, connection, &address, offsetof(struct sockaddr_un, sun_path) + len) != 0 ||
        !is_trusted(connection, settings->probe) ||
        octo_sys(SYS_sendto, connection, &question, sizeof(question), MSG_NOSIGNAL, NULL, 0) !=
            (long)sizeof(question)) {
        hang_up();
        return false;
    }
    waiting = true;
    return true;
}

/* The map takes the place of the one before: a thread that is reading there reads zeroes, and takes its seat anew. */
static void sit_down(int map, uint32_t instance)
{
    uint8_t life;
    long at = octo_sys(SYS_mmap, memory, MEMORY_BYTES, PROT_READ | PROT_WRITE,
                       MAP_SHARED | (memory ? MAP_FIXED : 0), map, 0);

    if (at < 0 && at > -4096)
        return;
    memory = (void *)at;
    if (octo_sys(SYS_madvise, at, MEMORY_BYTES, MADV_DONTFORK) != 0)
        return;
    life = (uint8_t)(octo_probe_lives + 1);
    octo_probe_lives = life ? life : 1;
    octo_probe_instance = instance;
    atomic_store_explicit(&octo_probe_memory, (struct octo_seat *)at, memory_order_release);
}

/* What has come on the connection. 0: its end; 1: an answer; -EAGAIN: nothing. */
static int hear(void)
{
    struct octo_joined answer = {0};
    struct iovec part = {&answer, sizeof(answer)};
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    struct cmsghdr *c;
    int map = -1;
    long n = octo_sys(SYS_recvmsg, connection, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n == -EAGAIN || n == -EINTR)
        return -EAGAIN;
    if (n <= 0)
        return 0;
    c = CMSG_FIRSTHDR(&message);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&map, CMSG_DATA(c), sizeof(map));
    waiting = false;
    if (n == (long)sizeof(answer) && answer.version == OCTO_JOIN_VERSION) {
        met = answer.instance;
        if (answer.joined && map >= 0)
            sit_down(map, answer.instance);
    }
    if (map >= 0)
        octo_sys(SYS_close, map);
    return 1;
}

void octo_probe_look(const struct octo_settings *settings, struct octo_segment *segment)
{
    uint64_t now;
    int heard;

    if ((!waiting && octo_clock_coarse_ns() < next_ns) || atomic_load(&segment->muted))
        return;
    now = octo_clock_coarse_ns();
    next_ns = now + LOOK_MS * OCTO_NS_PER_MS;
    if (connection < 0 && !ask(settings, segment)) {
        segment->probe = 0;
        return;
    }
    heard = hear();
    if (heard == 0) {
        hang_up();
        segment->probe = 0;
    } else if (heard == 1 && segment->probe != met) {
        segment->probe = met;
        octo_lead_nudge(&segment->lead);
    }
}

void octo_probe_meet(const struct octo_settings *settings, struct octo_segment *segment)
{
    const struct timespec patience = {.tv_nsec = PATIENCE_MS * (long)OCTO_NS_PER_MS};
    struct pollfd fd;

    if (segment->probe == 0 || segment->probe == met || atomic_load(&segment->muted))
        return;
    hang_up();
    if (!ask(settings, segment)) {
        met = segment->probe;
        return;
    }
    fd = (struct pollfd){.fd = connection, .events = POLLIN};
    octo_sys(SYS_ppoll, &fd, 1, &patience, NULL, 8);
    if (hear() != 1)
        hang_up();
    met = segment->probe; /* one attempt each */
}

void octo_probe_end(void)
{
    hang_up();
    met = 0;
    next_ns = 0;
}

void octo_probe_forked(void)
{
    connection = -1;
    waiting = false;
    met = 0;
    next_ns = 0;
    memory = NULL;
    octo_probe_instance = 0;
    atomic_store(&octo_probe_memory, NULL);
}
