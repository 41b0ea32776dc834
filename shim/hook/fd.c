/*
 * What a descriptor means: the intercepted calls that make, copy and end descriptors.
 *
 * A vfork child runs in its parent's memory with descriptors of its own: what it closes or copies is no concern of
 * our table (H21). Context: any thread, signal-safe. errno: these calls leave it as the real one did.
 */
#include "hook/reals.h"
#include "base/sys.h"
#include "conn/client.h"
#include "conn/conn.h"
#include "conn/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

/* A new connection, or a failed accept. room: bytes that address had; where it held less than the whole address, ask. */
static int accepted(int fd, const struct sockaddr *address, socklen_t room, const socklen_t *len)
{
    struct sockaddr_storage own = {0};
    socklen_t own_len = sizeof(own);
    int kept = errno;

    if (fd < 0)
        return fd;
    if (address && len && *len <= room && *len >= sizeof(sa_family_t)) {
        octo_fd_accepted(fd, address, *len);
    } else {
        if (octo_service.sandboxed || octo_sys(SYS_getpeername, fd, &own, &own_len) < 0)
            own_len = 0;
        octo_fd_accepted(fd, (struct sockaddr *)&own, own_len);
    }
    errno = kept;
    return fd;
}

static inline int octo_accept(int fd, struct sockaddr *address, socklen_t *len)
{
    struct sockaddr_storage own;
    socklen_t own_len = sizeof(own);
    socklen_t room = address && len ? *len : own_len;

    if (octo_service.state == OCTO_SERVICE_INERT)
        return octo_real.accept(fd, address, len);
    if (!address && !len) {
        address = (struct sockaddr *)&own;
        len = &own_len;
    }
    return accepted(octo_real.accept(fd, address, len), address, room, len);
}

static inline int octo_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    struct sockaddr_storage own;
    socklen_t own_len = sizeof(own);
    socklen_t room = address && len ? *len : own_len;

    if (octo_service.state == OCTO_SERVICE_INERT)
        return octo_real.accept4(fd, address, len, flags);
    if (!address && !len) {
        address = (struct sockaddr *)&own;
        len = &own_len;
    }
    return accepted(octo_real.accept4(fd, address, len, flags), address, room, len);
}

/* The service has made a connection, or begun to: a failed try makes none. EISCONN: it had begun before. */
static int connected(int fd, const struct sockaddr *address, socklen_t len, int result)
{
    int kept = errno;
    bool now = result == 0 || (kept == EISCONN && !octo_fd_is_foreign(fd));

    if (octo_process_is_borrowed())
        return result;
    if (now || kept == EINPROGRESS || kept == EINTR)
        octo_fd_connected(fd, address, len, now);
    else if (octo_client_failure(kept) != OCTO_FAILURE_KINDS && address && len >= sizeof(sa_family_t))
        octo_fd_unconnected(fd, address, len, kept);
    errno = kept;
    return result;
}

static inline int octo_connect(int fd, const struct sockaddr *address, socklen_t len)
{
    int result = octo_real.connect(fd, address, len);

    return octo_service.state != OCTO_SERVICE_INERT ? connected(fd, address, len, result) : result;
}

enum { CLOSE_PATIENCE_MS = 10 }; /* of a close(), for another thread's call that has sent something */

/* fd is about to be closed: after that its number may be another's at once, and the client may know that a response
 * which the close ends is whole. EINTR and EIO close it too, EBADF means it was gone. A vfork child's closes are its own. */
static void before_close(int fd)
{
    if (octo_fd_is_foreign(fd) || octo_process_is_borrowed())
        return;
    octo_fd_let_return(fd, CLOSE_PATIENCE_MS);
    octo_conn_drop(octo_fd_detach(fd));
}

static inline int octo_close(int fd)
{
    before_close(fd);
    return octo_real.close(fd);
}

static inline int octo_close_range(unsigned first, unsigned last, int flags)
{
    int result = octo_real.close_range(first, last, flags), kept = errno;

    if (result == 0 && (flags & CLOSE_RANGE_UNSHARE))
        octo_process_unshared_descriptors(); /* only this thread's copy is closed */
    if (result == 0 && !(flags & CLOSE_RANGE_CLOEXEC) && octo_service.state != OCTO_SERVICE_INERT &&
        !octo_process_is_borrowed())
        octo_fd_forget_range(first, last);
    errno = kept;
    return result;
}

static inline void octo_closefrom(int first)
{
    octo_real.closefrom(first);
    if (octo_service.state != OCTO_SERVICE_INERT && !octo_process_is_borrowed())
        octo_fd_forget_range(first < 0 ? 0 : (unsigned)first, ~0u);
}

static inline int octo_fclose(FILE *file)
{
    int kept = errno;

    if (octo_service.state != OCTO_SERVICE_INERT)
        before_close(fileno(file)); /* fails for one that has no descriptor */
    errno = kept;
    return octo_real.fclose(file);
}

/* stdio moves its bytes inside libc, where no hook sees them (H13). */
static inline FILE *octo_fdopen(int fd, const char *mode)
{
    FILE *file = octo_real.fdopen(fd, mode);

    if (file && !octo_fd_is_foreign(fd))
        octo_fd_unframable(fd);
    return file;
}

static inline int octo_shutdown(int fd, int how)
{
    struct octo_conn *conn = how == SHUT_RD || octo_fd_is_foreign(fd) ? NULL : octo_conn_enter(fd, OCTO_OUT);
    int result, kept;

    if (!conn)
        return octo_real.shutdown(fd, how);
    octo_conn_out_ends(conn);
    result = octo_real.shutdown(fd, how);
    kept = errno;
    octo_conn_out_ended(conn, result == 0);
    octo_conn_leave(conn, OCTO_OUT);
    errno = kept;
    return result;
}

/* from and to are now the same open socket, unless the copying failed or was a vfork child's. */
static int duplicated(int from, int to)
{
    int kept = errno;

    if (to >= 0 && !(octo_fd_is_foreign(from) && octo_fd_is_foreign(to)) && !octo_process_is_borrowed())
        octo_fd_duplicated(from, to);
    errno = kept;
    return to;
}

static inline int octo_dup(int fd)
{
    return duplicated(fd, octo_real.dup(fd));
}

static inline int octo_dup2(int from, int to)
{
    return duplicated(from, octo_real.dup2(from, to));
}

static inline int octo_dup3(int from, int to, int flags)
{
    return duplicated(from, octo_real.dup3(from, to, flags));
}

static inline int octo_fcntl(int fd, int command, void *argument)
{
    int result = octo_real.fcntl(fd, command, argument);

    if (command == F_SETFL && __builtin_expect(!octo_fd_is_foreign(fd), 0))
        octo_fd_changed(fd);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? duplicated(fd, result) : result;
}

/* A descriptor is made. If its number still means a connection, that was closed where we could not see it (inside libc,
 * by an instruction of the service's own): forget it, or what goes into the new file would be edited (H9). */
static void retire(int fd)
{
    int kept = errno;

    if (!octo_process_is_borrowed())
        octo_conn_drop(octo_fd_detach(fd));
    errno = kept;
}

static inline int made(int fd)
{
    if (fd >= 0 && __builtin_expect(!octo_fd_is_foreign(fd), 0))
        retire(fd);
    return fd;
}

static inline int made_pair(int result, const int *pair)
{
    if (result == 0) {
        made(pair[0]);
        made(pair[1]);
    }
    return result;
}

#define MAKES(name, parameters, arguments)                                                                        \
    static inline int octo_##name parameters                                                                      \
    {                                                                                                             \
        return made(octo_real.name arguments);                                                                    \
    }
MAKES(open, (const char *path, int flags, mode_t mode), (path, flags, mode))
MAKES(openat, (int at, const char *path, int flags, mode_t mode), (at, path, flags, mode))
MAKES(__open_2, (const char *path, int flags), (path, flags)) /* the fortified twins abort in libc as they would */
MAKES(__openat_2, (int at, const char *path, int flags), (at, path, flags))
MAKES(creat, (const char *path, mode_t mode), (path, mode))
MAKES(socket, (int family, int type, int protocol), (family, type, protocol))
MAKES(eventfd, (unsigned count, int flags), (count, flags))
MAKES(epoll_create, (int size), (size))
MAKES(epoll_create1, (int flags), (flags))
MAKES(timerfd_create, (int clock, int flags), (clock, flags))
MAKES(memfd_create, (const char *name, unsigned flags), (name, flags))

#define MAKES_PAIR(name, parameters, arguments)                                                                   \
    static inline int octo_##name parameters                                                                      \
    {                                                                                                             \
        return made_pair(octo_real.name arguments, pair);                                                         \
    }
MAKES_PAIR(socketpair, (int family, int type, int protocol, int *pair), (family, type, protocol, pair))
MAKES_PAIR(pipe, (int *pair), (pair))
MAKES_PAIR(pipe2, (int *pair, int flags), (pair, flags))

/* From here on the kernel adds or removes TLS records: what the service writes is not what is on the wire. */
static inline int octo_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    int result = octo_real.setsockopt(fd, level, name, value, len);

    if (result == 0 && (level == SOL_TLS || (level == IPPROTO_TCP && name == TCP_ULP)) && !octo_fd_is_foreign(fd))
        octo_fd_unframable(fd);
    return result;
}

/* How a connect() that went on has ended. */
static inline int octo_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    int result = octo_real.getsockopt(fd, level, name, value, len), kept = errno;

    if (level == SOL_SOCKET && name == SO_ERROR && result == 0 && *len == sizeof(int) && !octo_fd_is_foreign(fd) &&
        !octo_process_is_borrowed())
        octo_fd_settled(fd, *(int *)value);
    errno = kept;
    return result;
}

#define HOOK_FD OCTO_EXPORT
#define ALIAS_FD OCTO_EXPORT_ALIAS
#include "hook/hooks.def"

/* For load.c, which asks whose accept4 comes first. */
extern __typeof__(octo_exported_accept4) octo_first_hook __attribute__((visibility("hidden"), alias("accept4")));
