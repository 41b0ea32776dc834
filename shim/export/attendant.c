/* The attendant: see attendant.h. */
#include "export/attendant.h"

#include "base/clock.h"
#include "base/sys.h"
#include "base/text.h"
#include "export/program.h"
#include "export/thread.h"
#include "octoshim/stack.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

enum {
    BACKLOG = 64,
    PATIENCE_MS = 200, /* for a directory */
};

/* A fork's child has its copy. */
static struct {
    _Atomic bool begun;
    _Atomic uint32_t length; /* of the address; 0: nobody is there */
    struct sockaddr_un address;
    uint32_t uid; /* who listens there */
    _Atomic bool apart;
} attendant;

/* The go-between: the descriptors that octoshim-stack is to have. */
static long prepare(struct octo_program_memory *m)
{
    const sa_family_t unix_family = AF_UNIX; /* alone: the kernel chooses an abstract address */
    uint32_t length = sizeof attendant.address;
    long listener, service, err;

    err = octo_thread_own_descriptors();
    if (err < 0)
        return err;
    listener = octo_sys(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0)
        return listener;
    err = octo_sys(SYS_bind, listener, &unix_family, sizeof unix_family);
    if (err == 0)
        err = octo_sys(SYS_listen, listener, BACKLOG);
    if (err == 0)
        err = octo_sys(SYS_getsockname, listener, &attendant.address, &length);
    if (err < 0)
        return err;
    service = octo_sys(SYS_pidfd_open, octo_sys(SYS_getppid), 0);
    if (service < 0)
        return service;
    attendant.uid = (uint32_t)octo_sys(SYS_geteuid);
    m->descriptor[0] = (struct octo_program_descriptor){(int)listener, OCTO_STACK_FD};
    m->descriptor[1] = (struct octo_program_descriptor){(int)service, OCTO_STACK_SERVICE_FD};
    return length;
}

void octo_attendant_start(const struct octo_settings *settings)
{
    static char log[sizeof "OCTOSHIM_LOG=" + OCTO_PATH_MAX];
    static char *const environment[] = {(char *)"OCTOSHIM_DISABLE=1", log, NULL};
    static struct octo_program_memory memory;
    const struct octo_program program = {settings->library, "octoshim-stack", environment};
    struct octo_text t;
    int length;

    if (atomic_exchange(&attendant.begun, true))
        return;
    octo_text_begin(&t, log, sizeof log);
    octo_text_str(&t, "OCTOSHIM_LOG=");
    octo_text_str(&t, settings->log);
    length = octo_program_start_prepared(&memory, &program, prepare);
    if (length > 0)
        atomic_store_explicit(&attendant.length, (uint32_t)length, memory_order_release);
}

bool octo_attendant_waits(void)
{
    return atomic_load_explicit(&attendant.length, memory_order_acquire) != 0;
}

int octo_attendant_call(void)
{
    uint32_t length = atomic_load_explicit(&attendant.length, memory_order_acquire);
    struct ucred peer;
    uint32_t peer_bytes = sizeof peer;
    long fd, err;

    if (length == 0)
        return -ENOENT;
    fd = octo_sys(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return (int)fd;
    err = octo_sys(SYS_connect, fd, &attendant.address, length);
    if (err == 0)
        err = octo_sys(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_bytes);
    if (err == 0 && peer.uid != attendant.uid)
        err = -EACCES; /* it has ended, and a stranger has its address */
    if (err < 0) {
        octo_sys(SYS_close, fd);
        return (int)err;
    }
    return (int)fd;
}

void octo_attendant_set_apart(void)
{
    if (octo_attendant_waits())
        atomic_store(&attendant.apart, true);
}

bool octo_attendant_is_apart(void)
{
    return atomic_load_explicit(&attendant.apart, memory_order_relaxed);
}

/* The descriptor that comes with a byte, or -errno. */
static long receive_descriptor(int from)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char byte;
    struct iovec part = {&byte, sizeof byte};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct pollfd p = {.fd = from, .events = POLLIN};
    const struct timespec most = {.tv_nsec = PATIENCE_MS * (long)OCTO_NS_PER_MS};
    long got = octo_sys(SYS_ppoll, &p, 1, &most, NULL, 0);
    int fd;

    if (got <= 0)
        return got < 0 ? got : -ETIMEDOUT;
    got = octo_sys(SYS_recvmsg, from, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0)
        return got;
    if (control.head.cmsg_type != SCM_RIGHTS || control.head.cmsg_len != CMSG_LEN(sizeof fd))
        return -ENOENT;
    memcpy(&fd, CMSG_DATA(&control.head), sizeof fd);
    return fd;
}

/* A socket at which that has been asked for, or -errno. */
static int ask(enum octo_stack_wish wish, uint32_t pid)
{
    const struct octo_stack_asked_for asked = {wish, pid};
    int to = octo_attendant_call();
    long sent;

    if (to < 0)
        return to;
    sent = octo_sys(SYS_sendto, to, &asked, sizeof asked, MSG_NOSIGNAL, NULL, 0);
    if (sent == sizeof asked)
        return to;
    octo_sys(SYS_close, to);
    return sent < 0 ? (int)sent : -EPIPE;
}

int octo_attendant_directory(void)
{
    int to = ask(OCTO_STACK_DIRECTORY, 0);
    long result;

    if (to < 0)
        return to;
    result = receive_descriptor(to);
    octo_sys(SYS_close, to);
    return (int)result;
}

static void mind(void *pid)
{
    ask(OCTO_STACK_MIND, (uint32_t)(uintptr_t)pid);
}

void octo_attendant_mind(uint32_t pid)
{
    if (octo_attendant_waits())
        octo_program_apart(mind, (void *)(uintptr_t)pid);
}
