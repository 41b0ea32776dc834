/*
 * Finding the segment of a process, by its memory map, and reading it. See parts.h.
 *
 * Source: proc(5); ptrace(2), "Ptrace access mode checking": the map needs PTRACE_MODE_READ, the memory PTRACE_MODE_ATTACH.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "parts.h"

enum { FILES_MAX = 2 * (1 + OCTO_SEGMENT_ORPHANS) };

/* One shared mapping, from its first byte on. */
struct mapping {
    uint64_t start, end, inode;
    char path[PATH_MAX];
    bool deleted;
};

struct search {
    pid_t pid;
    struct mapping file[FILES_MAX]; /* named like a segment's file */
    unsigned files;
    struct source anonymous; /* start: 0 if there is none */
    bool preloaded;
    bool mapped; /* the process has memory at all */
    bool denied; /* there is anonymous memory as large as a segment, which may not be read */
};

/* ── reading ───────────────────────────────────────────────────────────────────────────────────────── */

bool source_read(const struct source *s, uint64_t offset, void *to, size_t bytes)
{
    size_t done = 0;
    ssize_t n;

    while (done < bytes) {
        struct iovec here = {(char *)to + done, bytes - done};
        struct iovec there = {(void *)(uintptr_t)(s->start + offset + done), bytes - done};

        n = s->fd >= 0 ? pread(s->fd, here.iov_base, here.iov_len, (off_t)(offset + done))
                       : process_vm_readv(s->pid, &here, 1, &there, 1, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0 || (n < 0 && errno == EFAULT))
            errno = ENODATA;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

void source_failed(const struct source *s)
{
    switch (errno) {
    case ESRCH:
        give_up(s->pid, "ended while it was looked at; give the PID of another process of the service");
    case EPERM:
    case EACCES:
        give_up(s->pid, "no permission to read its memory; run as root (in a container with CAP_SYS_PTRACE)");
    case ENOSYS:
        give_up(s->pid, "this kernel or sandbox cannot read another process's memory; run as root, outside of it");
    case ENODATA:
        give_up(s->pid, "its shared memory is damaged: it is shorter than it says; restart the service");
    default:
        give_up(s->pid, "its shared memory cannot be read: %s", strerror(errno));
    }
}

/* The file behind a mapping, opened for reading, or -1. */
static int open_file(pid_t pid, const struct mapping *m)
{
    char path[PATH_MAX + 64];
    struct stat st;
    int fd;

    /* Where the service sees it; a link, or a file of another number, is not what is mapped. */
    if (!m->deleted) {
        snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid, m->path);
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == m->inode)
            return fd;
        if (fd >= 0)
            close(fd);
    }
    /* For root: a file that is deleted or out of sight, and anonymous shared memory, which is one, too. */
    snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid, m->start, m->end);
    return open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* ── the map ───────────────────────────────────────────────────────────────────────────────────────── */

static bool cut_end(char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    if (n < m || strcmp(text + n - m, end) != 0)
        return false;
    text[n - m] = '\0';
    return true;
}

static bool is_segment_name(const char *path)
{
    const char *base = strrchr(path, '/');
    size_t n;

    if (base == NULL || strncmp(++base, OCTO_SEGMENT_PREFIX, sizeof(OCTO_SEGMENT_PREFIX) - 1) != 0)
        return false;
    n = strlen(base);
    return n >= sizeof(OCTO_SEGMENT_SUFFIX) - 1 &&
           strcmp(base + n - (sizeof(OCTO_SEGMENT_SUFFIX) - 1), OCTO_SEGMENT_SUFFIX) == 0;
}

/* Anonymous shared memory has no name, but ours begins with the magic. Another version's has another size. */
static void look_into(struct search *search, const struct mapping *m)
{
    struct source s = {search->pid, open_file(search->pid, m), m->start};
    uint64_t magic = 0;

    if (source_read(&s, 0, &magic, sizeof(magic)) && magic == OCTO_SEGMENT_MAGIC) {
        search->anonymous = s;
        return;
    }
    if (s.fd >= 0)
        close(s.fd);
    else if (errno != ENODATA && m->end - m->start == octo_segment_bytes)
        search->denied = true;
}

static void look_at(struct search *search, char *line)
{
    struct mapping m = {0};
    uint64_t offset;
    char modes[5];
    int at = 0;

    search->mapped = true;
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*x:%*x %" SCNu64 " %n", &m.start, &m.end, modes,
               &offset, &m.inode, &at) < 5 ||
        at == 0)
        return;
    line[strcspn(line, "\n")] = '\0';
    m.deleted = cut_end(line + at, " (deleted)");
    if (snprintf(m.path, sizeof(m.path), "%s", line + at) >= (int)sizeof(m.path))
        return;
    if (strstr(m.path, "/liboctoshim.so") != NULL)
        search->preloaded = true;
    if (modes[3] != 's' || offset != 0)
        return;
    if (is_segment_name(m.path)) {
        if (search->files < FILES_MAX)
            search->file[search->files++] = m;
    } else if (m.deleted && strcmp(m.path, "/dev/zero") == 0 && search->anonymous.start == 0) {
        look_into(search, &m);
    }
}

/* The effective user of a process, or -1. */
static long user_of(pid_t pid)
{
    char line[256];
    long real, user = -1;
    FILE *f;

    snprintf(line, sizeof(line), "/proc/%d/status", (int)pid);
    f = fopen(line, "re");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (sscanf(line, "Uid: %ld %ld", &real, &user) == 2)
            break;
    if (f != NULL)
        fclose(f);
    return user;
}

__attribute__((noreturn)) static void denied(pid_t pid)
{
    if (geteuid() == 0)
        give_up(pid,
                "no permission to look at it, not even as this root: CAP_SYS_PTRACE may be missing; run as the "
                "service's user, or give the PID of a process of it that is root's");
    if (user_of(pid) == (long)geteuid())
        give_up(pid,
                "no permission to look at it: it has changed its user, or is protected otherwise; run as root");
    give_up(pid, "no permission to look at it; run as root or as the service's user");
}

static void read_map(struct search *search)
{
    char path[48], *line = NULL;
    size_t size = 0;
    FILE *map;

    snprintf(path, sizeof(path), "/proc/%d/maps", (int)search->pid);
    map = fopen(path, "re");
    if (map == NULL && errno == ESRCH) /* a zombie */
        return;
    if (map == NULL) {
        if (errno == ENOENT && kill(search->pid, 0) < 0 && errno == ESRCH)
            give_up(search->pid, "no such process; give the PID of a running process of the service");
        if (access("/proc/self/maps", F_OK) < 0)
            give_up(search->pid, "there is no /proc here; mount it: mount -t proc proc /proc");
        denied(search->pid);
    }
    while (getline(&line, &size, map) > 0)
        look_at(search, line);
    if (ferror(map) && errno != ESRCH)
        denied(search->pid);
    free(line);
    fclose(map);
}

/* ── which ─────────────────────────────────────────────────────────────────────────────────────────── */

/*
 * A service may have the segments of its dead predecessors mapped, too, until their events are written. Those it has
 * locked for itself; its own, all who map it have locked together (segment.h). Asking takes a lock that they do not mind,
 * and gives it back at once.
 */
static bool is_orphan(int fd)
{
    if (flock(fd, LOCK_SH | LOCK_NB) == 0)
        return flock(fd, LOCK_UN) != 0;
    return errno == EWOULDBLOCK;
}

static void choose(struct source *s, const struct search *search)
{
    *s = (struct source){.pid = search->pid, .fd = -1};
    for (unsigned i = 0; i < search->files && s->fd < 0; i++) {
        const struct mapping *m = &search->file[i];
        int fd = open_file(search->pid, m);

        if (fd >= 0 && search->files > 1 && is_orphan(fd)) {
            close(fd);
            continue;
        }
        /* Of several that cannot be opened the last: its own was mapped first, and mappings grow downwards. */
        s->start = m->start;
        s->fd = fd;
    }
}

void source_find(struct source *s, pid_t pid)
{
    static struct search search;

    search.pid = pid;
    read_map(&search);
    if (search.files != 0)
        choose(s, &search);
    else
        *s = search.anonymous;
    if (s->start != 0)
        return;
    if (!search.mapped)
        give_up(pid, "has ended, or is the kernel's; give the PID of a running process of the service");
    if (search.denied) {
        errno = EPERM;
        source_failed(&(struct source){.pid = pid});
    }
    if (search.preloaded)
        give_up(pid, "preloaded, but not a service yet: nothing listens in it, or OCTOSHIM_DISABLE, _INCLUDE or "
                     "_EXCLUDE leave it out; ask again once it listens");
    give_up(pid, "not preloaded: start the service with octoshim-run, or give the PID of the service itself");
}
