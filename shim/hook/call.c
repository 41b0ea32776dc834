/* One intercepted call: see call.h. */
#include "hook/call.h"
#include "base/sys.h"
#include "conn/process.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

ssize_t octo_call_unheld(struct octo_call *call, enum octo_side side, const struct iovec *iov, int cnt,
                         ssize_t (*real)(struct octo_call *call, const struct iovec *iov, int cnt))
{
    uint32_t turn;
    ssize_t result;

    if (call->io.lost)
        return real(call, iov, cnt);
    turn = octo_conn_pause(call->conn, side);
    result = real(call, iov, cnt);
    call->io.lost = !octo_conn_resume(call->conn, call->fd, side, turn);
    return result;
}

void octo_call_passed_unseen(struct octo_conn *conn, int fd, enum octo_side side, uint32_t turn, ssize_t moved)
{
    int kept = errno;

    if (octo_conn_resume(conn, fd, side, turn)) {
        if (moved < 0)
            octo_conn_saw_error(conn, side, kept);
        if (side == OCTO_IN)
            octo_edit_passed_unseen(&conn->in, &octo_conn_in_ops, conn, moved > 0 ? (uint64_t)moved : 0);
        else
            octo_edit_passed_unseen(&conn->out, &octo_conn_out_ops, conn, moved > 0 ? (uint64_t)moved : 0);
        octo_conn_leave(conn, side);
    }
    errno = kept;
}

void octo_call_each_right(const struct msghdr *msg, void (*tell)(int fd))
{
    if (!msg->msg_control || msg->msg_controllen < sizeof(struct cmsghdr))
        return;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR((struct msghdr *)msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
            int fd;

            memcpy(&fd, (char *)c + at, sizeof(fd));
            tell(fd);
        }
    }
}

ssize_t octo_vector_size(const struct iovec *iov, int cnt)
{
    size_t total = 0;

    if (cnt < 0 || cnt > IOV_MAX || (cnt > 0 && !iov))
        return -1;
    for (int i = 0; i < cnt; i++) {
        if (iov[i].iov_len > (size_t)SSIZE_MAX - total)
            return -1;
        total += iov[i].iov_len;
    }
    return (ssize_t)total;
}

bool octo_call_nonblocking(struct octo_io *io)
{
    struct octo_call *call = (struct octo_call *)io;
    long flags;

    if (call->kind == OCTO_CALL_PV2 ? call->flags & RWF_NOWAIT : octo_call_socket_flags(call) & MSG_DONTWAIT)
        return true;
    if (octo_service.sandboxed)
        return false; /* not known, and not to be asked */
    flags = octo_sys(SYS_fcntl, call->fd, F_GETFL);
    return flags >= 0 && (flags & O_NONBLOCK);
}
