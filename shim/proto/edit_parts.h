/*
 * What the editors share: a cursor over the caller's buffers, and the reports to conn/.
 *
 * For: edit.c, edit_read.c, edit_write.c and nobody else.
 */
#ifndef OCTO_PROTO_EDIT_PARTS_H
#define OCTO_PROTO_EDIT_PARTS_H

#include "edit.h"

#include <sys/types.h>

enum {
    EDIT_IOV_MAX = 1024, /* what the kernel takes; longer lists are its to refuse */
};

/* Moves the cursor n bytes on; n is at most what is left. */
void octo_edit_move(struct octo_edit_cursor *c, size_t n);

/* Fills out[0..max) with at most `limit` bytes from the cursor on. Returns the count; *bytes is the sum. */
int octo_edit_slice(const struct octo_edit_cursor *c, size_t limit, struct iovec *out, int max, size_t *bytes);

/* Copies p[0..n) to the cursor's buffers and moves it on; stops where they end. Returns bytes copied. */
size_t octo_edit_put(struct octo_edit_cursor *c, const char *p, size_t n);

/* Asks ops->insertion() for the head whose blank line the framer f stands before. True if there is
 * something to insert that has not been given completely; it is in s->inj from s->inj_done on. */
bool octo_edit_choose(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                      const struct octo_framer *f);

/* Reports the head of f as given, with its insertion if that is complete; then forgets the insertion. */
void octo_edit_head_given(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner);

/* Reports that the framer has become opaque, and forgets an insertion that has not begun. */
void octo_edit_report_opaque(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner);

/* p[0..n) has passed: advances the framer and reports. Where a head ends and `room` bytes behind p[0..n)
 * suffice, its insertion is moved in. Returns the bytes so inserted; 0 if room is 0. */
size_t octo_edit_advance(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner, uint8_t *p, size_t n,
                         size_t room);

/* Looks at iov[0..iovcnt), up to the end of the present message. Calls only begin() and insertion(). */
void octo_edit_look(struct octo_edit_look *look, struct octo_stream *s, const struct octo_edit_ops *ops,
                    void *owner, const struct iovec *iov, int iovcnt);

/* Counts n of the stream's own bytes as passed. */
static inline void octo_edit_count(struct octo_stream *s, uint64_t n)
{
    __atomic_store_n(&s->passed, s->passed + n, __ATOMIC_RELAXED);
}

#endif
