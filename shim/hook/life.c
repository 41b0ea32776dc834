/*
 * What the process does with itself: listen, fork, exit, privileges, sandboxes, and syscall().
 *
 * Context: any thread, signal-safe. errno: as the real call left it.
 */
#include "hook/reals.h"
#include "base/sys.h"
#include "conn/conn.h"
#include "conn/context.h"
#include "conn/process.h"
#include "export/attendant.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

/* A thread that libc does not know keeps its credentials when the service changes its own, and stands in the way of a
 * new user namespace: before such a call ours end; the next finished request starts another writer (H24). */
static bool end_threads(void)
{
    return octo_service_awake() && !octo_process_is_borrowed() && octo_process_quiesce();
}

/* After it: result as it is. */
static int begin_again(bool exposed, int result)
{
    int kept = errno;

    if (exposed)
        octo_process_expose();
    errno = kept;
    return result;
}

static inline int octo_listen(int fd, int backlog)
{
    int result = octo_real.listen(fd, backlog), kept = errno;

    if (result == 0 && octo_service.state != OCTO_SERVICE_INERT && !octo_process_is_borrowed())
        octo_service_wake(fd);
    errno = kept;
    return result;
}

static pid_t forked(pid_t child)
{
    int kept = errno;

    if (child > 0 && octo_service.state != OCTO_SERVICE_INERT)
        octo_process_forked((uint32_t)child);
    errno = kept;
    return child;
}

/* A process that was born with its listeners must have the segment before its workers are made (systemd). */
static inline pid_t octo_fork(void)
{
    if (octo_service.state == OCTO_SERVICE_WAITING)
        octo_service_wake_if_born_listening();
    return forked(octo_real.fork());
}

static inline pid_t octo__Fork(void)
{
    return forked(octo_real._Fork());
}

static inline void octo__exit(int code)
{
    if (octo_service_awake())
        octo_process_exit(code);
    octo_real._exit(code);
    __builtin_unreachable();
}

static void locks_in(unsigned long mode)
{
    if (mode == SECCOMP_MODE_STRICT)
        octo_process_give_up();
    else
        octo_process_lock_in(false);
}

static inline int octo_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    if (option == PR_SET_SECCOMP)
        locks_in(a);
    return octo_real.prctl(option, a, b, c, d);
}

static inline int octo_unshare(int flags)
{
    bool exposed = (flags & (CLONE_NEWUSER | CLONE_NEWNS | CLONE_FS | CLONE_THREAD | CLONE_VM | CLONE_SIGHAND)) &&
                   end_threads();
    int result = octo_real.unshare(flags);

    if (result == 0 && (flags & CLONE_FILES))
        octo_process_unshared_descriptors();
    return begin_again(exposed, result);
}

static inline int octo_setns(int fd, int type)
{
    bool exposed = end_threads();

    return begin_again(exposed, octo_real.setns(fd, type));
}

static inline int octo_chroot(const char *path)
{
    int result;

    if (octo_service_awake() && !octo_process_is_borrowed())
        octo_process_leaves_root();
    result = octo_real.chroot(path);
    if (result == 0)
        octo_attendant_set_apart();
    return result;
}

/* HAProxy allows itself no process and no thread once it has those that it needs. Root is not bound by that. */
static void limits(int resource, const struct rlimit *limit)
{
    struct rlimit now;

    if (resource == RLIMIT_NPROC && limit && octo_service_awake() && !octo_process_is_borrowed() &&
        octo_sys(SYS_geteuid) != 0 && octo_sys(SYS_prlimit64, 0, RLIMIT_NPROC, NULL, &now) == 0 &&
        limit->rlim_cur < now.rlim_cur)
        octo_process_ends_cloning();
}

static inline int octo_setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    limits((int)resource, limit);
    return octo_real.setrlimit(resource, limit);
}

static inline int octo_prlimit(pid_t pid, __rlimit_resource_t resource, const struct rlimit *limit,
                               struct rlimit *old)
{
    if (pid == 0 || pid == (pid_t)octo_sys(SYS_getpid))
        limits((int)resource, limit);
    return octo_real.prlimit(pid, resource, limit, old);
}

#define CHANGES_IDENTITY(name, parameters, arguments)                                                             \
    static inline int octo_##name parameters                                                                      \
    {                                                                                                             \
        bool exposed = end_threads();                                                                             \
                                                                                                                  \
        return begin_again(exposed, octo_real.name arguments);                                                    \
    }
CHANGES_IDENTITY(setuid, (uid_t id), (id))
CHANGES_IDENTITY(setgid, (gid_t id), (id))
CHANGES_IDENTITY(seteuid, (uid_t id), (id))
CHANGES_IDENTITY(setegid, (gid_t id), (id))
CHANGES_IDENTITY(setreuid, (uid_t real, uid_t effective), (real, effective))
CHANGES_IDENTITY(setregid, (gid_t real, gid_t effective), (real, effective))
CHANGES_IDENTITY(setresuid, (uid_t real, uid_t effective, uid_t saved), (real, effective, saved))
CHANGES_IDENTITY(setresgid, (gid_t real, gid_t effective, gid_t saved), (real, effective, saved))
CHANGES_IDENTITY(setgroups, (size_t n, const gid_t *groups), (n, groups))

/* Calls made by number that we also know by name go the way of the name: the dynamic linker finds our own hooks. */
static inline long octo_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    if (octo_service.state == OCTO_SERVICE_INERT)
        return octo_real.syscall(number, a, b, c, d, e, f);
    switch (number) {
    case SYS_read:
        return read((int)a, (void *)b, (size_t)c);
    case SYS_readv:
        return readv((int)a, (const struct iovec *)b, (int)c);
    case SYS_recvfrom:
        return recvfrom((int)a, (void *)b, (size_t)c, (int)d, (struct sockaddr *)e, (socklen_t *)f);
    case SYS_recvmsg:
        return recvmsg((int)a, (struct msghdr *)b, (int)c);
    case SYS_recvmmsg:
        return recvmmsg((int)a, (struct mmsghdr *)b, (unsigned)c, (int)d, (struct timespec *)e);
    case SYS_write:
        return write((int)a, (const void *)b, (size_t)c);
    case SYS_writev:
        return writev((int)a, (const struct iovec *)b, (int)c);
    case SYS_sendto:
        return sendto((int)a, (const void *)b, (size_t)c, (int)d, (const struct sockaddr *)e, (socklen_t)f);
    case SYS_sendmsg:
        return sendmsg((int)a, (const struct msghdr *)b, (int)c);
    case SYS_sendmmsg:
        return sendmmsg((int)a, (struct mmsghdr *)b, (unsigned)c, (int)d);
    case SYS_splice:
        return splice((int)a, (off64_t *)b, (int)c, (off64_t *)d, (size_t)e, (unsigned)f);
    case SYS_shutdown:
        return shutdown((int)a, (int)b);
    case SYS_listen:
        return listen((int)a, (int)b);
    case SYS_connect:
        return connect((int)a, (const struct sockaddr *)b, (socklen_t)c);
    case SYS_accept:
        return accept((int)a, (struct sockaddr *)b, (socklen_t *)c);
    case SYS_accept4:
        return accept4((int)a, (struct sockaddr *)b, (socklen_t *)c, (int)d);
    case SYS_close:
        return close((int)a);
    case SYS_close_range:
        return close_range((unsigned)a, (unsigned)b, (int)c);
    case SYS_dup:
        return dup((int)a);
    case SYS_dup3:
        return dup3((int)a, (int)b, (int)c);
    case SYS_epoll_ctl:
        return epoll_ctl((int)a, (int)b, (int)c, (struct epoll_event *)d);
    case SYS_epoll_pwait: /* its sixth argument is the mask's size, which libc knows */
        octo_context_waits();
        break;
#ifdef SYS_epoll_wait
    case SYS_epoll_wait:
        octo_context_waits();
        break;
#endif
    case SYS_exit_group:
        _exit((int)a);
    case SYS_unshare:
        return unshare((int)a);
    case SYS_setuid:
    case SYS_setgid:
    case SYS_setreuid:
    case SYS_setregid:
    case SYS_setresuid:
    case SYS_setresgid:
    case SYS_setgroups: {
        bool exposed = end_threads();

        return begin_again(exposed, (int)octo_real.syscall(number, a, b, c, d, e, f));
    }
    case SYS_setns:
        return setns((int)a, (int)b);
    case SYS_setrlimit:
        return setrlimit((__rlimit_resource_t)a, (const struct rlimit *)b);
    case SYS_prlimit64:
        return prlimit((pid_t)a, (__rlimit_resource_t)b, (const struct rlimit *)c, (struct rlimit *)d);
    case SYS_chroot:
        return chroot((const char *)a);
    case SYS_seccomp:
        if (a == SECCOMP_SET_MODE_STRICT)
            octo_process_give_up();
        else if (a == SECCOMP_SET_MODE_FILTER)
            octo_process_lock_in(b & SECCOMP_FILTER_FLAG_TSYNC);
        break;
    case SYS_prctl:
        if (a == PR_SET_SECCOMP)
            locks_in((unsigned long)b);
        break;
    case SYS_fcntl:
        if (b == F_DUPFD || b == F_DUPFD_CLOEXEC || b == F_SETFL)
            return fcntl((int)a, (int)b, c);
        break;
    case SYS_ioctl:
        if (b == FIONREAD || b == FIONBIO)
            return ioctl((int)a, (unsigned long)b, c);
        break;
#ifdef SYS_dup2
    case SYS_dup2:
        return dup2((int)a, (int)b);
#endif
#ifdef SYS_sendfile
    case SYS_sendfile:
        return sendfile((int)a, (int)b, (off_t *)c, (size_t)d);
#endif
    }
    return octo_real.syscall(number, a, b, c, d, e, f);
}

#define HOOK_LIFE OCTO_EXPORT
#define ALIAS_LIFE OCTO_EXPORT_ALIAS
#include "hook/hooks.def"
