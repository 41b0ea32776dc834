/* Stacks: see stack.h. */
#include "export/stack.h"

#include "base/clock.h"
#include "base/sys.h"
#include "base/text.h"
#include "export/attendant.h"
#include "export/error.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
    CHUNK = 4 << 10,
    PAGE = 4096,
    GUARD_PAGES = 64, /* how far into its guard a stack may have run */
#if defined(__x86_64__)
    MACHINE = EM_X86_64,
#elif defined(__aarch64__)
    MACHINE = EM_AARCH64,
#endif
};

static const char unheard[] = "octoshim-stack has not answered";

void octo_stack_fail(struct octo_stack_reply *reply, const char *reason, long error)
{
    struct octo_text t;

    *reply = (struct octo_stack_reply){.version = OCTO_STACK_VERSION, .cut = 1};
    octo_text_begin(&t, reply->reason, sizeof reply->reason);
    octo_text_str(&t, reason);
    if (error != 0) {
        octo_text_str(&t, ": ");
        octo_text_str(&t, octo_error_name((int)error));
    }
}

long octo_stack_read(uint64_t at, char *to, size_t n)
{
    const struct iovec here = {to, n}, there = {(void *)at, n};
    long got = octo_sys(SYS_process_vm_readv, octo_sys(SYS_getpid), &here, 1, &there, 1, 0), fd;

    if (got != -ENOSYS && got != -EPERM)
        return got;
    fd = octo_sys(SYS_openat, AT_FDCWD, "/proc/self/mem", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return got;
    got = octo_sys(SYS_pread64, fd, to, n, at);
    octo_sys(SYS_close, fd);
    return got;
}

long octo_stack_read_above(uint64_t *at, char *to, size_t n)
{
    long got = octo_stack_read(*at, to, n);

    for (unsigned pages = 0; got == -EFAULT && pages < GUARD_PAGES; pages++) {
        *at = (*at | (PAGE - 1)) + 1;
        got = octo_stack_read(*at, to, n);
    }
    return got;
}

/* Waits until fd is ready for it. False: not in time. */
static bool ready(int fd, short events, uint64_t deadline_ns)
{
    struct pollfd p = {.fd = fd, .events = events};
    uint64_t now = octo_clock_mono_ns();
    struct timespec left;

    if (now >= deadline_ns)
        return false;
    left.tv_sec = (time_t)((deadline_ns - now) / OCTO_NS_PER_S);
    left.tv_nsec = (long)((deadline_ns - now) % OCTO_NS_PER_S);
    return octo_sys(SYS_ppoll, &p, 1, &left, NULL, 0) == 1;
}

static long send_all(int to, const void *data, size_t n, uint64_t deadline_ns)
{
    const char *at = data;

    while (n != 0) {
        long sent = octo_sys(SYS_sendto, to, at, n, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);

        if (sent > 0) {
            at += sent;
            n -= (size_t)sent;
        } else if (sent != -EAGAIN) {
            return sent;
        } else if (!ready(to, POLLOUT, deadline_ns)) {
            return -ETIMEDOUT;
        }
    }
    return 0;
}

static long receive_all(int from, void *data, size_t n, uint64_t deadline_ns)
{
    char *at = data;

    while (n != 0) {
        long got = octo_sys(SYS_recvfrom, from, at, n, MSG_DONTWAIT, NULL, NULL);

        if (got > 0) {
            at += got;
            n -= (size_t)got;
        } else if (got == 0) {
            return -EPIPE;
        } else if (got != -EAGAIN) {
            return got;
        } else if (!ready(from, POLLIN, deadline_ns)) {
            return -ETIMEDOUT;
        }
    }
    return 0;
}

static long send_file(int to, int file, uint64_t deadline_ns)
{
    char chunk[CHUNK];
    long n, err = 0;

    while (err == 0 && (n = octo_sys(SYS_read, file, chunk, sizeof chunk)) != 0)
        err = n < 0 ? n : send_all(to, chunk, (size_t)n, deadline_ns);
    return err;
}

/* What the go-between talks about. */
struct talk {
    const struct octo_stack_question *q;
    const struct octo_stack_sample *sample;
    int maps; /* -1: the attendant has to find them out */
    struct octo_stack_reply *reply;
    char *json;
    struct octo_stack_place *place;
    long err; /* how it ended: 0 or -errno */
};

/* Sends the sample, and receives what the program makes of it. Returns 0 or -errno. */
static long talk(const struct talk *t, int program)
{
    const struct octo_stack_question *q = t->q;
    struct octo_stack_reply *reply = t->reply;
    long err = send_all(program, t->sample, sizeof *t->sample, q->deadline_ns);

    if (err == 0)
        err = send_all(program, q->stack, q->stack_bytes, q->deadline_ns);
    if (err == 0)
        err = send_all(program, q->other, q->other_bytes, q->deadline_ns);
    if (err == 0 && t->maps >= 0)
        err = send_file(program, t->maps, q->deadline_ns);
    octo_sys(SYS_shutdown, program, SHUT_WR);
    if (err == 0)
        err = receive_all(program, reply, sizeof *reply, q->deadline_ns);
    if (err == 0 && (reply->version != OCTO_STACK_VERSION || reply->json_bytes > q->json_max ||
                     reply->places > (t->place != NULL ? OCTO_STACK_FRAMES_MAX : 0)))
        err = -EPROTO;
    if (err == 0)
        err = receive_all(program, t->json, reply->json_bytes, q->deadline_ns);
    if (err == 0)
        err = receive_all(program, t->place, reply->places * sizeof *t->place, q->deadline_ns);
    return err;
}

static bool converse(void *arg, int program)
{
    struct talk *t = arg;
    struct octo_stack_reply *reply = t->reply;

    t->err = talk(t, program);
    reply->reason[sizeof reply->reason - 1] = '\0';
    if (t->err != 0)
        octo_stack_fail(reply, unheard, t->err);
    else if (reply->frames == 0 && reply->reason[0] == '\0')
        octo_stack_fail(reply, "octoshim-stack has found no frame", 0);
    return t->err == 0;
}

/* Whether it is about this process. */
static bool ours(const struct octo_stack_question *q)
{
    return q->pid == (uint32_t)octo_sys(SYS_getpid);
}

static long open_maps(const struct octo_stack_question *q)
{
    char path[32];
    struct octo_text t;

    octo_text_begin(&t, path, sizeof path);
    octo_text_str(&t, "/proc/");
    if (ours(q)) /* which another PID namespace's /proc knows as well */
        octo_text_str(&t, "self");
    else
        octo_text_u64(&t, q->pid);
    octo_text_str(&t, "/maps");
    return octo_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
}

/* Returns 0, whatever the answer is, or -errno: there is nobody to ask. */
static int ask_attendant(struct talk *talk)
{
    int fd = octo_attendant_call();

    if (fd < 0)
        return fd;
    converse(talk, fd);
    octo_sys(SYS_close, fd);
    return 0;
}

static int ask_program(struct talk *talk)
{
    static char *const environment[] = {(char *)"OCTOSHIM_DISABLE=1", NULL};
    const struct octo_stack_question *q = talk->q;
    const struct octo_program program = {q->settings->library, "octoshim-stack", environment};

    return octo_program_ask(q->memory, &program, OCTO_STACK_FD, converse, talk);
}

enum octo_stack_asked octo_stack_ask(const struct octo_stack_question *q, struct octo_stack_reply *reply,
                                     char *json, struct octo_stack_place place[OCTO_STACK_FRAMES_MAX])
{
    struct octo_stack_sample sample = {
        .version = OCTO_STACK_VERSION,
        .machine = MACHINE,
        .pid = q->pid,
        .uid = (uint32_t)octo_sys(SYS_geteuid),
        .frames_max = OCTO_STACK_FRAMES_MAX,
        .json_max = q->json_max,
        .known = q->known,
        .stack_at = q->stack_at,
        .stack_bytes = q->stack_bytes,
        .other_at = q->other_at,
        .other_bytes = q->other_bytes,
        .trim = q->trim,
    };
    bool attended = octo_attendant_waits() && ours(q);
    long maps = open_maps(q);
    struct talk talk = {q, &sample, maps < 0 ? -1 : (int)maps, reply, json, place, -EPIPE};
    int err;

    if (maps < 0 && !attended) {
        octo_stack_fail(reply, "the maps in /proc cannot be read", maps);
        return OCTO_STACK_UNREADABLE;
    }
    memcpy(sample.registers, q->registers, sizeof sample.registers);
    octo_stack_fail(reply, unheard, 0);
    err = attended ? ask_attendant(&talk) : ask_program(&talk);
    if (maps >= 0)
        octo_sys(SYS_close, maps);
    if (err < 0) {
        octo_stack_fail(
            reply, attended ? "octoshim-stack, left outside, is gone" : "octoshim-stack cannot be started", err);
        return OCTO_STACK_ABSENT;
    }
    return talk.err == 0 ? OCTO_STACK_ANSWERED : talk.err == -ETIMEDOUT ? OCTO_STACK_LATE : OCTO_STACK_ABSENT;
}
