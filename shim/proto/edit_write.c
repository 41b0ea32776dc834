/*
 * The outgoing editor: one real call for each message in the service's call.
 *
 * For: hook/, on every write to a tracked connection. A is what the service writes, h where its head's
 * blank line begins, L what is left of the insertion:
 *
 *      A[0..h)        insertion          A[h..e)            e: the message ends, or the service's bytes
 *      |--------------|######################|------------------------------|
 *      0              h                     h+L                            e+L
 *         k <= h            h < k <= h+L                k > h+L             k: taken by the kernel
 *         commit k          commit h, keep k-h          commit k-L
 *
 * In the middle case with h = 0 the kernel has taken nothing of the service's: a blocking descriptor goes
 * on, for another one the answer is -EAGAIN. Never 0: a writer would take it for an error or spin.
 * Context: any thread, signal-safe; one caller at a time per stream. Under 2 KiB of stack.
 */
#include "edit_parts.h"

#include <errno.h>

enum outcome { WROTE_ALL, WROTE_PART, WROTE_NOTHING };

/* All of `look` has been taken: its copy of the framer becomes the framer. */
static void adopt(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                  const struct edit_look *look)
{
    bool was_opaque = octo_framer_is_opaque(&s->framer);

    s->framer = look->f;
    octo_edit_count(s, look->bytes);
    if (look->at != SIZE_MAX)
        s->inj_done = s->inj_len;
    if (look->head)
        octo_edit_head_given(s, ops, owner);
    if (look->end)
        ops->end(owner, &s->framer);
    if (!was_opaque && octo_framer_is_opaque(&s->framer))
        octo_edit_report_opaque(s, ops, owner);
}

/* Only the first k bytes of the call were taken. Returns how many of them are the service's. */
static size_t commit(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                     const struct edit_look *look, struct iovec *v, const struct edit_cursor *c, size_t k)
{
    size_t left = (size_t)(s->inj_len - s->inj_done);
    size_t sum;
    int count;

    if (look->at != SIZE_MAX && k > look->at) {
        size_t given = k - look->at < left ? k - look->at : left;

        s->inj_done = (uint16_t)(s->inj_done + given);
        k -= given;
    }
    count = octo_edit_slice(c, k, v, EDIT_IOV_STACK, &sum);
    octo_edit_passed(s, ops, owner, v, count, k);
    return k;
}

/* How many of k bytes are the service's, where `left` inserted ones stand at `at`. */
static ssize_t own_bytes(size_t k, size_t at, size_t left)
{
    if (k <= at)
        return (ssize_t)k;
    if (k > at + left)
        return (ssize_t)(k - left);
    return at > 0 ? (ssize_t)at : -EAGAIN;
}

/* Puts p[0..n) between the bytes of v, before byte `at` of them: one buffer more, two if one is cut in two by it. There
 * must be room for both behind v[count). Returns the new count. */
static int insert(struct iovec *v, int count, size_t at, const char *p, size_t n)
{
    int i = 0, more;

    while (i < count && at >= v[i].iov_len)
        at -= v[i++].iov_len;
    more = at > 0 ? 2 : 1;
    for (int j = count - 1; j >= i; j--)
        v[j + more] = v[j];
    if (at > 0) {
        v[i].iov_len = at;
        v[i + 2].iov_base = (char *)v[i + 2].iov_base + at;
        v[i + 2].iov_len -= at;
        i++;
    }
    v[i] = (struct iovec){(char *)p, n};
    return count + more;
}

/*
 * Writes from c up to the end of the present message or of the buffers that fit on the stack, with one
 * real call. Returns how many of the service's bytes were taken, or -errno.
 */
static ssize_t write_message(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                             const struct edit_cursor *c, struct octo_io *io, enum outcome *outcome)
{
    struct iovec v[EDIT_IOV_STACK];
    struct edit_look look;
    size_t asked, sum, left;
    int count = octo_edit_slice(c, SIZE_MAX, v, EDIT_IOV_STACK - 2, &sum); /* one is split, one is ours */
    ssize_t k;

    octo_edit_look(&look, s, ops, owner, v, count);
    asked = look.bytes;
    if (look.bytes < sum)
        count = octo_edit_slice(c, look.bytes, v, EDIT_IOV_STACK - 2, &sum);
    left = look.at != SIZE_MAX ? (size_t)(s->inj_len - s->inj_done) : 0;
    if (left > 0) {
        count = insert(v, count, look.at, s->inj + s->inj_done, left);
        asked += left;
    }
    if (look.end)
        ops->intend(owner, &look.f, look.bytes);
    k = io->call(io, v, count, OCTO_IO_PLAIN);
    if (io->lost) {
        *outcome = WROTE_NOTHING;
        return k <= 0 ? k : own_bytes((size_t)k, look.at, left);
    }
    if (k > 0 && (size_t)k == asked) {
        *outcome = WROTE_ALL;
        adopt(s, ops, owner, &look);
        return (ssize_t)look.bytes;
    }
    if (look.end)
        ops->forgo(owner);
    *outcome = k <= 0 ? WROTE_NOTHING : WROTE_PART;
    return k <= 0 ? k : (ssize_t)commit(s, ops, owner, &look, v, c, (size_t)k);
}

/* A call whose bytes are only watched: body data, or anything where nothing is to be inserted. */
static ssize_t write_plain(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                           const struct iovec *iov, int iovcnt, size_t total, struct octo_io *io)
{
    bool ends = octo_framer_ends_within(&s->framer, total);
    const struct octo_framer *then = &s->framer;
    struct edit_look look;
    ssize_t k;

    if (!ends && octo_framer_raw_left(&s->framer) < total) {
        octo_edit_look(&look, s, ops, owner, iov, iovcnt);
        ends = look.end && look.bytes == total; /* one with another behind it is not told in advance */
        then = &look.f;
    }
    if (ends)
        ops->intend(owner, then, total);
    k = io->call(io, iov, iovcnt, OCTO_IO_PLAIN);
    if (io->lost)
        return k;
    if (ends && k != (ssize_t)total)
        ops->forgo(owner);
    if (k > 0)
        octo_edit_passed(s, ops, owner, iov, iovcnt, (size_t)k);
    return k;
}

ssize_t octo_edit_write(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                        const struct iovec *iov, int iovcnt, size_t total, struct octo_io *io)
{
    struct edit_cursor c = {iov, iovcnt, 0};
    size_t out = 0;

    if (total == 0 || iovcnt > EDIT_IOV_MAX)
        return io->call(io, iov, iovcnt, OCTO_IO_PLAIN); /* nothing, or the kernel's to refuse */
    if (octo_edit_is_plain(s, total))
        return write_plain(s, ops, owner, iov, iovcnt, total, io);
    while (out < total) {
        enum outcome outcome;
        ssize_t k = write_message(s, ops, owner, &c, io, &outcome);

        if (outcome == WROTE_NOTHING) {
            if (out == 0)
                return k;
            return k > 0 ? (ssize_t)out + k : (ssize_t)out;
        }
        out += (size_t)k;
        octo_edit_move(&c, (size_t)k);
        if (outcome == WROTE_ALL)
            continue;
        if (out > 0)
            break;
        if (io->nonblocking(io))
            return -EAGAIN;
    }
    return (ssize_t)out;
}
