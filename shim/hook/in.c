/*
 * Bytes come in: the intercepted calls that read from a connection.
 *
 * Three floors: the exported name (hooks.def) -> octo_<name> here, one load and one branch for what is not ours ->
 * the real one. What is ours goes through the reading editor, so that the service finds its request's ID in
 * the head. Context: any thread, signal-safe; a cancellation point exactly where the real call is one.
 */
#include "hook/call.h"
#include "base/sys.h"
#include "conn/conn.h"
#include "conn/process.h"

#include <limits.h>
#include <sys/ioctl.h>

/* Flags that give bytes which are not the stream's next ones, or none at all. */
enum { UNFRAMED_FLAGS = MSG_OOB | MSG_ERRQUEUE | MSG_TRUNC };

/* recvmsg on other buffers; the name and the flags that the service asked for are given to it as the kernel leaves
 * them. raw: not as a cancellation point. Returns in libc's convention. */
static ssize_t recv_message(struct octo_call *c, const struct iovec *iov, int cnt, int flags, bool raw)
{
    struct msghdr message = {.msg_name = c->address, .msg_namelen = c->from_len ? *c->from_len : 0};
    ssize_t got;

    if (c->message)
        message = *c->message;
    message.msg_iov = (struct iovec *)iov;
    message.msg_iovlen = (size_t)cnt;
    got = raw ? octo_result(octo_sys(SYS_recvmsg, c->fd, &message, flags))
              : octo_real.recvmsg(c->fd, &message, flags);
    if (got < 0)
        return got;
    c->told = true;
    if (c->message) {
        c->message->msg_namelen = message.msg_namelen;
        c->message->msg_controllen = message.msg_controllen;
        c->message->msg_flags = message.msg_flags;
    } else if (c->from_len) {
        *c->from_len = message.msg_namelen;
    }
    return got;
}

static ssize_t call_plain(struct octo_call *c, const struct iovec *iov, int cnt)
{
    switch (c->kind) {
    case OCTO_CALL_FILE:
        return cnt == 1 && !c->vector ? octo_real.read(c->fd, iov->iov_base, iov->iov_len)
                                      : octo_real.readv(c->fd, iov, cnt);
    case OCTO_CALL_PV2:
        return octo_real.preadv2(c->fd, iov, cnt, c->at, c->flags);
    case OCTO_CALL_SOCKET:
        if (cnt == 1)
            return octo_real.recv(c->fd, iov->iov_base, iov->iov_len, c->flags);
        break;
    case OCTO_CALL_ADDRESS:
        if (cnt == 1)
            return octo_real.recvfrom(c->fd, iov->iov_base, iov->iov_len, c->flags, c->address, c->from_len);
        break;
    case OCTO_CALL_MESSAGE:
        break;
    }
    return recv_message(c, iov, cnt, c->flags, false);
}

/* May wait, so it is a cancellation point like the service's own call. */
static ssize_t call_peek(struct octo_call *c, const struct iovec *iov, int cnt)
{
    int flags = octo_call_socket_flags(c) & ~MSG_WAITALL;

    if (c->kind == OCTO_CALL_PV2 && octo_call_nonblocking(&c->io))
        flags |= MSG_DONTWAIT;
    return recv_message(c, iov, cnt, flags | MSG_PEEK, false);
}

static ssize_t call_in(struct octo_io *io, const struct iovec *iov, int cnt, enum octo_io_mode mode)
{
    struct octo_call *c = (struct octo_call *)io;
    int flags = (octo_call_socket_flags(c) & ~MSG_WAITALL) | MSG_DONTWAIT;

    switch (mode) {
    case OCTO_IO_PLAIN:
        return octo_unresult(octo_call_unheld(c, OCTO_IN, iov, cnt, call_plain));
    case OCTO_IO_PEEK:
        return octo_unresult(octo_call_unheld(c, OCTO_IN, iov, cnt, call_peek));
    case OCTO_IO_PEEK_DONTWAIT:
        return octo_unresult(recv_message(c, iov, cnt, flags | MSG_PEEK, true));
    case OCTO_IO_DONTWAIT:
        return octo_unresult(recv_message(c, iov, cnt, flags, true));
    }
    return -EINVAL;
}

/* MSG_WAITALL: the editor gives what there is; the caller wants all of it. A plain call has waited for it itself. */
static ssize_t edit_all(struct octo_conn *conn, struct octo_call *c, const struct iovec *iov, int cnt,
                        size_t total)
{
    bool plain = octo_edit_is_plain(&conn->in, total);
    ssize_t got = octo_edit_read(&conn->in, &octo_conn_in_ops, conn, iov, cnt, total, &c->io);

    if (plain || !(octo_call_socket_flags(c) & MSG_WAITALL) || cnt != 1)
        return got;
    for (ssize_t more = got; more > 0 && !c->io.lost && (size_t)got<total; got += more> 0 ? more : 0) {
        struct iovec rest = {(char *)iov->iov_base + got, total - (size_t)got};

        more = octo_edit_read(&conn->in, &octo_conn_in_ops, conn, &rest, 1, rest.iov_len, &c->io);
    }
    return got;
}

/* The usual read: one buffer, one call, no loop. asked: octo_edit_ask(). Returns bytes given, or -errno. */
static inline ssize_t read_simply(struct octo_conn *conn, struct octo_call *c, const struct iovec *iov,
                                  size_t asked)
{
    struct iovec part = {iov->iov_base, asked};
    uint32_t turn = octo_conn_pause(conn, OCTO_IN);
    ssize_t got = call_plain(c, &part, 1);
    size_t given;

    c->io.lost = !octo_conn_resume(conn, c->fd, OCTO_IN, turn);
    if (got <= 0 || c->io.lost)
        return octo_unresult(got);
    given =
        octo_edit_took(&conn->in, &octo_conn_in_ops, conn, iov->iov_base, (size_t)got, iov->iov_len - (size_t)got);
    if ((size_t)got < asked || given == iov->iov_len)
        return (ssize_t)given;
    return octo_edit_read_on(&conn->in, &octo_conn_in_ops, conn, iov, 1, iov->iov_len, given, &c->io);
}

/* The common path of everything that reads: c->fd was not foreign a moment ago. */
static ssize_t read_from(struct octo_call *c, const struct iovec *iov, int cnt)
{
    struct octo_conn *conn = octo_conn_enter(c->fd, OCTO_IN);
    ssize_t total = octo_vector_size(iov, cnt), got;
    int kept = errno, flags = octo_call_socket_flags(c);
    bool control = c->message && c->message->msg_controllen;
    size_t asked;

    if (!conn)
        return call_plain(c, iov, cnt);
    c->conn = conn;
    conn->in_caller = c->caller;
    c->io = (struct octo_io){call_in, octo_call_nonblocking, !octo_service.sandboxed, false};
    if (!(flags & MSG_PEEK))
        octo_conn_take_turn(conn, OCTO_IN);
    if (total <= 0 || (flags & UNFRAMED_FLAGS)) {
        got = call_in(&c->io, iov, cnt, OCTO_IO_PLAIN);
        if (got > 0 && !c->io.lost && !(flags & (MSG_OOB | MSG_ERRQUEUE | MSG_PEEK)))
            octo_edit_opaque(&conn->in, &octo_conn_in_ops, conn, OCTO_OPAQUE_CALL);
    } else if (flags & MSG_PEEK) {
        got = octo_edit_peek(&conn->in, &octo_conn_in_ops, conn, iov, cnt, (size_t)total, &c->io);
    } else if (control && !octo_edit_open(&conn->in)) {
        got = call_in(&c->io, iov, cnt, OCTO_IO_PLAIN);
        if (got > 0 && !c->io.lost)
            octo_edit_passed(&conn->in, &octo_conn_in_ops, conn, iov, cnt, (size_t)got);
    } else if (cnt == 1 && !(flags & MSG_WAITALL) && (asked = octo_edit_ask(&conn->in, (size_t)total)) != 0) {
        got = read_simply(conn, c, iov, asked);
    } else {
        got = edit_all(conn, c, iov, cnt, (size_t)total);
    }
    if (!c->io.lost) {
        if (got == 0 && total > 0)
            octo_conn_saw_eof(conn);
        else if (got < 0)
            octo_conn_saw_error(conn, OCTO_IN, (int)-got);
        octo_conn_leave(conn, OCTO_IN);
    }
    if (c->message && got >= 0 && !c->told) { /* the insertion alone: no call told of name and flags */
        c->message->msg_namelen = 0;
        c->message->msg_flags = 0;
    }
    errno = kept;
    return octo_result(got);
}

static inline ssize_t octo_read(int fd, void *buf, size_t n)
{
    if (octo_fd_is_foreign(fd))
        return octo_real.read(fd, buf, n);
    return read_from(&(struct octo_call){.kind = OCTO_CALL_FILE, .fd = fd, .caller = CALLER},
                     &(struct iovec){buf, n}, 1);
}

/* The fortified twins abort in libc where n exceeds the buffer; theirs is the check. */
static inline ssize_t octo___read_chk(int fd, void *buf, size_t n, size_t size)
{
    if (n > size)
        return octo_real.__read_chk(fd, buf, n, size);
    return octo_read(fd, buf, n);
}

static inline ssize_t octo_readv(int fd, const struct iovec *iov, int cnt)
{
    if (octo_fd_is_foreign(fd))
        return octo_real.readv(fd, iov, cnt);
    return read_from(&(struct octo_call){.kind = OCTO_CALL_FILE, .vector = true, .fd = fd}, iov, cnt);
}

static inline ssize_t octo_preadv2(int fd, const struct iovec *iov, int cnt, off_t at, int flags)
{
    if (octo_fd_is_foreign(fd) || !octo_call_pv2_is_stream(at, flags))
        return octo_real.preadv2(fd, iov, cnt, at, flags);
    return read_from(&(struct octo_call){.kind = OCTO_CALL_PV2, .fd = fd, .at = at, .flags = flags}, iov, cnt);
}

static inline ssize_t octo_recv(int fd, void *buf, size_t n, int flags)
{
    if (octo_fd_is_foreign(fd))
        return octo_real.recv(fd, buf, n, flags);
    return read_from(&(struct octo_call){.kind = OCTO_CALL_SOCKET, .fd = fd, .caller = CALLER, .flags = flags},
                     &(struct iovec){buf, n}, 1);
}

static inline ssize_t octo___recv_chk(int fd, void *buf, size_t n, size_t size, int flags)
{
    if (n > size)
        return octo_real.__recv_chk(fd, buf, n, size, flags);
    return octo_recv(fd, buf, n, flags);
}

static inline ssize_t octo_recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *len)
{
    struct octo_call call = {.kind = from ? OCTO_CALL_ADDRESS : OCTO_CALL_SOCKET,
                             .fd = fd,
                             .caller = CALLER,
                             .flags = flags,
                             .address = from,
                             .from_len = len};

    if (octo_fd_is_foreign(fd))
        return octo_real.recvfrom(fd, buf, n, flags, from, len);
    return read_from(&call, &(struct iovec){buf, n}, 1);
}

static inline ssize_t octo___recvfrom_chk(int fd, void *buf, size_t n, size_t size, int flags,
                                          struct sockaddr *from, socklen_t *len)
{
    if (n > size)
        return octo_real.__recvfrom_chk(fd, buf, n, size, flags, from, len);
    return octo_recvfrom(fd, buf, n, flags, from, len);
}

static inline ssize_t octo_recvmsg(int fd, struct msghdr *msg, int flags)
{
    struct octo_call call = {
        .kind = OCTO_CALL_MESSAGE, .fd = fd, .caller = CALLER, .flags = flags, .message = msg};
    ssize_t got;

    if (octo_fd_is_foreign(fd) || !msg || msg->msg_iovlen > IOV_MAX)
        got = octo_real.recvmsg(fd, msg, flags);
    else
        got = read_from(&call, msg->msg_iov, (int)msg->msg_iovlen);
    if (got >= 0 && !(flags & MSG_PEEK))
        octo_call_each_right(msg, octo_fd_ask); /* they may be connections (H15) */
    return got;
}

/* A stream connection read by messages: each in its turn, as the kernel does it. */
static int recv_messages(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
    int each = flags & ~MSG_WAITFORONE;
    unsigned done = 0;

    for (; done < n; done++) {
        ssize_t got = octo_recvmsg(fd, &msgs[done].msg_hdr, each);

        if (got < 0)
            return done ? (int)done : -1;
        msgs[done].msg_len = (unsigned)got;
        if (flags & MSG_WAITFORONE)
            each |= MSG_DONTWAIT;
    }
    return (int)done;
}

static inline int octo_recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout)
{
    int got;

    if (!octo_fd_is_foreign(fd) && !timeout && msgs)
        return recv_messages(fd, msgs, n, flags);
    got = octo_real.recvmmsg(fd, msgs, n, flags, timeout);
    for (int i = 0; i < got; i++)
        octo_call_each_right(&msgs[i].msg_hdr, octo_fd_ask);
    return got;
}

/* One end of a splice is a connection: its bytes pass unseen. */
static ssize_t splice_on(int fd, enum octo_side side, int in, off64_t *in_at, int out, off64_t *out_at, size_t n,
                         unsigned flags)
{
    struct octo_conn *conn = octo_conn_enter(fd, side);
    uint32_t turn;
    ssize_t moved;

    if (!conn)
        return octo_real.splice(in, in_at, out, out_at, n, flags);
    octo_conn_take_turn(conn, side);
    if (side == OCTO_OUT)
        octo_edit_intend_unseen(&conn->out, &octo_conn_out_ops, conn, n);
    turn = octo_conn_pause(conn, side);
    moved = octo_real.splice(in, in_at, out, out_at, n, flags);
    octo_call_passed_unseen(conn, fd, side, turn, moved);
    return moved;
}

static inline ssize_t octo_splice(int in, off64_t *in_at, int out, off64_t *out_at, size_t n, unsigned flags)
{
    if (!octo_fd_is_foreign(in))
        return splice_on(in, OCTO_IN, in, in_at, out, out_at, n, flags);
    if (!octo_fd_is_foreign(out))
        return splice_on(out, OCTO_OUT, in, in_at, out, out_at, n, flags);
    return octo_real.splice(in, in_at, out, out_at, n, flags);
}

static ssize_t call_peek_now(struct octo_io *io, const struct iovec *iov, int cnt, enum octo_io_mode mode)
{
    (void)mode;
    return call_in(io, iov, cnt, OCTO_IO_PEEK_DONTWAIT);
}

/* FIONREAD: what a read would give, insertion included, as far as the head is in the queue already (H37). */
static void correct_fionread(int fd, int *count)
{
    struct octo_call call = {
        .kind = OCTO_CALL_SOCKET, .fd = fd, .io = {call_peek_now, octo_call_nonblocking, true, false}};
    struct octo_conn *conn = octo_conn_enter(fd, OCTO_IN);
    char view[8192]; /* a head that is longer is corrected once its rest fits */
    size_t wanted = (size_t)*count + (conn ? conn->in.reserve : 0);

    if (!conn)
        return;
    if (!conn->in.quiet && octo_framer_raw_left(&conn->in.framer) < (uint64_t)*count && wanted <= sizeof(view)) {
        ssize_t there =
            octo_edit_peek(&conn->in, &octo_conn_in_ops, conn, &(struct iovec){view, wanted}, 1, wanted, &call.io);

        if (there > *count)
            *count = (int)there;
    }
    octo_conn_leave(conn, OCTO_IN);
}

static inline int octo_ioctl(int fd, unsigned long request, void *argument)
{
    int result = octo_real.ioctl(fd, request, argument);

    if (request == FIONREAD && result == 0 && !octo_fd_is_foreign(fd) && !octo_service.sandboxed &&
        *(int *)argument > 0)
        correct_fionread(fd, argument);
    else if (request == FIONBIO && !octo_fd_is_foreign(fd))
        octo_fd_changed(fd);
    return result;
}

#define HOOK_IN OCTO_EXPORT
#define ALIAS_IN OCTO_EXPORT_ALIAS
#include "hook/hooks.def"
