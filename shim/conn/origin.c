/* How a descriptor becomes a connection: see origin.h. */
#include "conn/origin.h"

#include "conn/client.h"
#include "conn/context.h"
#include "conn/host.h"
#include "conn/link.h"
#include "conn/process.h"
#include "conn/unconnected.h"
#include "base/clock.h"
#include "base/sys.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/* Descriptors among which the twins of an adopted connection are looked for. */
enum { OCTO_TWINS_MAX = 16 };

static int socket_option(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof(value);

    return octo_sys(SYS_getsockopt, fd, SOL_SOCKET, option, &value, &len) < 0 ? -1 : value;
}

static bool is_family(sa_family_t family)
{
    return family == AF_INET || family == AF_INET6 || family == AF_UNIX;
}

void octo_fd_accepted(int fd, const struct sockaddr *address, socklen_t len)
{
    sa_family_t family = len >= sizeof(sa_family_t) ? address->sa_family : AF_UNSPEC;
    struct octo_conn *conn = NULL;

    /* A Unix socket may keep message boundaries, which an insertion would move. */
    if (octo_thread_has_own_descriptors())
        return;
    if (octo_service_wake(-1) && is_family(family) &&
        (family != AF_UNIX || octo_service.sandboxed || socket_option(fd, SO_TYPE) == SOCK_STREAM))
        conn = octo_conn_new(address);
    if (conn || !octo_fd_is_foreign(fd))
        octo_fd_set(fd, conn);
}

void octo_fd_connected(int fd, const struct sockaddr *address, socklen_t len, bool now)
{
    struct octo_conn *conn;

    if (octo_thread_has_own_descriptors())
        return;
    if (address->sa_family == AF_UNSPEC) { /* it ends a connection */
        octo_conn_drop(octo_fd_detach(fd));
        return;
    }
    conn = now ? octo_fd_hold(fd) : NULL;
    if (conn) { /* it is one already: asked again after EINPROGRESS, or EISCONN */
        if (conn->link)
            octo_link_established(conn->link);
        octo_conn_drop(conn);
        return;
    }
    if (octo_service.sandboxed || !is_family(address->sa_family) || socket_option(fd, SO_TYPE) != SOCK_STREAM)
        return;
    octo_unconnected_tries(address);
    conn = octo_conn_new_link(address, len);
    if (conn) {
        conn->link->cause = octo_context_now();
        conn->link->since_ns = octo_clock_mono_ns();
        octo_host_connects(conn, fd);
    }
    if (conn && now)
        octo_link_established(conn->link);
    if (conn || !octo_fd_is_foreign(fd))
        octo_fd_set(fd, conn);
}

void octo_fd_changed(int fd)
{
    struct octo_conn *conn = octo_fd_hold(fd);

    if (conn)
        atomic_store(&conn->waiting, 0);
    octo_conn_drop(conn);
}

void octo_fd_settled(int fd, int error)
{
    struct octo_conn *conn = octo_fd_hold(fd);

    if (conn && conn->link && error == 0)
        octo_link_established(conn->link);
    else if (conn && conn->link && octo_conn_enter(fd, OCTO_OUT) == conn) {
        octo_client_saw_error(conn, OCTO_OUT, error);
        octo_conn_leave(conn, OCTO_OUT);
    }
    octo_conn_drop(conn);
}

void octo_fd_unconnected(int fd, const struct sockaddr *address, socklen_t len, int error)
{
    if (octo_thread_has_own_descriptors() || octo_service.sandboxed || !is_family(address->sa_family))
        return;
    if (!octo_fd_is_foreign(fd)) /* it was told before that the call goes on */
        octo_fd_settled(fd, error);
    else if (socket_option(fd, SO_TYPE) == SOCK_STREAM)
        octo_unconnected(address, len, error);
}

static uint64_t cookie(int fd)
{
    uint64_t value = 0;
    socklen_t len = sizeof(value);

    return octo_sys(SYS_getsockopt, fd, SOL_SOCKET, SO_COOKIE, &value, &len) < 0 ? 0 : value;
}

/* inetd gives its child one connection as 0, 1 and 2: find conn's other descriptors among those not looked at yet. If
 * stderr is one of them, events have no place there. */
static void find_twins(int fd, struct octo_conn *conn)
{
    uint64_t ours = cookie(fd);

    for (int other = 0; ours && other < OCTO_TWINS_MAX; other++) {
        const struct octo_conn *entry = atomic_load(&octo_table[other]);

        if (!entry || octo_fd_is_conn(entry) || cookie(other) != ours)
            continue;
        if (!octo_conn_share(conn))
            return;
        octo_fd_set(other, conn);
        if (other == 2 && strcmp(octo_service.settings.log, "stderr") == 0)
            octo_service.settings.log[0] = '\0';
    }
}

struct octo_conn *octo_conn_adopt(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(address);
    struct octo_conn *conn = NULL;

    if (!octo_service.sandboxed && socket_option(fd, SO_TYPE) == SOCK_STREAM &&
        socket_option(fd, SO_ACCEPTCONN) == 0 && octo_sys(SYS_getpeername, fd, &address, &len) == 0 &&
        is_family(address.ss_family) && octo_service_wake(-1))
        conn = octo_conn_new((struct sockaddr *)&address);
    octo_fd_set(fd, conn);
    if (conn)
        find_twins(fd, conn);
    return conn;
}
