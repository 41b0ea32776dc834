/*
 * The log file: opening it, noticing that it has been moved, and rotating it. See sink.h.
 *
 *   live       orders.log                     always this name, so that *.log globs see each line once
 *   rotated    orders.log.2025-11-10          daily: the day of its lines (UTC)
 *              orders.log.2025-11-10T07       hourly
 *              orders.log.2025-11-10T073015   by size: when it was full
 *              ….1, ….2                       where that name is taken
 *
 * Any number of processes may share one file: lines are appended by single writes, and the one that gets the
 * file's flock(2) renames it; the others go on writing into the renamed file until they notice, within a second.
 * Nothing is ever removed or overwritten.
 *
 * Context: the writer thread. Files are made with mode 0640 (less the service's umask), a missing directory with
 * 0755. Symbolic links are not followed, except below /dev and /proc (/dev/stdout), where nothing is rotated.
 */
#include "export/sink.h"

#include "base/clock.h"
#include "base/sys.h"
#include "base/text.h"
#include "export/attendant.h"
#include "export/put.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

enum {
    NAME_LEN_MAX = 255,
    STAMP_LEN_MAX = (int)sizeof(".2025-11-10T073015.999"),
    COLLISIONS_MAX = 999,
    RENAME_NOREPLACE_FLAG = 1,
};

static bool special(const char *path)
{
    return (octo_text_glob("/dev/*", 6, path) && !octo_text_glob("/dev/shm/*", 10, path)) ||
           octo_text_glob("/proc/*", 7, path);
}

static int64_t period_of(const struct octo_sink *s, uint64_t unix_s)
{
    switch (s->rotate) {
    case OCTO_ROTATE_DAILY:
        return (int64_t)(unix_s / 86400);
    case OCTO_ROTATE_HOURLY:
        return (int64_t)(unix_s / 3600);
    default:
        return 0;
    }
}

/* Opens the directory of s->path, once; makes it if only its last component is missing. */
static int open_dir(struct octo_sink *s)
{
    char dir[OCTO_PATH_MAX];
    size_t len = strlen(s->path), slash = len;
    long fd;

    if (s->dir_fd >= 0)
        return 0;
    while (slash > 0 && s->path[slash - 1] != '/')
        slash--;
    s->base = s->path + slash;
    if (len - slash == 0 || len - slash > NAME_LEN_MAX - STAMP_LEN_MAX || len >= sizeof dir)
        return len - slash == 0 ? -EISDIR : -ENAMETOOLONG;
    memcpy(dir, s->path, slash);
    memcpy(dir + slash, ".", 2);
    fd = octo_attendant_is_apart() ? octo_attendant_directory()
                                   : octo_sys(SYS_openat, AT_FDCWD, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd == -ENOENT && !octo_attendant_is_apart() && slash > 1) {
        dir[slash - 1] = 0;
        octo_sys(SYS_mkdirat, AT_FDCWD, dir, 0755);
        fd = octo_sys(SYS_openat, AT_FDCWD, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0)
        return (int)fd;
    s->dir_fd = (int)fd;
    return 0;
}

int octo_sink_open_file(struct octo_sink *s)
{
    const int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    struct stat st;
    long fd;

    if (special(s->path)) {
        fd = octo_sys(SYS_openat, AT_FDCWD, s->path, flags);
    } else {
        int err = open_dir(s);

        if (err != 0)
            return err;
        fd = octo_sys(SYS_openat, s->dir_fd, s->base, flags | O_CREAT | O_NOFOLLOW, 0640);
        if (fd == -ENOENT) { /* the directory itself has been removed: perhaps there is a new one */
            octo_sys(SYS_close, s->dir_fd);
            s->dir_fd = -1;
            err = open_dir(s);
            if (err != 0)
                return err;
            fd = octo_sys(SYS_openat, s->dir_fd, s->base, flags | O_CREAT | O_NOFOLLOW, 0640);
        }
    }
    if (fd < 0)
        return (int)fd;
    long err = octo_sys(SYS_fstat, fd, &st);

    if (err < 0 || S_ISBLK(st.st_mode) || S_ISDIR(st.st_mode)) {
        octo_sys(SYS_close, fd);
        return err < 0 ? (int)err : -EINVAL;
    }
    s->fd = (int)fd;
    s->stream = !S_ISREG(st.st_mode);
    s->socket = false;
    s->dev = (uint64_t)st.st_dev;
    s->ino = (uint64_t)st.st_ino;
    s->size = (uint64_t)st.st_size;
    s->period = st.st_size > 0 ? period_of(s, (uint64_t)st.st_mtime) : -1;
    return 0;
}

/* True if the name no longer leads to the file that is open. */
bool octo_sink_moved(const struct octo_sink *s)
{
    struct stat st;

    if (s->fd < 0 || s->dir_fd < 0 || s->stream)
        return false;
    return octo_sys(SYS_newfstatat, s->dir_fd, s->base, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
           (uint64_t)st.st_ino != s->ino || (uint64_t)st.st_dev != s->dev;
}

/* Gives the live file the name `to`; -EEXIST if there is one. */
static int rename_to(struct octo_sink *s, const char *to)
{
    long err = octo_sys(SYS_renameat2, s->dir_fd, s->base, s->dir_fd, to, RENAME_NOREPLACE_FLAG);

    if (err == -EINVAL || err == -ENOSYS) { /* a filesystem, or a kernel, without it */
        err = octo_sys(SYS_linkat, s->dir_fd, s->base, s->dir_fd, to, 0);
        if (err == 0)
            err = octo_sys(SYS_unlinkat, s->dir_fd, s->base, 0);
    }
    return (int)err;
}

/* Renames the live file, base + "." + stamp, with a number after it if need be. */
static int rename_away(struct octo_sink *s, uint64_t unix_s)
{
    char name[NAME_LEN_MAX + 1], stamp[32], *end;
    size_t base_len = strlen(s->base);
    int err;

    octo_put_time(stamp, unix_s); /* 2025-11-10T07:30:15 */
    end = octo_put_bytes(octo_put_bytes(name, s->base, base_len), ".", 1);
    end = octo_put_bytes(end, stamp, s->rotate == OCTO_ROTATE_DAILY ? 10 : 13);
    if (s->rotate == OCTO_ROTATE_SIZE)
        end = octo_put_bytes(octo_put_bytes(end, stamp + 14, 2), stamp + 17, 2);
    *end = 0;
    err = rename_to(s, name);
    for (unsigned n = 1; err == -EEXIST && n <= COLLISIONS_MAX; n++) {
        char *p = octo_put_u64(OCTO_PUT(end, "."), n);

        *p = 0;
        err = rename_to(s, name);
    }
    return err;
}

/*
 * Rotates the open file as one that ended at unix_s, unless another process does so now or has done so, and opens the
 * next. Trouble here is no trouble for the lines: they then go on into the file as it is.
 */
static int rotate(struct octo_sink *s, uint64_t unix_s)
{
    int old = s->fd;

    if (octo_sys(SYS_flock, old, LOCK_EX | LOCK_NB) != 0)
        return 0;
    if (!octo_sink_moved(s) && rename_away(s, unix_s) != 0) {
        octo_sys(SYS_flock, old, LOCK_UN);
        return 0;
    }
    int err = octo_sink_open_file(s);

    if (err != 0) {
        octo_sys(SYS_flock, old, LOCK_UN);
        return 0;
    }
    octo_sys(SYS_close, old); /* and the lock with it */
    return 0;
}

int octo_sink_rotate_if_due(struct octo_sink *s, size_t len)
{
    uint64_t now_s = s->real_ns() / OCTO_NS_PER_S;
    int64_t now = period_of(s, now_s);
    struct stat st;
    int err = 0;

    if (octo_sys(SYS_fstat, s->fd, &st) != 0)
        return 0;
    s->size = (uint64_t)st.st_size;
    if (s->size > 0 && s->dir_fd >= 0 && s->rotate != OCTO_ROTATE_NEVER) {
        if (s->rotate == OCTO_ROTATE_SIZE) {
            if (s->size + len > s->rotate_bytes)
                err = rotate(s, now_s);
        } else {
            if (s->period < 0) /* others have written into what was empty when we looked */
                s->period = period_of(s, (uint64_t)st.st_mtime);
            if (s->period < now)
                err = rotate(s, (uint64_t)s->period * (s->rotate == OCTO_ROTATE_DAILY ? 86400 : 3600));
        }
    }
    s->present = now; /* octo_sink_write() makes it the period of the file */
    return err;
}
