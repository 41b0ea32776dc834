/*
 * What both editors need: cursors, looking ahead on a copy, accounting for what has passed.
 *
 * For: edit_read.c, edit_write.c; hook/ for streams that are only observed. Owns nothing.
 * Context: any thread, signal-safe; one caller at a time per stream.
 */
#include "edit_parts.h"

#include <string.h>

void octo_edit_move(struct octo_edit_cursor *c, size_t n)
{
    while (c->iovcnt > 0 && n >= c->iov->iov_len - c->skip) {
        n -= c->iov->iov_len - c->skip;
        c->iov++;
        c->iovcnt--;
        c->skip = 0;
    }
    c->skip += n;
}

int octo_edit_slice(const struct octo_edit_cursor *c, size_t limit, struct iovec *out, int max, size_t *bytes)
{
    size_t skip = c->skip;
    size_t sum = 0;
    int count = 0;

    for (int i = 0; i < c->iovcnt && count < max && sum < limit; i++, skip = 0) {
        size_t len = c->iov[i].iov_len - skip;

        if (len == 0)
            continue;
        if (len > limit - sum)
            len = limit - sum;
        out[count].iov_base = (char *)c->iov[i].iov_base + skip;
        out[count].iov_len = len;
        count++;
        sum += len;
    }
    *bytes = sum;
    return count;
}

size_t octo_edit_put(struct octo_edit_cursor *c, const char *p, size_t n)
{
    size_t done = 0;

    while (done < n && c->iovcnt > 0) {
        size_t len = c->iov->iov_len - c->skip;

        if (len > n - done)
            len = n - done;
        if (len > 0)
            memcpy((char *)c->iov->iov_base + c->skip, p + done, len);
        done += len;
        octo_edit_move(c, len);
    }
    return done;
}

bool octo_edit_choose(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                      const struct octo_framer *f)
{
    size_t len = 0;

    if (s->quiet)
        return false;
    if (s->inj_done != 0) /* begun: it stays as it is */
        return s->inj_done < s->inj_len;
    s->inj = ops->insertion(owner, f, &len);
    s->inj_len = s->inj != NULL && len <= UINT16_MAX ? (uint16_t)len : 0;
    s->inj_known = true;
    return s->inj_len != 0;
}

static void forget_insertion(struct octo_stream *s)
{
    s->inj = NULL;
    s->inj_len = 0;
    s->inj_done = 0;
    s->inj_known = false;
}

void octo_edit_head_given(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner)
{
    bool inserted = s->inj_done != 0 && s->inj_done == s->inj_len;

    forget_insertion(s);
    ops->head(owner, &s->framer, inserted);
}

void octo_edit_report_opaque(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner)
{
    if (!octo_edit_open(s))
        forget_insertion(s);
    ops->opaque(owner, &s->framer);
}

void octo_edit_opaque(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                      enum octo_opaque_reason reason)
{
    if (!octo_framer_is_opaque(&s->framer)) {
        octo_framer_opaque(&s->framer, reason);
        octo_edit_report_opaque(s, ops, owner);
    }
    if (s->tapped && reason == OCTO_OPAQUE_CALL)
        ops->tap(owner, NULL, 0);
}

/* Moves what is left of the insertion in front of p[0..n). Returns its bytes; 0 if they do not fit. */
static size_t move_in(struct octo_stream *s, uint8_t *p, size_t n, size_t room)
{
    size_t len = (size_t)(s->inj_len - s->inj_done);

    if (len > room)
        return 0;
    memmove(p + len, p, n);
    memcpy(p, s->inj + s->inj_done, len);
    s->inj_done = s->inj_len;
    return len;
}

size_t octo_edit_advance(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner, uint8_t *p, size_t n,
                         size_t room)
{
    size_t inserted = 0;

    if (octo_framer_is_opaque(&s->framer)) {
        if (__builtin_expect(s->tapped, 0))
            ops->tap(owner, p, n);
        return 0;
    }
    while (n > 0 && !octo_framer_is_opaque(&s->framer)) {
        enum octo_verdict verdict;
        size_t used;

        if (octo_framer_at_start(&s->framer)) {
            ops->begin(owner, &s->framer);
            if (octo_framer_is_opaque(&s->framer))
                break;
        }
        used = octo_framer_feed(&s->framer, p, n, &verdict);
        octo_edit_count(s, used);
        if (__builtin_expect(s->tapped, 0))
            ops->tap(owner, p, used);
        p += used;
        n -= used;
        if (verdict == OCTO_AT_BLANK) {
            if (inserted < room && octo_edit_choose(s, ops, owner, &s->framer)) {
                used = move_in(s, p, n, room - inserted);
                inserted += used;
                p += used;
            }
            octo_edit_head_given(s, ops, owner);
        } else if (verdict == OCTO_AT_END) {
            ops->end(owner, &s->framer);
        }
    }
    if (octo_framer_is_opaque(&s->framer)) {
        octo_edit_report_opaque(s, ops, owner);
        if (s->tapped && n > 0)
            ops->tap(owner, p, n);
    }
    return inserted;
}

void octo_edit_passed(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner, const struct iovec *iov,
                      int iovcnt, size_t n)
{
    for (int i = 0; i < iovcnt && n > 0 && (s->tapped || !octo_framer_is_opaque(&s->framer)); i++) {
        size_t len = iov[i].iov_len < n ? iov[i].iov_len : n;

        octo_edit_advance(s, ops, owner, iov[i].iov_base, len, 0);
        n -= len;
    }
}

void octo_edit_passed_unseen(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner, uint64_t n)
{
    if (s->tapped && n > 0)
        ops->tap(owner, NULL, n);
    if (octo_framer_is_opaque(&s->framer))
        return;
    octo_edit_count(s, n);
    if (n > octo_framer_raw_left(&s->framer))
        octo_edit_opaque(s, ops, owner, OCTO_OPAQUE_CALL);
    else if (octo_framer_skip(&s->framer, n) == OCTO_AT_END)
        ops->end(owner, &s->framer);
    else if (ops->forgo)
        ops->forgo(owner);
}

void octo_edit_intend_unseen(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner, uint64_t n)
{
    if (octo_framer_ends_within(&s->framer, n))
        ops->intend(owner, &s->framer, octo_framer_raw_left(&s->framer));
}

void octo_edit_look(struct octo_edit_look *look, struct octo_stream *s, const struct octo_edit_ops *ops,
                    void *owner, const struct iovec *iov, int iovcnt)
{
    struct octo_framer *f = &look->f;

    *f = s->framer;
    look->bytes = 0;
    look->at = octo_edit_open(s) ? 0 : SIZE_MAX;
    look->head = look->end = false;

    for (int i = 0; i < iovcnt; i++) {
        const uint8_t *p = iov[i].iov_base;
        size_t n = iov[i].iov_len;

        while (n > 0 && !look->end) {
            enum octo_verdict verdict;
            size_t used;

            if (octo_framer_at_start(f))
                ops->begin(owner, f);
            used = octo_framer_feed(f, p, n, &verdict);
            if (verdict == OCTO_IS_OPAQUE)
                used = n;
            p += used;
            n -= used;
            look->bytes += used;
            if (verdict == OCTO_AT_BLANK) {
                look->head = true;
                if (look->at == SIZE_MAX && octo_edit_choose(s, ops, owner, f))
                    look->at = look->bytes;
            }
            look->end = verdict == OCTO_AT_END;
        }
        if (look->end)
            break;
    }
}
