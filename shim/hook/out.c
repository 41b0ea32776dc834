/*
 * Bytes go out: the intercepted calls that write to a connection.
 *
 * Three floors as in in.c. What is ours goes through the writing editor, which adds the ID to the response's head and
 * returns the service's own count. Context: any thread, signal-safe.
 */
#include "hook/call.h"
#include "base/sys.h"
#include "conn/conn.h"
#include "conn/enrich.h"
#include "conn/logline.h"
#include "conn/process.h"

#include <limits.h>

/* Flags under which the bytes, or the moment they may be reused, are not the stream's plain ones. */
enum { UNFRAMED_FLAGS = MSG_OOB, UNEDITED_FLAGS = MSG_ZEROCOPY | MSG_FASTOPEN };

static ssize_t call_plain(struct octo_call *c, const struct iovec *iov, int cnt)
{
    struct msghdr message = {0};

    switch (c->kind) {
    case OCTO_CALL_FILE:
        return cnt == 1 && !c->vector ? octo_real.write(c->fd, iov->iov_base, iov->iov_len)
                                      : octo_real.writev(c->fd, iov, cnt);
    case OCTO_CALL_PV2:
        return octo_real.pwritev2(c->fd, iov, cnt, c->at, c->flags);
    case OCTO_CALL_SOCKET:
        if (cnt == 1)
            return octo_real.send(c->fd, iov->iov_base, iov->iov_len, c->flags);
        break;
    case OCTO_CALL_ADDRESS:
        if (cnt == 1)
            return octo_real.sendto(c->fd, iov->iov_base, iov->iov_len, c->flags, c->address, c->to_len);
        message.msg_name = c->address;
        message.msg_namelen = c->to_len;
        break;
    case OCTO_CALL_MESSAGE:
        message = *c->message;
        break;
    }
    message.msg_iov = (struct iovec *)iov;
    message.msg_iovlen = (size_t)cnt;
    return octo_real.sendmsg(c->fd, &message, c->flags);
}

static ssize_t call_out(struct octo_io *io, const struct iovec *iov, int cnt, enum octo_io_mode mode)
{
    (void)mode; /* a writer is only ever asked for the plain call */
    return octo_unresult(octo_call_unheld((struct octo_call *)io, OCTO_OUT, iov, cnt, call_plain));
}

static ssize_t edit_write(struct octo_conn *conn, struct octo_call *c, const struct iovec *iov, int cnt,
                          size_t total)
{
    return octo_edit_write(&conn->out, &octo_conn_out_ops, conn, iov, cnt, total, &c->io);
}

/* The usual write that may need an insertion: one message or part of one, one call, no loop. Returns as edit_write(). */
static inline ssize_t write_simply(struct octo_conn *conn, struct octo_call *c, const struct iovec *iov, int cnt,
                                   size_t total)
{
    struct octo_edit_cursor cursor = {iov, cnt, 0};
    struct octo_edit_plan plan;
    enum octo_edit_outcome outcome;
    uint32_t turn;
    ssize_t put;

    octo_edit_plan_write(&plan, &conn->out, &octo_conn_out_ops, conn, &cursor, total);
    turn = octo_conn_pause(conn, OCTO_OUT);
    put = octo_unresult(call_plain(c, plan.iov, plan.count));
    c->io.lost = !octo_conn_resume(conn, c->fd, OCTO_OUT, turn);
    if (c->io.lost)
        return octo_edit_lost_write(&plan, put);
    put = octo_edit_took_write(&plan, &conn->out, &octo_conn_out_ops, conn, &cursor, put, &outcome);
    if (outcome == OCTO_WROTE_PART && put == 0) /* of the insertion only */
        return octo_call_nonblocking(&c->io) ? -EAGAIN : edit_write(conn, c, iov, cnt, total);
    if (outcome == OCTO_WROTE_ALL && (size_t)put < total) /* another message follows */
        return octo_edit_write_on(&conn->out, &octo_conn_out_ops, conn, iov, cnt, total, (size_t)put, &c->io);
    return put;
}

/* A line or more for the service's log. Returns as write() does. */
static __attribute__((noinline)) ssize_t write_log(struct octo_call *c, const struct iovec *iov)
{
    struct octo_enriched e;
    struct iovec rest;
    ssize_t put, more;
    int kept = errno;

    octo_enrich(&e, c->fd, iov->iov_base, iov->iov_len, c->caller);
    errno = kept;
    if (e.count == 0) {
        put = octo_real.write(c->fd, iov->iov_base, iov->iov_len);
    } else if ((put = octo_real.writev(c->fd, e.v, e.count)) > 0) {
        kept = errno;
        put = (ssize_t)octo_enriched_took(&e, (size_t)put, &rest);
        while (rest.iov_len > 0 && (more = octo_real.write(c->fd, rest.iov_base, rest.iov_len)) != 0) {
            if (more < 0 && errno != EINTR)
                break; /* no more can be written: the service will see that itself */
            rest.iov_base = (char *)rest.iov_base + (more > 0 ? more : 0);
            rest.iov_len -= more > 0 ? (size_t)more : 0;
        }
        errno = kept;
    }
    if (put > 0)
        octo_enrich_wrote(c->fd, (const char *)iov->iov_base + put - 1);
    return put;
}

static inline bool may_enrich(const struct octo_call *c, const struct iovec *iov, int cnt)
{
    return octo_service.settings.enrich && cnt == 1 && !c->vector && c->kind == OCTO_CALL_FILE &&
           iov->iov_len > 0 && octo_fd_is_log(octo_table[c->fd]);
}

/* The service's own call on what is no connection, or not any more. */
static ssize_t write_plainly(struct octo_call *c, const struct iovec *iov, int cnt)
{
    ssize_t put = may_enrich(c, iov, cnt) ? write_log(c, iov) : call_plain(c, iov, cnt);
    int kept = errno;

    if (put > 0 && octo_fd_is_log(octo_table[c->fd])) {
        octo_log_wrote(c->fd, iov, cnt, (size_t)put);
        errno = kept;
    }
    return put;
}

/* The common path of everything that writes: c->fd was not foreign a moment ago. */
static ssize_t write_to(struct octo_call *c, const struct iovec *iov, int cnt)
{
    struct octo_conn *conn = octo_conn_enter(c->fd, OCTO_OUT);
    ssize_t total = octo_vector_size(iov, cnt), put;
    int flags = octo_call_socket_flags(c), kept = errno;
    bool control = c->message && c->message->msg_controllen;

    if (!conn)
        return write_plainly(c, iov, cnt);
    c->conn = conn;
    conn->out_caller = c->caller;
    c->io = (struct octo_io){call_out, octo_call_nonblocking, !octo_service.sandboxed, false};
    octo_conn_take_turn(conn, OCTO_OUT);
    if (total <= 0) {
        put = call_out(&c->io, iov, cnt, OCTO_IO_PLAIN);
    } else if (octo_edit_open(&conn->out) ||
               !(control || (flags & (UNFRAMED_FLAGS | UNEDITED_FLAGS)) || octo_service.sandboxed)) {
        put = octo_edit_is_plain(&conn->out, (size_t)total) ? edit_write(conn, c, iov, cnt, (size_t)total)
                                                            : write_simply(conn, c, iov, cnt, (size_t)total);
    } else {
        put = call_out(&c->io, iov, cnt, OCTO_IO_PLAIN);
        if (put > 0 && !c->io.lost && (flags & UNFRAMED_FLAGS))
            octo_edit_opaque(&conn->out, &octo_conn_out_ops, conn, OCTO_OPAQUE_CALL);
        else if (put > 0 && !c->io.lost)
            octo_edit_passed(&conn->out, &octo_conn_out_ops, conn, iov, cnt, (size_t)put);
    }
    if (!c->io.lost) {
        if (put < 0)
            octo_conn_saw_error(conn, OCTO_OUT, (int)-put);
        octo_conn_leave(conn, OCTO_OUT);
    }
    errno = kept;
    return octo_result(put);
}

static inline ssize_t octo_write(int fd, const void *buf, size_t n)
{
    if (octo_fd_is_foreign(fd))
        return octo_real.write(fd, buf, n);
    return write_to(&(struct octo_call){.kind = OCTO_CALL_FILE, .fd = fd, .caller = CALLER},
                    &(struct iovec){(void *)buf, n}, 1);
}

static inline ssize_t octo_writev(int fd, const struct iovec *iov, int cnt)
{
    if (octo_fd_is_foreign(fd))
        return octo_real.writev(fd, iov, cnt);
    return write_to(&(struct octo_call){.kind = OCTO_CALL_FILE, .vector = true, .fd = fd, .caller = CALLER}, iov,
                    cnt);
}

static inline ssize_t octo_pwritev2(int fd, const struct iovec *iov, int cnt, off_t at, int flags)
{
    if (octo_fd_is_foreign(fd) || !octo_call_pv2_is_stream(at, flags))
        return octo_real.pwritev2(fd, iov, cnt, at, flags);
    return write_to(&(struct octo_call){.kind = OCTO_CALL_PV2, .fd = fd, .at = at, .flags = flags}, iov, cnt);
}

static inline ssize_t octo_send(int fd, const void *buf, size_t n, int flags)
{
    if (octo_fd_is_foreign(fd))
        return octo_real.send(fd, buf, n, flags);
    return write_to(&(struct octo_call){.kind = OCTO_CALL_SOCKET, .fd = fd, .caller = CALLER, .flags = flags},
                    &(struct iovec){(void *)buf, n}, 1);
}

static inline ssize_t octo_sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to,
                                  socklen_t len)
{
    struct octo_call call = {.kind = to ? OCTO_CALL_ADDRESS : OCTO_CALL_SOCKET,
                             .fd = fd,
                             .caller = CALLER,
                             .flags = flags,
                             .address = (void *)to,
                             .to_len = len};

    if (octo_fd_is_foreign(fd))
        return octo_real.sendto(fd, buf, n, flags, to, len);
    return write_to(&call, &(struct iovec){(void *)buf, n}, 1);
}

static inline ssize_t octo_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    struct octo_call call = {
        .kind = OCTO_CALL_MESSAGE, .fd = fd, .caller = CALLER, .flags = flags, .message = (struct msghdr *)msg};
    ssize_t put;

    if (octo_fd_is_foreign(fd) || !msg || msg->msg_iovlen > IOV_MAX)
        put = octo_real.sendmsg(fd, msg, flags);
    else
        put = write_to(&call, msg->msg_iov, (int)msg->msg_iovlen);
    if (put >= 0)
        octo_call_each_right(
            msg, octo_fd_handed_over); /* their receiver may write to them: insert nothing more (H15) */
    return put;
}

/* A stream connection written by messages: each in its turn, until one is short. */
static int send_messages(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
    unsigned done = 0;

    for (; done < n; done++) {
        struct msghdr *msg = &msgs[done].msg_hdr;
        ssize_t put = octo_sendmsg(fd, msg, flags);

        if (put < 0)
            return done ? (int)done : -1;
        msgs[done].msg_len = (unsigned)put;
        if (put < octo_vector_size(msg->msg_iov, (int)msg->msg_iovlen))
            return (int)done + 1;
    }
    return (int)done;
}

static inline int octo_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
    int put;

    if (!octo_fd_is_foreign(fd) && msgs)
        return send_messages(fd, msgs, n, flags);
    put = octo_real.sendmmsg(fd, msgs, n, flags);
    for (int i = 0; i < put; i++)
        octo_call_each_right(&msgs[i].msg_hdr, octo_fd_handed_over);
    return put;
}

static ssize_t sendfile_to(int out, int in, off_t *at, size_t n)
{
    struct octo_conn *conn = octo_conn_enter(out, OCTO_OUT);
    uint32_t turn;
    ssize_t put;

    if (!conn)
        return octo_real.sendfile(out, in, at, n);
    octo_conn_take_turn(conn, OCTO_OUT);
    octo_edit_intend_unseen(&conn->out, &octo_conn_out_ops, conn, n);
    turn = octo_conn_pause(conn, OCTO_OUT);
    put = octo_real.sendfile(out, in, at, n);
    octo_call_passed_unseen(conn, out, OCTO_OUT, turn, put);
    return put;
}

static inline ssize_t octo_sendfile(int out, int in, off_t *at, size_t n)
{
    if (octo_fd_is_foreign(out))
        return octo_real.sendfile(out, in, at, n);
    return sendfile_to(out, in, at, n);
}

#define HOOK_OUT OCTO_EXPORT
#define ALIAS_OUT OCTO_EXPORT_ALIAS
#include "hook/hooks.def"
