/* The sink: which descriptor, and writing to it. See sink.h; the file's name and rotation are rotate.c's. */
#include "export/sink.h"

#include "base/clock.h"
#include "base/sys.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

enum { SEARCH_MAX = 1 << 20 }; /* bytes of a file looked through for a batch of a writer that was killed */

static bool is_stderr(const char *path)
{
    return octo_text_same(path, strlen(path), "stderr");
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        octo_sys(SYS_close, *fd);
    *fd = -1;
}

void octo_sink_init(struct octo_sink *s, const char *path, enum octo_rotate rotate, uint64_t rotate_bytes)
{
    memset(s, 0, sizeof *s);
    s->path = path;
    s->rotate = rotate;
    s->rotate_bytes = rotate_bytes;
    s->real_ns = octo_clock_real_ns;
    s->mono_ns = octo_clock_mono_ns;
    s->fd = s->dir_fd = -1;
}

/*
 * True if a line on fd harms nobody. A service may have closed its stderr, and then the number means anything: a
 * client's connection, a database. So: pipes, terminals and the like; Unix sockets that no client has connected to
 * (systemd's journal, a supervisor's socketpair); files that are only written.
 */
static bool harmless(int fd, mode_t mode)
{
    struct sockaddr_un name;
    socklen_t len = sizeof name;
    long flags;

    switch (mode & S_IFMT) {
    case S_IFIFO:
    case S_IFCHR:
        return true;
    case S_IFREG:
        flags = octo_sys(SYS_fcntl, fd, F_GETFL);
        return flags >= 0 && (flags & O_ACCMODE) == O_WRONLY;
    case S_IFSOCK:
        return octo_sys(SYS_getsockname, fd, &name, &len) == 0 && name.sun_family == AF_UNIX &&
               len <= offsetof(struct sockaddr_un, sun_path);
    default:
        return false;
    }
}

int octo_sink_stderr(struct octo_sink *s)
{
    struct stat st;
    int fd = 2;

    if (!s->own_stderr) {
        /* This thread's own descriptors are others than the service's: ask for the one it has now. */
        int pidfd = (int)octo_sys(SYS_pidfd_open, octo_sys(SYS_getpid), 0);

        if (pidfd < 0)
            return pidfd;
        fd = (int)octo_sys(SYS_pidfd_getfd, pidfd, 2, 0);
        octo_sys(SYS_close, pidfd);
        if (fd < 0)
            return fd;
    }
    if (octo_sys(SYS_fstat, fd, &st) == 0 && harmless(fd, st.st_mode)) {
        s->stream = !S_ISREG(st.st_mode);
        s->socket = S_ISSOCK(st.st_mode);
        s->dev = s->ino = 0;
        s->size = 0;
        return fd;
    }
    if (fd != 2)
        octo_sys(SYS_close, fd);
    return -EBADF;
}

static void drop_fd(struct octo_sink *s)
{
    if (s->fd == 2 && s->own_stderr)
        s->fd = -1; /* it stays, for the next time */
    else
        close_fd(&s->fd);
}

void octo_sink_close(struct octo_sink *s)
{
    drop_fd(s);
    s->fallback = false;
}

void octo_sink_rest(struct octo_sink *s)
{
    if (s->fallback || is_stderr(s->path))
        drop_fd(s);
}

int octo_sink_ready(struct octo_sink *s, size_t len)
{
    bool to_stderr = is_stderr(s->path);
    uint64_t now = s->mono_ns();
    bool look = s->fd < 0 || now - s->looked_ns >= OCTO_SINK_LOOK_AGAIN_MS * OCTO_NS_PER_MS;

    if (s->path[0] == 0)
        return -ENODEV;
    if (look) {
        if (to_stderr || s->fallback || octo_sink_moved(s))
            drop_fd(s);
        s->looked_ns = now;
    }
    if (s->fd < 0 && !to_stderr && (look || !s->fallback)) {
        s->open_error = octo_sink_open_file(s);
        s->fallback = s->open_error != 0;
        s->open_failures += s->fallback;
    }
    if (s->fd < 0) {
        int fd = octo_sink_stderr(s);

        if (fd < 0)
            return s->fallback ? s->open_error : fd;
        s->fd = fd;
    }
    if (to_stderr || s->fallback || s->stream)
        return 0;
    return octo_sink_rotate_if_due(s, len);
}

/* The longest run of whole lines that fits one undivided write; the first line in any case. */
static size_t whole_lines(const char *p, size_t n)
{
    size_t len = n < OCTO_SINK_ATOMIC ? n : OCTO_SINK_ATOMIC;

    while (len > 0 && p[len - 1] != '\n')
        len--;
    if (len == 0) {
        const char *feed = memchr(p, '\n', n);

        len = feed != NULL ? (size_t)(feed - p) + 1 : n;
    }
    return len;
}

ssize_t octo_sink_write(struct octo_sink *s, const char *p, size_t n)
{
    struct pollfd ready = {.fd = s->fd, .events = POLLOUT};
    struct timespec wait = {.tv_nsec = OCTO_SINK_WAIT_MS * (long)OCTO_NS_PER_MS};
    ssize_t r;

    if (!s->stream) {
        r = octo_sys(SYS_write, s->fd, p, n);
        if (r > 0)
            s->period = s->present;
        return r != 0 ? r : -EIO;
    }
    n = whole_lines(p, n);
    if (octo_sys(SYS_ppoll, &ready, 1, &wait, NULL, 0) == 0)
        return -EAGAIN;
    if (s->socket)
        r = octo_sys(SYS_sendto, s->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
    else
        r = octo_sys(SYS_write, s->fd, p, n);
    return r != 0 ? r : -EIO;
}

/* How many bytes a and b, both of up to n bytes, have in common at their start. */
static size_t common(const char *a, const char *b, size_t n)
{
    size_t i = 0;

    while (i < n && a[i] == b[i])
        i++;
    return i;
}

size_t octo_sink_found(struct octo_sink *s, uint64_t dev, uint64_t ino, uint64_t offset, const char *batch,
                       size_t n, bool *at_end)
{
    const char *first_end = memchr(batch, '\n', n);
    size_t first_line = first_end != NULL ? (size_t)(first_end - batch) + 1 : n, found = 0, len;
    struct stat st;
    int fd;

    *at_end = false;
    if (s->fd < 0 || s->stream || ino == 0 || s->ino != ino || s->dev != dev)
        return 0;
    fd = (int)octo_sys(SYS_openat, s->dir_fd, s->base, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return 0;
    if (octo_sys(SYS_fstat, fd, &st) == 0 && (uint64_t)st.st_ino == ino && (uint64_t)st.st_size > offset) {
        len = (uint64_t)st.st_size - offset < SEARCH_MAX ? (size_t)((uint64_t)st.st_size - offset) : SEARCH_MAX;
        long map = octo_sys(SYS_mmap, 0, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        long got = map < 0 && map > -4096 ? 0 : octo_sys(SYS_pread64, fd, map, len, offset);

        /* Our batch begins a line. It is there if its first line is, or if the file ends within it. */
        for (const char *p = (const char *)map, *end = p + (got > 0 ? got : 0); p < end;) {
            size_t left = (size_t)(end - p), same = common(p, batch, left < n ? left : n);
            const char *feed;

            if (same >= first_line || (same == left && same != 0)) {
                found = same;
                *at_end = same == left;
                break;
            }
            feed = memchr(p, '\n', left);
            p = feed != NULL ? feed + 1 : end;
        }
        if (!(map < 0 && map > -4096))
            octo_sys(SYS_munmap, map, len);
    }
    octo_sys(SYS_close, fd);
    return found;
}
