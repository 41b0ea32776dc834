/* Preloaded processes ask for seats: see join.h. */
#include "join.h"

#include <err.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

enum { BACKLOG = 128, SERVICES = 256, EVERYONE = 0666 };

static socklen_t address_of(const char *where, struct sockaddr_un *address)
{
    size_t len = strlen(where);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, where, len);
    if (where[0] == '@')
        address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* Of one that has been killed nothing but its file is left. */
static void remove_if_stale(const char *where, const struct sockaddr_un *address, socklen_t len)
{
    struct stat st;
    int fd;

    if (where[0] != '/' || lstat(where, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)address, len) != 0 && errno == ECONNREFUSED)
        unlink(where);
    close(fd);
}

/* Whoever is preloaded may ask, as any user. */
static int listen_at(const char *where)
{
    struct sockaddr_un address;
    socklen_t len = address_of(where, &address);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

    if (fd < 0)
        return -errno;
    remove_if_stale(where, &address, len);
    if (bind(fd, (struct sockaddr *)&address, len) == 0 && (where[0] == '@' || chmod(where, EVERYONE) == 0) &&
        listen(fd, BACKLOG) == 0)
        return fd;
    error = errno;
    close(fd);
    return -error;
}

int join_try(const char *where)
{
    int fd = listen_at(where);

    if (fd < 0)
        return fd;
    if (where[0] == '/')
        unlink(where);
    close(fd);
    return 0;
}

static bool watch(struct join *j, int fd, unsigned place)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = place};

    return epoll_ctl(j->poll, EPOLL_CTL_ADD, fd, &event) == 0;
}

void join_begin(struct join *j, const struct options *o, struct session *session, struct readout *readout)
{
    memset(j, 0, sizeof *j);
    j->session = session;
    j->readout = readout;
    j->where = o->join;
    j->poll = j->listener = -1;
    if (strcmp(j->where, "off") == 0)
        return;
    j->listener = listen_at(j->where);
    if (j->listener < 0 && o->join_wanted)
        errx(EXIT_TROUBLE, "--join %s: %s", j->where, strerror(-j->listener));
    if (j->listener < 0) {
        warnx("preloaded services cannot be joined at %s: %s", j->where,
              j->listener == -EADDRINUSE ? "another octoprobe does that" : strerror(-j->listener));
        return;
    }
    while (j->instance == 0)
        if (getrandom(&j->instance, sizeof j->instance, 0) != sizeof j->instance)
            err(EXIT_TROUBLE, "getrandom");
    j->poll = epoll_create1(EPOLL_CLOEXEC);
    j->service = calloc(SERVICES, sizeof *j->service);
    if (j->poll < 0 || j->service == NULL || !watch(j, j->listener, JOIN_CONNECTIONS))
        err(EXIT_TROUBLE, "preloaded services cannot be joined");
    for (unsigned i = 0; i < JOIN_CONNECTIONS; i++)
        j->connection[i].fd = -1;
}

/* A process may say anything; it is for terminals and labels. */
static void make_printable(char name[OCTO_JOIN_NAME])
{
    json_t *text;

    name[OCTO_JOIN_NAME - 1] = '\0';
    text = json_string(name);
    for (char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || (text == NULL && (unsigned char)*c >= 0x80)) /* not UTF-8 */
            *c = '?';
    json_decref(text);
}

/* What processes of this service and name are counted under. 0: as if they had not told their service. */
static unsigned serial_for(struct join *j, pid_t pid, const char *name)
{
    char process[OCTO_NAME_MAX];
    struct join_service *s;
    unsigned serial = session_serial(j->session, pid, process);

    if (serial == 0)
        return 0;
    if (j->session->by_process) {
        readout_serve(j->readout, serial, name);
        return serial;
    }
    for (unsigned i = 0; i < j->services; i++)
        if (strcmp(j->service[i].name, name) == 0 && strcmp(j->service[i].process, process) == 0)
            return j->service[i].serial;
    if (j->services == SERVICES || (serial = session_new_serial(j->session, process)) == 0)
        return 0;
    s = &j->service[j->services++];
    strcpy(s->name, name);
    strcpy(s->process, process);
    s->serial = serial;
    readout_serve(j->readout, serial, name);
    return serial;
}

static unsigned free_map(const struct join *j)
{
    for (unsigned i = 1; i <= OCTO_JOINS; i++)
        if (!j->taken[i])
            return i;
    return 0;
}

static void leave(struct join *j, struct join_connection *c)
{
    close(c->fd);
    if (c->map != 0) {
        session_part(j->session, c->pid, c->map);
        j->taken[c->map] = false;
    }
    *c = (struct join_connection){.fd = -1};
    j->connections--;
}

static void send_answer(const struct join_connection *c, const struct octo_joined *answer, int map)
{
    struct iovec part = {(void *)answer, sizeof *answer};
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof map)];
    } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (map >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        control.head =
            (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof map), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.head), &map, sizeof map);
    }
    /* One that has ended meanwhile is no news. */
    if (sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EPIPE && errno != ECONNRESET)
        warn("process %d is not answered", (int)c->pid); /* its connection ends, or will */
}

/* The process has said who it is. */
static void answer(struct join *j, struct join_connection *c, struct octo_join *question)
{
    struct octo_joined reply = {.version = OCTO_JOIN_VERSION, .instance = j->instance};
    struct octo_joined_process process = {.context_offset = question->context_offset};
    int map = -1;

    make_printable(question->service);
    if (question->version == OCTO_JOIN_VERSION && c->map == 0 &&
        (process.serial = serial_for(j, c->pid, question->service)) != 0) {
        process.map = c->map = free_map(j);
        j->taken[c->map] = true;
        if (session_join(j->session, c->pid, &process) && c->map != 0)
            map = session_seats(j->session, c->map);
    }
    reply.joined = map >= 0;
    send_answer(c, &reply, map);
}

static void hear(struct join *j, struct join_connection *c)
{
    struct octo_join question;
    ssize_t n = recv(c->fd, &question, sizeof question, MSG_DONTWAIT);

    if (n == (ssize_t)sizeof question)
        answer(j, c, &question);
    else if (n >= 0 || (errno != EAGAIN && errno != EINTR))
        leave(j, c);
}

static void welcome(struct join *j)
{
    struct ucred peer;
    socklen_t size;
    int fd;
    unsigned place;

    while ((fd = accept4(j->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        for (place = 0; place < JOIN_CONNECTIONS && j->connection[place].fd >= 0;)
            place++;
        size = sizeof peer;
        if (place == JOIN_CONNECTIONS || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
            peer.pid <= 0 || !watch(j, fd, place)) {
            close(fd);
            continue;
        }
        j->connection[place] = (struct join_connection){.fd = fd, .pid = peer.pid};
        j->connections++;
        hear(j, &j->connection[place]);
    }
}

void join_step(struct join *j)
{
    struct epoll_event events[16];
    int n = j->poll < 0 ? 0 : epoll_wait(j->poll, events, 16, 0);

    for (int i = 0; i < n; i++) {
        if (events[i].data.u32 == JOIN_CONNECTIONS)
            welcome(j);
        else if (j->connection[events[i].data.u32].fd >= 0)
            hear(j, &j->connection[events[i].data.u32]);
    }
}

void join_end(struct join *j)
{
    if (j->poll < 0)
        return;
    for (unsigned i = 0; i < JOIN_CONNECTIONS; i++)
        if (j->connection[i].fd >= 0)
            leave(j, &j->connection[i]);
    if (j->where[0] == '/')
        unlink(j->where); /* if its directory is that user's; else the next one takes its place */
    close(j->listener);
    close(j->poll);
    free(j->service);
}
