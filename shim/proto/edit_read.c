/*
 * The incoming editor: inserts into what the service reads, and parks nothing.
 *
 * For: hook/, on every read from a tracked connection. What the service has not been given is still in the
 * kernel's queue; of an insertion only an offset is kept. Three ways, cheapest first:
 *
 *      plain     body data, an opaque stream: the service's own call as it is
 *      reserve   a large single buffer: ask for less, move the insertion in afterwards; one call
 *      peek      look, consume up to the blank line's CR, give the insertion out, go on; three calls
 *
 * Less than asked is returned only if the queue was empty (an edge-triggered reader stops there), so after
 * a call that gave all it was asked for comes another one that does not wait.
 * Context: any thread, signal-safe; one caller at a time per stream. Under 2 KiB of stack.
 */
#include "edit_parts.h"

#include <errno.h>
#include <string.h>

enum { RESERVE_TOTAL_MIN = 512 }; /* bytes of the smallest buffer that the reserve way is used on */

/* One octo_edit_read() in progress. */
struct reading {
    struct octo_stream *s;
    const struct octo_edit_ops *ops;
    void *owner;
    struct octo_io *io;
    struct octo_edit_cursor c; /* the room left */
    size_t out;                /* bytes given */
    size_t left;               /* bytes of room left */
};

static void given(struct reading *r, size_t n)
{
    octo_edit_move(&r->c, n);
    r->out += n;
    r->left -= n;
}

/* Gives out as much of the insertion as fits. */
static void give_insertion(struct reading *r)
{
    struct octo_stream *s = r->s;
    size_t n = octo_edit_put(&r->c, s->inj + s->inj_done, (size_t)(s->inj_len - s->inj_done));

    s->inj_done = (uint16_t)(s->inj_done + n);
    r->out += n;
    r->left -= n;
}

/* The consuming call of a step. With something in hand it must not wait. Returns as the real call, or
 * -EAGAIN if that can only be had by not calling at all. */
static ssize_t consume(struct reading *r, const struct iovec *v, int count)
{
    if (r->out == 0)
        return r->io->call(r->io, v, count, OCTO_IO_PLAIN);
    if (r->io->can_peek)
        return r->io->call(r->io, v, count, OCTO_IO_DONTWAIT);
    if (r->io->nonblocking(r->io))
        return r->io->call(r->io, v, count, OCTO_IO_PLAIN);
    return -EAGAIN;
}

/* The steps below return what the real call returned, and *more: whether the queue may hold more. */

static ssize_t step_plain(struct reading *r, struct iovec *v, bool *more)
{
    size_t asked;
    int count = octo_edit_slice(&r->c, r->left, v, OCTO_EDIT_IOV, &asked);
    ssize_t k = consume(r, v, count);

    if (k > 0) {
        if (!r->io->lost)
            octo_edit_passed(r->s, r->ops, r->owner, v, count, (size_t)k);
        given(r, (size_t)k);
        *more = (size_t)k == asked;
    }
    return k;
}

static ssize_t step_reserve(struct reading *r, struct iovec *v, bool *more)
{
    size_t asked;
    ssize_t k;

    octo_edit_slice(&r->c, r->left - r->s->reserve, v, 1, &asked);
    k = consume(r, v, 1);
    if (k > 0) {
        size_t n = (size_t)k;

        if (!r->io->lost)
            n = octo_edit_took(r->s, r->ops, r->owner, v->iov_base, n, r->left - n);
        given(r, n);
        *more = (size_t)k == asked;
    }
    return k;
}

static ssize_t step_peek(struct reading *r, struct iovec *v, bool *more)
{
    struct octo_edit_look look;
    size_t asked, want, sum;
    int count = octo_edit_slice(&r->c, r->left, v, OCTO_EDIT_IOV, &asked);
    ssize_t peeked = r->io->call(r->io, v, count, r->out > 0 ? OCTO_IO_PEEK_DONTWAIT : OCTO_IO_PEEK);
    ssize_t k;

    if (peeked <= 0)
        return peeked;
    if (r->io->lost)
        return step_plain(r, v, more);
    count = octo_edit_slice(&r->c, (size_t)peeked, v, OCTO_EDIT_IOV, &sum);
    octo_edit_look(&look, r->s, r->ops, r->owner, v, count);
    want = look.at != SIZE_MAX ? look.at : look.bytes;
    *more = want < (size_t)peeked || (size_t)peeked == asked;

    if (want > 0) {
        count = octo_edit_slice(&r->c, want, v, OCTO_EDIT_IOV, &sum);
        k = r->io->call(r->io, v, count, OCTO_IO_DONTWAIT);
        if (k > 0) {
            octo_edit_passed(r->s, r->ops, r->owner, v, count, (size_t)k);
            given(r, (size_t)k);
        }
        if (k != (ssize_t)want) { /* somebody else reads here: what was seen is not what comes */
            octo_edit_opaque(r->s, r->ops, r->owner, OCTO_OPAQUE_CONCURRENT);
            *more = k == -EAGAIN;
            return k == -EAGAIN ? 1 : k; /* the next step may wait as the service's own call would */
        }
    }
    if (look.at != SIZE_MAX && !octo_framer_is_opaque(&r->s->framer))
        give_insertion(r);
    return peeked;
}

size_t octo_edit_ask(const struct octo_stream *s, size_t n)
{
    if (octo_edit_open(s))
        return 0;
    if (octo_edit_is_plain(s, n))
        return n;
    return n >= RESERVE_TOTAL_MIN && s->reserve > 0 && s->reserve < RESERVE_TOTAL_MIN ? n - s->reserve : 0;
}

size_t octo_edit_took(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner, uint8_t *p, size_t k,
                      size_t room)
{
    return k + octo_edit_advance(s, ops, owner, p, k, room);
}

static bool may_reserve(const struct reading *r)
{
    size_t here = r->c.iov->iov_len - r->c.skip;

    return here == r->left && octo_edit_ask(r->s, here) != 0;
}

ssize_t octo_edit_read(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                       const struct iovec *iov, int iovcnt, size_t total, struct octo_io *io)
{
    ssize_t k;

    if (total != 0 && iovcnt <= EDIT_IOV_MAX && !octo_edit_is_plain(s, total))
        return octo_edit_read_on(s, ops, owner, iov, iovcnt, total, 0, io);
    k = io->call(io, iov, iovcnt, OCTO_IO_PLAIN);
    if (k > 0 && !io->lost)
        octo_edit_passed(s, ops, owner, iov, iovcnt, (size_t)k);
    return k;
}

ssize_t octo_edit_read_on(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                          const struct iovec *iov, int iovcnt, size_t total, size_t out, struct octo_io *io)
{
    struct reading r = {s, ops, owner, io, {iov, iovcnt, 0}, out, total - out};
    struct iovec v[OCTO_EDIT_IOV];
    bool more = true;
    ssize_t k = 0;

    octo_edit_move(&r.c, out);
    while (r.left > 0 && more) {
        more = false;
        k = 1;
        if (octo_edit_open(s)) {
            give_insertion(&r);
            more = true;
        } else if (octo_edit_is_plain(s, r.left)) {
            k = step_plain(&r, v, &more);
        } else if (may_reserve(&r)) {
            k = step_reserve(&r, v, &more);
        } else if (io->can_peek) {
            k = step_peek(&r, v, &more);
        } else {
            k = step_plain(&r, v, &more);
        }
        if (k <= 0 || io->lost)
            break;
    }
    return r.out > 0 ? (ssize_t)r.out : k;
}

static uint8_t *byte_at(const struct iovec *v, size_t i)
{
    for (; i >= v->iov_len; v++)
        i -= v->iov_len;
    return (uint8_t *)v->iov_base + i;
}

/* Makes place for `by` bytes at v[from], v holding n bytes and room for cap. Returns the bytes now held. */
static size_t shift(const struct iovec *v, int count, size_t from, size_t n, size_t by, size_t cap)
{
    size_t held = n + by < cap ? n + by : cap;

    if (count == 1 && held > from + by) {
        uint8_t *p = v->iov_base;

        memmove(p + from + by, p + from, held - from - by);
        return held;
    }
    for (size_t i = held; i > from + by; i--)
        *byte_at(v, i - 1) = *byte_at(v, i - 1 - by);
    return held;
}

ssize_t octo_edit_peek(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                       const struct iovec *iov, int iovcnt, size_t total, struct octo_io *io)
{
    struct iovec v[OCTO_EDIT_IOV];
    struct octo_edit_cursor c = {iov, iovcnt, 0};
    struct octo_edit_look look;
    size_t open = 0, room, sum;
    ssize_t peeked;
    int count;

    /* Where a read cannot peek it may not insert either: show no byte that might never come. */
    if (total == 0 || iovcnt > EDIT_IOV_MAX || octo_edit_is_plain(s, total) ||
        (!io->can_peek && !octo_edit_open(s)))
        return io->call(io, iov, iovcnt, OCTO_IO_PEEK);

    if (octo_edit_open(s))
        open = octo_edit_put(&c, s->inj + s->inj_done, (size_t)(s->inj_len - s->inj_done));
    if (open == total)
        return (ssize_t)open;
    count = octo_edit_slice(&c, total - open, v, OCTO_EDIT_IOV, &room);
    peeked = io->call(io, v, count, open > 0 ? OCTO_IO_PEEK_DONTWAIT : OCTO_IO_PEEK);
    if (peeked <= 0 || io->lost)
        return open > 0 ? (ssize_t)open : peeked;

    count = octo_edit_slice(&c, (size_t)peeked, v, OCTO_EDIT_IOV, &sum);
    octo_edit_look(&look, s, ops, owner, v, count);
    if (look.at != SIZE_MAX && open == 0) {
        count = octo_edit_slice(&c, room, v, OCTO_EDIT_IOV, &sum);
        sum = shift(v, count, look.at, look.bytes, s->inj_len, room);
        octo_edit_move(&c, look.at);
        octo_edit_put(&c, s->inj, s->inj_len);
        return (ssize_t)sum;
    }
    return (ssize_t)(open + look.bytes);
}
