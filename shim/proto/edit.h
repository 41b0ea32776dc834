/*
 * The two editors: insert header lines into a byte stream without anybody noticing but the reader.
 *
 * For: hook/. Pure but for the two ways out: `io` makes the real call, `ops` tells conn/ what passed.
 * The insertion point is just before the blank line that ends a head; see DESIGN, "How bytes are
 * edited". The laws of both: never 0 unless the real call gave 0, never more than asked, no real byte
 * is parked, no success for bytes that the kernel has not taken, and removing the insertions from the
 * edited stream gives the original one.
 *
 * Context: any thread, signal-safe; one caller at a time per stream.
 */
#ifndef OCTO_PROTO_EDIT_H
#define OCTO_PROTO_EDIT_H

#include "framer.h"

#include <sys/types.h>
#include <sys/uio.h>

/* How an editor wants its real call made. */
enum octo_io_mode {
    OCTO_IO_PLAIN,    /* the service's own call, its flags, only other buffers */
    OCTO_IO_PEEK,     /* leave the bytes in the queue; blocks like the service's own call */
    OCTO_IO_DONTWAIT, /* consume, never block: something is already in hand */
    OCTO_IO_PEEK_DONTWAIT,
};

/* The real call. call() returns bytes moved, or -errno. nonblocking() tells whether the descriptor (or
 * the call's flags) says not to wait. can_peek is false where no call but the service's own may be made
 * (a seccomp filter of the service's own): then a read that would need a peek is only observed. */
struct octo_io {
    ssize_t (*call)(struct octo_io *io, const struct iovec *iov, int iovcnt, enum octo_io_mode mode);
    bool (*nonblocking)(struct octo_io *io);
    bool can_peek;
    bool lost; /* set by call(): while it waited, another thread took the stream over. The editor gives what the
                  call moved as it is and touches neither stream nor owner again */
};

/* What conn/ is told, in stream order. Any may be called several times a call; all are signal-safe. */
struct octo_edit_ops {
    /* The first byte of a message is about to be framed: set framer->text (requests) or ->method
     * (responses), or make it opaque. May be called again for the same message: must be idempotent. */
    void (*begin)(void *owner, struct octo_framer *framer);
    /* A head is complete up to its blank line. Returns the bytes to insert there (whole header lines, CRLF
     * included) and their number in *len; 0 for none. Must give the same answer if asked again. The bytes
     * stay valid until end(). */
    const char *(*insertion)(void *owner, const struct octo_framer *framer, size_t *len);
    /* The blank line's CR, and so the whole head, has been given to the reader. inserted: whether the
     * insertion went with it. */
    void (*head)(void *owner, const struct octo_framer *framer, bool inserted);
    /* The last byte of the message has been given to the reader. */
    void (*end)(void *owner, const struct octo_framer *framer);
    /* The stream has just become opaque; framer->reason says why. */
    void (*opaque)(void *owner, const struct octo_framer *framer);
    /* Outgoing only. A real call is about to be made that completes the message if it takes all of its bytes, `bytes` of
     * them the stream's own; framer knows the whole head. Then comes end(), or forgo() if it took less, or neither if
     * the stream was lost meanwhile. forgo() also comes where nothing was intended. */
    void (*intend)(void *owner, const struct octo_framer *framer, uint64_t bytes);
    void (*forgo)(void *owner);
    /* Only where the stream's `tapped` says so: bytes of the present message have passed, before head() or end() is called for
     * them; p NULL: nobody has seen them (n 0: not even how many). Of an opaque stream all bytes; opaque() may end that. */
    void (*tap)(void *owner, const uint8_t *p, uint64_t n);
};

/* One direction of one connection. Zero-initialise, then octo_framer_init(&s->framer, role). */
struct octo_stream {
    struct octo_framer framer;
    const char *inj;   /* insertion at the frontier; NULL: none chosen. Owned by ops' owner */
    uint16_t inj_len;  /* its bytes */
    uint16_t inj_done; /* bytes of it already given to the reader */
    bool inj_known;    /* ops->insertion() has been asked for this head (framer is at its blank line) */
    bool tapped;       /* ops->tap() wants the bytes */
    bool quiet;        /* insert nothing (OCTOSHIM_INJECT, shared connection): observe only */
    uint16_t reserve;  /* bytes of room that an insertion of this stream usually needs; reads only */
    uint64_t passed;   /* the stream's own bytes so far, up to the present op; insertions do not count */
};

/* A place in a list of buffers: `skip` bytes into iov[0]. Empty buffers are passed over. */
struct octo_edit_cursor {
    const struct iovec *iov;
    int iovcnt;
    size_t skip;
};

/* What a copy of the framer says of bytes that have not passed yet. */
struct octo_edit_look {
    struct octo_framer f; /* the copy, having consumed `bytes` */
    size_t bytes;         /* up to the end of the message, or all */
    size_t at;            /* where the insertion goes, within bytes; SIZE_MAX: none */
    bool head;            /* a blank line's CR is among the bytes */
    bool end;             /* the message ends with them */
};

/* ── incoming ──────────────────────────────────────────────────────────────────────────────────────── */

/*
 * The usual read, without the editor's loop. octo_edit_ask(): how many bytes one call of the service's own kind may ask
 * for into a buffer of n; 0: use octo_edit_read(). octo_edit_took(): that call gave p[0..k), room bytes behind them are
 * free; returns the bytes given, insertions included. If k is what was asked for and room is left, the queue may hold
 * more: then octo_edit_read_on().
 */
size_t octo_edit_ask(const struct octo_stream *s, size_t n);
size_t octo_edit_took(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner, uint8_t *p, size_t k,
                      size_t room);

/*
 * Incoming: like the real call on iov[0..iovcnt) (total bytes), insertions included.
 * Returns bytes given, 0 at end of stream, or -errno. Never blocks with something in hand. Returns less
 * than asked only if the kernel's queue was empty (or a signal came). With total >= 512 in one buffer it
 * costs one real call in the usual case; else one peek more while in a head.
 */
ssize_t octo_edit_read(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                       const struct iovec *iov, int iovcnt, size_t total, struct octo_io *io);

/* Its loop, where the first out bytes (0 to total) are in the buffers already: goes on behind them, returns all. */
ssize_t octo_edit_read_on(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                          const struct iovec *iov, int iovcnt, size_t total, size_t out, struct octo_io *io);

/*
 * Incoming, MSG_PEEK by the service: gives the virtual view (insertion included) that the next read
 * would give, up to the end of the present message; nothing advances, no op but begin() and insertion() is
 * called. Where can_peek is false it is the kernel's own view. Returns as octo_edit_read().
 */
ssize_t octo_edit_peek(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                       const struct iovec *iov, int iovcnt, size_t total, struct octo_io *io);

/* ── outgoing ──────────────────────────────────────────────────────────────────────────────────────── */

enum {
    OCTO_EDIT_IOV = 64,     /* buffers of a plan (1 KiB); more are worked off window by window */
    OCTO_EDIT_GATHER = 992, /* bytes that are sooner copied than told the kernel in pieces */
};

/* One real call on up to one message of the service's. */
struct octo_edit_plan {
    struct octo_edit_look look;
    size_t asked;            /* bytes of the call, `inserted` ones among them */
    size_t inserted;         /* they stand at look.at */
    const struct iovec *iov; /* its buffers: the service's, or these */
    int count;
    union {
        struct iovec v[OCTO_EDIT_IOV];
        struct {
            struct iovec one;
            char gathered[OCTO_EDIT_GATHER];
        };
    };
};

/* What a planned call has come to: all of it, part (perhaps of the insertion only), or nothing: an error. */
enum octo_edit_outcome { OCTO_WROTE_ALL, OCTO_WROTE_PART, OCTO_WROTE_NOTHING };

/* Plans the call for what is at the cursor (total bytes), which is not octo_edit_is_plain(). */
void octo_edit_plan_write(struct octo_edit_plan *plan, struct octo_stream *s, const struct octo_edit_ops *ops,
                          void *owner, const struct octo_edit_cursor *c, size_t total);

/* The planned call has returned k. Returns how many of the service's bytes were taken, or -errno; 0 if only inserted
 * ones were. */
ssize_t octo_edit_took_write(struct octo_edit_plan *plan, struct octo_stream *s, const struct octo_edit_ops *ops,
                             void *owner, const struct octo_edit_cursor *c, ssize_t k,
                             enum octo_edit_outcome *outcome);

/* The same if the stream was lost meanwhile: nothing is accounted for. -EAGAIN for only inserted ones. */
ssize_t octo_edit_lost_write(const struct octo_edit_plan *plan, ssize_t k);

/*
 * Outgoing: like the real call on iov[0..iovcnt) (total bytes), insertions added.
 * Returns the number of the service's own bytes that the kernel has taken, 1 to total, or -errno
 * (-EAGAIN if only inserted bytes went out). 0 only if total is 0. On a blocking descriptor it goes on as
 * the kernel would. Splits the call at the end of a message that had an insertion when more follows.
 */
ssize_t octo_edit_write(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                        const struct iovec *iov, int iovcnt, size_t total, struct octo_io *io);

/* Its loop, where the first out bytes (0 to total) are taken already: goes on behind them, returns all. */
ssize_t octo_edit_write_on(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                           const struct iovec *iov, int iovcnt, size_t total, size_t out, struct octo_io *io);

/* True if a call on the next n bytes can be the service's own, as it is: nothing will be inserted. */
static inline bool octo_edit_is_plain(const struct octo_stream *s, size_t n);

/* ── both ──────────────────────────────────────────────────────────────────────────────────────────── */

/* Observe only: n bytes at the front of iov have passed. Advances the framer and calls the ops. */
void octo_edit_passed(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner, const struct iovec *iov,
                      int iovcnt, size_t n);

/* Observe only: n bytes have passed that nobody could look at (sendfile). Opaque unless all body data. */
void octo_edit_passed_unseen(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner, uint64_t n);

/* At most n bytes are about to be sent that nobody can look at, by one call; octo_edit_passed_unseen() tells how many
 * were, also if none. Outgoing only. */
void octo_edit_intend_unseen(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner, uint64_t n);

/* The stream's own bytes so far. From any thread; the thread that is in the stream may be ahead. */
static inline uint64_t octo_edit_position(const struct octo_stream *s)
{
    return __atomic_load_n(&s->passed, __ATOMIC_RELAXED);
}

/* Bytes have passed, or will, that cannot be followed. Makes the stream opaque, telling ops once; OCTO_OPAQUE_CALL, that bytes were
 * not seen, goes to a tap each time. An insertion half given out is still finished first by the editors; `open` tells whether
 * one is. */
void octo_edit_opaque(struct octo_stream *s, const struct octo_edit_ops *ops, void *owner,
                      enum octo_opaque_reason reason);
static inline bool octo_edit_open(const struct octo_stream *s)
{
    return s->inj_done != 0 && s->inj_done < s->inj_len;
}

static inline bool octo_edit_is_plain(const struct octo_stream *s, size_t n)
{
    return !octo_edit_open(s) && (s->quiet || octo_framer_raw_left(&s->framer) >= n);
}

#endif
