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
    EDIT_IOV_STACK = 64, /* iovecs built on the stack (1 KiB); more are worked off window by window */
};

/* A place in a list of buffers: `skip` bytes into iov[0]. Empty buffers are passed over. */
struct edit_cursor {
    const struct iovec *iov;
    int iovcnt;
    size_t skip;
};

/* Moves the cursor n bytes on; n is at most what is left. */
void octo_edit_move(struct edit_cursor *c, size_t n);

/* Fills out[0..max) with at most `limit` bytes from the cursor on. Returns the count; *bytes is the sum. */
int octo_edit_slice(const struct edit_cursor *c, size_t limit, struct iovec *out, int max, size_t *bytes);

/* Copies p[0..n) to the cursor's buffers and moves it on; stops where they end. Returns bytes copied. */
size_t octo_edit_put(struct edit_cursor *c, const char *p, size_t n);

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

/* True if a call on the next n bytes can be the service's own, as it is: nothing will be inserted. */
static inline bool octo_edit_is_plain(const struct octo_stream *s, size_t n)
{
    return !octo_edit_open(s) && (s->quiet || octo_framer_raw_left(&s->framer) >= n);
}

/* What a copy of the framer says of bytes that have not passed yet. */
struct edit_look {
    struct octo_framer f; /* the copy, having consumed `bytes` */
    size_t bytes;         /* up to the end of the message, or all */
    size_t at;            /* where the insertion goes, within bytes; SIZE_MAX: none */
    bool head;            /* a blank line's CR is among the bytes */
    bool end;             /* the message ends with them */
};

/* Looks at iov[0..iovcnt), up to the end of the present message. Calls only begin() and insertion(). */
void octo_edit_look(struct edit_look *look, struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                    const struct iovec *iov, int iovcnt);

/* Counts n of the stream's own bytes as passed. */
static inline void octo_edit_count(struct octo_stream *s, uint64_t n)
{
    __atomic_store_n(&s->passed, s->passed + n, __ATOMIC_RELAXED);
}

#endif
