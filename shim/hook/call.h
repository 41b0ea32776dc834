/*
 * One intercepted call that moves bytes: how the editors make the service's own call for us.
 *
 * For: in.c, out.c. The plain mode makes the call that the service made, with its flags and extras, on other
 * buffers; only where a buffer became several does a scalar call become its vector form.
 */
#ifndef OCTO_HOOK_CALL_H
#define OCTO_HOOK_CALL_H

#include "hook/reals.h"
#include "proto/edit.h"

enum octo_call_kind { OCTO_CALL_READ, OCTO_CALL_PV2, OCTO_CALL_SOCKET, OCTO_CALL_ADDRESS, OCTO_CALL_MESSAGE };

struct octo_call {
    struct octo_io io; /* first: the editors hand it back */
    enum octo_call_kind kind;
    int fd;
    int flags;             /* MSG_* or RWF_* */
    off_t at;              /* preadv2, pwritev2 */
    void *address;         /* recvfrom, sendto */
    socklen_t *from_len;   /* recvfrom */
    socklen_t to_len;      /* sendto */
    struct msghdr *message; /* recvmsg, sendmsg; sendmsg's is only read */
};

/* The number of bytes in a vector, or -1 if the kernel is to refuse it (count, lengths, NULL). */
ssize_t octo_vector_size(const struct iovec *iov, int cnt);

/* True if the descriptor, or the call's flags, say not to wait. */
bool octo_call_nonblocking(struct octo_io *io);

/* 0 or more from a real function as it is; -errno if it failed. */
static inline ssize_t octo_unresult(ssize_t result)
{
    return result < 0 ? -errno : result;
}

#endif
