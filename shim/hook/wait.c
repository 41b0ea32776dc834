/*
 * The service waits: the intercepted calls that wait for several descriptors at once. What they do is left alone; that they are
 * made tells that a thread has turned from what it was on (conn/context.h). Two are not several: who waits for one may have a
 * runtime that adds its own to be woken by (ruby's for signals, curl's socket pair).
 *
 * Context: any thread, signal-safe; cancellation points as the real ones.
 */
#include "hook/reals.h"
#include "conn/context.h"
#include "conn/host.h"

#include <string.h>

static inline int octo_epoll_ctl(int set, int command, int fd, struct epoll_event *event)
{
    if (command != EPOLL_CTL_DEL && event)
        octo_host_watches(fd, event);
    return octo_real.epoll_ctl(set, command, fd, event);
}

static inline int octo_epoll_wait(int set, struct epoll_event *events, int max, int timeout)
{
    octo_context_waits();
    return octo_real.epoll_wait(set, events, max, timeout);
}

static inline int octo_epoll_pwait(int set, struct epoll_event *events, int max, int timeout, const sigset_t *mask)
{
    octo_context_waits();
    return octo_real.epoll_pwait(set, events, max, timeout, mask);
}

static inline int octo_epoll_pwait2(int set, struct epoll_event *events, int max, const struct timespec *timeout,
                                    const sigset_t *mask)
{
    octo_context_waits();
    return octo_real.epoll_pwait2(set, events, max, timeout, mask);
}

enum { SEVERAL = 2 };

static inline void polls(nfds_t n)
{
    if (n > SEVERAL)
        octo_context_waits();
}

static inline int octo_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    polls(n);
    return octo_real.poll(fds, n, timeout);
}

static inline int octo___poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
    polls(n);
    return octo_real.__poll_chk(fds, n, timeout, size);
}

static inline int octo_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
    polls(n);
    return octo_real.ppoll(fds, n, timeout, mask);
}

static inline int octo___ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
                                   const sigset_t *mask, size_t size)
{
    polls(n);
    return octo_real.__ppoll_chk(fds, n, timeout, mask, size);
}

/* Descriptors below n in the set, as far as it matters. The kernel reads whole words of it, and none for descriptors that there cannot
 * be, so n may be more than the set has. */
static unsigned members(int n, const fd_set *set)
{
    const unsigned long *word = (const unsigned long *)set;
    unsigned count = 0;

    n = n < FD_SETSIZE ? n : FD_SETSIZE;
    for (int i = 0; set && i < n && count <= SEVERAL; i += (int)sizeof(*word) * 8, word++)
        for (unsigned long left = *word; left && count <= SEVERAL; left &= left - 1)
            count++;
    return count;
}

static void selects(int n, const fd_set *in, const fd_set *out)
{
    if (members(n, in) + members(n, out) > SEVERAL)
        octo_context_waits();
}

static inline int octo_select(int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
    selects(n, in, out);
    return octo_real.select(n, in, out, except, timeout);
}

static inline int octo_pselect(int n, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,
                               const sigset_t *mask)
{
    selects(n, in, out);
    return octo_real.pselect(n, in, out, except, timeout, mask);
}

#define HOOK_WAIT OCTO_EXPORT
#define ALIAS_WAIT OCTO_EXPORT_ALIAS
#include "hook/hooks.def"
