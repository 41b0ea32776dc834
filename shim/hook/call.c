/* One intercepted call: see call.h. */
#include "hook/call.h"
#include "base/sys.h"

#include <fcntl.h>
#include <limits.h>

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

    if (call->kind == OCTO_CALL_PV2 ? call->flags & 8 /* RWF_NOWAIT */
                                    : call->kind != OCTO_CALL_READ && (call->flags & MSG_DONTWAIT))
        return true;
    flags = octo_sys(SYS_fcntl, call->fd, F_GETFL);
    return flags >= 0 && (flags & O_NONBLOCK);
}
