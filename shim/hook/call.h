/*
 * One intercepted call that moves bytes: how the editors make the service's own call for us.
 *
 * For: in.c, out.c. The plain mode makes the call that the service made, with its flags and extras, on other
 * buffers; only where a buffer became several does a scalar call become its vector form.
 */
#ifndef OCTO_HOOK_CALL_H
#define OCTO_HOOK_CALL_H

#include "conn/conn.h"
#include "hook/reals.h"
#include "proto/edit.h"

enum octo_call_kind {
    OCTO_CALL_FILE,    /* read, readv, write, writev */
    OCTO_CALL_PV2,     /* preadv2, pwritev2 */
    OCTO_CALL_SOCKET,  /* recv, send */
    OCTO_CALL_ADDRESS, /* recvfrom, sendto with an address */
    OCTO_CALL_MESSAGE, /* recvmsg, sendmsg */
};

/* In a hook, whose body is part of the exported function: the code that has called it. */
#define CALLER __builtin_return_address(0)

struct octo_call {
    struct octo_io io; /* first: the editors hand it back */
    enum octo_call_kind kind;
    bool vector; /* the service gave several buffers, or one in a vector */
    int fd;
    struct octo_conn *conn; /* while inside it */
    const void *caller;     /* whose code it is, or NULL: not known */
    int flags;              /* MSG_* or RWF_* */
    off_t at;               /* preadv2, pwritev2 */
    void *address;          /* recvfrom, sendto */
    socklen_t *from_len;    /* recvfrom */
    socklen_t to_len;       /* sendto */
    bool told;              /* a call has filled in name and flags */
    struct msghdr *message; /* recvmsg, sendmsg; sendmsg's is only read */
};

/* Makes the service's own call without the side of the connection being taken meanwhile; sets io.lost if it is not
 * ours afterwards. errno is the call's. real: call_plain() of in.c or out.c. Returns as it does, in libc's convention. */
ssize_t octo_call_unheld(struct octo_call *call, enum octo_side side, const struct iovec *iov, int cnt,
                         ssize_t (*real)(struct octo_call *call, const struct iovec *iov, int cnt));

/* After a call that moved bytes of conn unseen (moved >= 0) or failed: resumes, accounts, leaves. Keeps errno. */
void octo_call_passed_unseen(struct octo_conn *conn, int fd, enum octo_side side, uint32_t turn, ssize_t moved);

/* Tells of each descriptor that a message carries (SCM_RIGHTS). */
void octo_call_each_right(const struct msghdr *msg, void (*tell)(int fd));

/* The number of bytes in a vector, or -1 if the kernel is to refuse it (count, lengths, NULL). */
ssize_t octo_vector_size(const struct iovec *iov, int cnt);

/* True if the descriptor, or the call's flags, say not to wait. */
bool octo_call_nonblocking(struct octo_io *io);

/* Flags of the socket calls; 0 for read, write and their kin. */
static inline int octo_call_socket_flags(const struct octo_call *call)
{
    return call->kind == OCTO_CALL_FILE || call->kind == OCTO_CALL_PV2 ? 0 : call->flags;
}

/* True if preadv2 or pwritev2 moves the stream's next bytes: at an offset, and with flags for files, a socket refuses. */
static inline bool octo_call_pv2_is_stream(off_t at, int flags)
{
    return at == -1 && (flags & ~RWF_NOWAIT) == 0;
}

/* 0 or more from a real function as it is; -errno if it failed. */
static inline ssize_t octo_unresult(ssize_t result)
{
    return result < 0 ? -errno : result;
}

#endif
