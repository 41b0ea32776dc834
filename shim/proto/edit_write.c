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
#include <string.h>

/* All of `look` has been taken: its copy of the framer becomes the framer. */
static void adopt(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                  const struct octo_edit_look *look)
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

/* The service's bytes of a call that took them all. */
static void tap(const struct octo_edit_ops *ops, void *owner, const struct octo_edit_cursor *c, size_t n)
{
    const struct iovec *v = c->iov;

    for (size_t skip = c->skip, len; n > 0; v++, skip = 0, n -= len) {
        len = v->iov_len - skip < n ? v->iov_len - skip : n;
        ops->tap(owner, (const uint8_t *)v->iov_base + skip, len);
    }
}

/* How many of the k bytes that a planned call has moved are inserted ones. */
static size_t inserted_of(const struct octo_edit_plan *plan, size_t k)
{
    if (plan->inserted == 0 || k <= plan->look.at)
        return 0;
    return k - plan->look.at < plan->inserted ? k - plan->look.at : plan->inserted;
}

/* Only the first k bytes of the call were taken. Returns how many of them are the service's. */
static size_t commit(struct octo_edit_plan *plan, struct octo_stream *s, const struct octo_edit_ops *ops,
                     void *owner, const struct octo_edit_cursor *c, size_t k)
{
    size_t given = inserted_of(plan, k), sum;
    int count;

    s->inj_done = (uint16_t)(s->inj_done + given);
    k -= given;
    count = octo_edit_slice(c, k, plan->v, OCTO_EDIT_IOV, &sum);
    octo_edit_passed(s, ops, owner, plan->v, count, k);
    return k;
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

/* The message's bytes, its insertion among them, in one piece: for a small head dearer to say in several. */
static void gather(struct octo_edit_plan *plan, const struct octo_edit_cursor *c, const char *insertion)
{
    size_t done = 0, to_insertion = plan->look.at;
    char *p = plan->gathered;

    for (const struct iovec *from = c->iov; done < plan->look.bytes; from++) {
        size_t n = from->iov_len < plan->look.bytes - done ? from->iov_len : plan->look.bytes - done;
        const char *bytes = from->iov_base;

        if (n == 0)
            continue;
        done += n;
        if (to_insertion < n) {
            memcpy(p, bytes, to_insertion);
            p += to_insertion;
            bytes += to_insertion;
            n -= to_insertion;
            memcpy(p, insertion, plan->inserted);
            p += plan->inserted;
            to_insertion = SIZE_MAX;
        }
        memcpy(p, bytes, n);
        p += n;
        to_insertion -= to_insertion != SIZE_MAX ? n : 0;
    }
    plan->one = (struct iovec){plan->gathered, plan->asked};
    plan->iov = &plan->one;
    plan->count = 1;
}

void octo_edit_plan_write(struct octo_edit_plan *plan, struct octo_stream *s, const struct octo_edit_ops *ops,
                          void *owner, const struct octo_edit_cursor *c, size_t total)
{
    bool whole = c->skip == 0 && c->iovcnt <= OCTO_EDIT_IOV - 2; /* one is split by the insertion, one is it */
    size_t sum = total;

    plan->iov = c->iov;
    plan->count = c->iovcnt;
    if (!whole) {
        plan->count = octo_edit_slice(c, SIZE_MAX, plan->v, OCTO_EDIT_IOV - 2, &sum);
        plan->iov = plan->v;
    }
    octo_edit_look(&plan->look, s, ops, owner, plan->iov, plan->count);
    plan->inserted = plan->look.at != SIZE_MAX ? (size_t)(s->inj_len - s->inj_done) : 0;
    plan->asked = plan->look.bytes + plan->inserted;
    if (plan->inserted > 0 && whole && plan->asked <= OCTO_EDIT_GATHER) {
        gather(plan, c, s->inj + s->inj_done);
    } else if (plan->inserted > 0 || plan->look.bytes < sum) {
        plan->count = octo_edit_slice(c, plan->look.bytes, plan->v, OCTO_EDIT_IOV - 2, &sum);
        plan->iov = plan->v;
        if (plan->inserted > 0)
            plan->count = insert(plan->v, plan->count, plan->look.at, s->inj + s->inj_done, plan->inserted);
    }
    if (plan->look.end)
        ops->intend(owner, &plan->look.f, plan->look.bytes);
}

ssize_t octo_edit_took_write(struct octo_edit_plan *plan, struct octo_stream *s, const struct octo_edit_ops *ops,
                             void *owner, const struct octo_edit_cursor *c, ssize_t k,
                             enum octo_edit_outcome *outcome)
{
    if (k > 0 && (size_t)k == plan->asked) {
        *outcome = OCTO_WROTE_ALL;
        if (__builtin_expect(s->tapped, 0))
            tap(ops, owner, c, plan->look.bytes);
        adopt(s, ops, owner, &plan->look);
        return (ssize_t)plan->look.bytes;
    }
    if (plan->look.end)
        ops->forgo(owner);
    *outcome = k <= 0 ? OCTO_WROTE_NOTHING : OCTO_WROTE_PART;
    return k <= 0 ? k : (ssize_t)commit(plan, s, ops, owner, c, (size_t)k);
}

ssize_t octo_edit_lost_write(const struct octo_edit_plan *plan, ssize_t k)
{
    if (k > 0)
        k -= (ssize_t)inserted_of(plan, (size_t)k);
    return k != 0 ? k : -EAGAIN;
}

/* Writes one message, or as much as fits a plan. */
static ssize_t write_message(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                             const struct octo_edit_cursor *c, size_t total, struct octo_io *io,
                             enum octo_edit_outcome *outcome)
{
    struct octo_edit_plan plan;
    ssize_t k;

    octo_edit_plan_write(&plan, s, ops, owner, c, total);
    k = io->call(io, plan.iov, plan.count, OCTO_IO_PLAIN);
    if (!io->lost)
        return octo_edit_took_write(&plan, s, ops, owner, c, k, outcome);
    *outcome = OCTO_WROTE_NOTHING;
    return octo_edit_lost_write(&plan, k);
}

/* A call whose bytes are only watched: body data, or anything where nothing is to be inserted. */
static ssize_t write_plain(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                           const struct iovec *iov, int iovcnt, size_t total, struct octo_io *io)
{
    bool ends = octo_framer_ends_within(&s->framer, total);
    const struct octo_framer *then = &s->framer;
    struct octo_edit_look look;
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
    if (total == 0 || iovcnt > EDIT_IOV_MAX)
        return io->call(io, iov, iovcnt, OCTO_IO_PLAIN); /* nothing, or the kernel's to refuse */
    if (octo_edit_is_plain(s, total))
        return write_plain(s, ops, owner, iov, iovcnt, total, io);
    return octo_edit_write_on(s, ops, owner, iov, iovcnt, total, 0, io);
}

ssize_t octo_edit_write_on(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                           const struct iovec *iov, int iovcnt, size_t total, size_t out, struct octo_io *io)
{
    struct octo_edit_cursor c = {iov, iovcnt, 0};

    octo_edit_move(&c, out);
    while (out < total) {
        enum octo_edit_outcome outcome;
        ssize_t k = write_message(s, ops, owner, &c, total - out, io, &outcome);

        if (outcome == OCTO_WROTE_NOTHING) {
            if (out == 0)
                return k;
            return k > 0 ? (ssize_t)out + k : (ssize_t)out;
        }
        out += (size_t)k;
        octo_edit_move(&c, (size_t)k);
        if (outcome == OCTO_WROTE_ALL)
            continue;
        if (out > 0)
            break;
        if (io->nonblocking(io))
            return -EAGAIN;
    }
    return (ssize_t)out;
}
