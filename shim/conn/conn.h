/*
 * Connections: which one is behind a descriptor, and what passes on it.
 *
 * For: hook/. A connection is tracked from accept() (or adoption: born with it, or received over a Unix
 * socket, and read from first) to the close of its last descriptor. It has two streams, in and out; one
 * thread at a time may be in each. Who finds the other one there makes the connection opaque (law 2).
 * One that the service has made itself, with connect(), has a link (link.h); there requests go out and responses come in.
 *
 *      table[fd] ──> conn ── in  {framer, insertion} ── building ─┐
 *                     │ └─── out {framer, insertion}              v
 *                     └ queue: exchanges awaiting their response [x][x][ ]…
 */
#ifndef OCTO_CONN_CONN_H
#define OCTO_CONN_CONN_H

#include "base/clock.h"
#include "conn/exchange.h"
#include "proto/edit.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { OCTO_QUEUE_MAX = 64 }; /* requests outstanding on one connection */

enum octo_side { OCTO_IN = 1, OCTO_OUT = 2 };

/*
 * The state of a connection: the sides that are in use, these, and above them the number of the object's life. SENDING: a
 * real call that sends has not yet returned, or never will (its thread was cancelled in it); who has OCTO_OUT changes it.
 */
enum {
    OCTO_CONN_DEAD = 4,
    OCTO_CONN_FINISHED = 8,
    OCTO_CONN_BITS = 15, /* the sides and these two */
    OCTO_CONN_SENDING = 16,
    OCTO_CONN_LIFE = 32
};

struct octo_conn {
    uint32_t slab_link; /* the slab's while free */
    uint32_t handle;
    _Atomic uint32_t state;       /* see above */
    _Atomic uint32_t descriptors; /* table entries that point here */
    _Atomic uint32_t broken;      /* enum octo_opaque_reason for both streams at their next call */
    _Atomic uint32_t opaque;      /* sides that are opaque, with nothing left to give out */
    _Atomic uint32_t pid;         /* process that last used it */
    _Atomic uint32_t forks;       /* that process's count of forks then */
    struct octo_link *link;       /* the service has made it; else NULL */
    uint8_t family;               /* enum octo_family */
    uint8_t peer[16];
    _Atomic bool handed;                /* sent to another process */
    _Atomic bool connecting;            /* a CONNECT request awaits its answer */
    _Atomic bool eof;                   /* the peer has ended its direction */
    _Atomic bool failed;                /* a call has failed as it does when the connection is lost */
    _Atomic uint8_t abort_reason;       /* enum octo_abort_reason, of a link enum octo_failure; valid if failed */
    bool unframed;                      /* the response stream became opaque while an answer was due */
    _Atomic int fd;                     /* the descriptor of the last call */
    _Atomic uint8_t waiting;            /* context.c's: whether its reader waits; 0: to be asked */
    const void *in_caller, *out_caller; /* code that has made the present call of that side; NULL: not known */
    uint32_t counted;                   /* measure.c's */
    uint64_t opened_ns;
    uint64_t in_now_ns, out_now_ns; /* clock of the present call of that side; 0: not read yet */
    struct octo_stream in, out;
    struct octo_exchange *building;         /* its head is being read */
    struct octo_exchange *reading;          /* its body is being read */
    _Atomic uint32_t queue_head;            /* advanced by the side of the responses */
    _Atomic uint32_t queue_tail;            /* advanced by the side of the requests */
    _Atomic uint32_t queue[OCTO_QUEUE_MAX]; /* exchange handles */
    _Atomic uint32_t turns[2]; /* calls that moved bytes on each side, over all lives of this object */
};

/* Which life of the object it is: no connection of an earlier one is this. */
static inline uint32_t octo_conn_life(const struct octo_conn *conn)
{
    return atomic_load_explicit(&conn->state, memory_order_relaxed) / OCTO_CONN_LIFE;
}

/* ── the table ─────────────────────────────────────────────────────────────────────────────────────── */

enum { OCTO_FD_MAX = 1 << 20 }; /* descriptors from here on are not tracked */

/* What a descriptor is: NULL, not ours (the default, and all files); OCTO_FD_ASK, not known: look when it is
 * read from; OCTO_FD_STDOUT, OCTO_FD_STDERR: the service's log, where rules look at its lines (logline.h); else a
 * connection. Flat and zero until touched: a lookup is one load. */
extern struct octo_conn *_Atomic octo_table[OCTO_FD_MAX];
#define OCTO_FD_ASK ((struct octo_conn *)1)
#define OCTO_FD_STDOUT ((struct octo_conn *)2)
#define OCTO_FD_STDERR ((struct octo_conn *)3)

static inline bool octo_fd_is_conn(const struct octo_conn *entry)
{
    return __builtin_expect((uintptr_t)entry > (uintptr_t)OCTO_FD_STDERR, 1);
}

static inline bool octo_fd_is_log(const struct octo_conn *entry)
{
    return entry == OCTO_FD_STDOUT || entry == OCTO_FD_STDERR;
}

/* True unless fd may be a connection of ours. One load and one branch; everything else is out of line. */
static inline bool octo_fd_is_foreign(int fd)
{
    return (unsigned)fd >= OCTO_FD_MAX ||
           __builtin_expect(atomic_load_explicit(&octo_table[fd], memory_order_relaxed) == NULL, 1);
}

/* Any thread, signal-safe; see conn.c. A descriptor number that gets a new meaning loses its old one first. */
void octo_fd_ask(int fd); /* fd came from elsewhere: look at it when it is read from */
void octo_fd_accepted(int fd, const struct sockaddr *address, socklen_t len);            /* accept() gave fd */
void octo_fd_connected(int fd, const struct sockaddr *address, socklen_t len, bool now); /* connect(); now: done */
void octo_fd_duplicated(int from, int to); /* both are now the same open socket */
void octo_fd_handed_over(int fd);          /* sent to another process */
void octo_fd_changed(int fd);              /* it waits from now on, or does not any more */
void octo_fd_unframable(int fd);           /* its bytes move where we cannot see them (stdio, kTLS) */

void octo_fd_unconnected(int fd, const struct sockaddr *address, socklen_t len,
                         int error);     /* connect() has failed */
void octo_fd_settled(int fd, int error); /* connect() goes on no more: SO_ERROR, 0 or an errno value */

/* An address as a record has it; family: enum octo_family. */
void octo_peer_of(const struct sockaddr *address, uint8_t *family, uint8_t peer[16]);

/* Forgets fd before its close: returns the connection it was, to be dropped. */
struct octo_conn *octo_fd_detach(int fd);
struct octo_conn *octo_fd_hold(int fd);       /* the connection, with one descriptor more to be dropped; or NULL */
bool octo_conn_share(struct octo_conn *conn); /* one descriptor more, unless the last is closed */
void octo_conn_drop(struct octo_conn *conn);  /* one descriptor less. NULL is fine */

void octo_fd_set(int fd, struct octo_conn *conn); /* fd is conn (or NULL: not ours) from now on */

/* Forgets all of first..last, which have been closed. */
void octo_fd_forget_range(unsigned first, unsigned last);

/* From now on standard output and error are the service's log, unless they are connections. Once, as it wakes. */
void octo_fd_watch_log(void);

/* Calls with each connection's link; it stays until see() returns. */
void octo_fd_each_link(void (*see)(struct octo_link *link));

/* ── one call ──────────────────────────────────────────────────────────────────────────────────────── */

/* Enters one side of the connection behind fd for the length of one call. NULL: pass the call on as it is.
 * Adopts an unknown descriptor if the side is OCTO_IN. A non-NULL result must be left again. */
struct octo_conn *octo_conn_enter(int fd, enum octo_side side);
void octo_conn_leave(struct octo_conn *conn, enum octo_side side);

/* Inside: this call is going to move bytes. A call that waits meanwhile will find that it has lost the stream. */
void octo_conn_take_turn(struct octo_conn *conn, enum octo_side side);

/*
 * Around a real call that may wait: the thread may be cancelled there or jump out of it, another one may close the
 * descriptor, so the side must not stay taken. pause() lets go of it and returns the turn; resume() takes it again, or says
 * false: another thread has been there, or the connection is gone. Then conn must not be touched again, not even left.
 * Neither touches errno.
 */
uint32_t octo_conn_pause(struct octo_conn *conn, enum octo_side side);
bool octo_conn_resume(struct octo_conn *conn, int fd, enum octo_side side, uint32_t turn);

/*
 * Before fd is taken from a connection that is used by others: waits for a call of theirs that is about to return from
 * sending, patience_ms at most. Its thread may be off the processor while the peer has already got all. Returns what is left
 * of the patience. Any thread.
 */
unsigned octo_fd_let_return(int fd, unsigned patience_ms);

/* What the call showed beside bytes: end of stream, an error (errno value, positive). */
void octo_conn_saw_eof(struct octo_conn *conn);
void octo_conn_saw_error(struct octo_conn *conn, enum octo_side side, int error);

/* The service is about to end its direction with shutdown(), and has tried to. The out side must be entered. */
void octo_conn_out_ends(struct octo_conn *conn);
void octo_conn_out_ended(struct octo_conn *conn, bool done);

/* The process ends: what ends with it is said now. Exit only. */
void octo_conn_process_ends(void);

/* What the editors tell: owner is the struct octo_conn. */
extern const struct octo_edit_ops octo_conn_in_ops, octo_conn_out_ops;

/* Has memory for some connections and exchanges ready. */
void octo_conn_prepare(void);

/* The exchange whose response is due, or NULL. */
struct octo_exchange *octo_conn_due(struct octo_conn *conn);

/* The same for threads that are not in conn, as a cause, which may be over by the time that this returns. */
struct octo_cause octo_conn_due_cause(struct octo_conn *conn);

/* The queue: the side of the requests appends (unless it is full), that of the responses takes the one that is due. */
bool octo_conn_queue_is_full(const struct octo_conn *conn);
void octo_conn_queue(struct octo_conn *conn, struct octo_exchange *x);
void octo_conn_unqueue(struct octo_conn *conn);

/* The monotonic clock, read once a call. */
static inline uint64_t octo_conn_now_in(struct octo_conn *conn)
{
    if (!conn->in_now_ns)
        conn->in_now_ns = octo_clock_mono_ns();
    return conn->in_now_ns;
}

static inline uint64_t octo_conn_now_out(struct octo_conn *conn)
{
    if (!conn->out_now_ns)
        conn->out_now_ns = octo_clock_mono_ns();
    return conn->out_now_ns;
}

#endif
