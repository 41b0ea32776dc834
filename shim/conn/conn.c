/* Connections: see conn.h. Life and use of one; where it comes from is origin.c's, what passes on it server.c's, client.c's. */
#include "conn/conn.h"
#include "conn/client.h"
#include "conn/emit.h"
#include "conn/link.h"
#include "conn/measure.h"
#include "conn/ops.h"
#include "conn/origin.h"
#include "conn/process.h"
#include "conn/rules_request.h"
#include "conn/slab.h"
#include "conn/watch.h"
#include "base/clock.h"
#include "base/lone.h"
#include "base/sys.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

enum {
    RESUME_TRIES = 1000,  /* yields before a side that another thread holds is given up */
    RETURN_STEP_US = 100, /* between looks at a call that is to return */
};

static struct octo_slab conns = {.object_size = (sizeof(struct octo_conn) + 63) / 64 * 64};

/* ── life ──────────────────────────────────────────────────────────────────────────────────────────── */

void octo_peer_of(const struct sockaddr *address, uint8_t *family, uint8_t peer[16])
{
    switch (address->sa_family) {
    case AF_INET:
        *family = OCTO_PEER_IPV4;
        memcpy(peer, &((const struct sockaddr_in *)address)->sin_addr, 4);
        break;
    case AF_INET6:
        *family = OCTO_PEER_IPV6;
        memcpy(peer, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
        break;
    default:
        *family = OCTO_PEER_UNIX;
    }
}

/* What a new life of the object does not take over; state and turns go on. */
enum { FORGOTTEN_FROM = offsetof(struct octo_conn, broken), FORGOTTEN_TO = offsetof(struct octo_conn, queue) };

/* One descriptor's. NULL: no memory. */
static struct octo_conn *take(void)
{
    struct octo_process *process = octo_process();
    uint32_t handle;
    struct octo_conn *conn = process ? octo_slab_take(&conns, &handle) : NULL;

    if (!conn)
        return NULL;
    memset((char *)conn + FORGOTTEN_FROM, 0, FORGOTTEN_TO - FORGOTTEN_FROM);
    conn->handle = handle;
    conn->turns[0]++;
    conn->turns[1]++;
    atomic_store(&conn->state, (conn->state & ~(uint32_t)(OCTO_CONN_LIFE - 1)) + OCTO_CONN_LIFE);
    conn->descriptors = 1;
    conn->pid = process->pid;
    conn->forks = process->forks;
    return conn;
}

struct octo_conn *octo_conn_new(const struct sockaddr *address)
{
    struct octo_conn *conn = take();
    uint8_t inject = octo_service.settings.inject;

    if (!conn)
        return NULL;
    octo_peer_of(address, &conn->family, conn->peer);
    octo_framer_init(&conn->in.framer, OCTO_REQUEST);
    octo_framer_init(&conn->out.framer, OCTO_RESPONSE);
    conn->in.quiet = !(inject & OCTO_INJECT_REQUEST);
    conn->out.quiet = !(inject & OCTO_INJECT_RESPONSE);
    if (octo_rules_on_requests()) {
        conn->in.tapped = octo_rules_tap_in();
        conn->out.tapped = octo_rules_tap_out();
    }
    conn->in.reserve = OCTO_ID_LINE_MADE + (octo_service.settings.propagators ? OCTO_TRACEPARENT_LINE : 0);
    conn->counted = octo_measure_opened();
    if (octo_service.settings.level == OCTO_DEBUG) {
        conn->opened_ns = octo_clock_mono_ns();
        octo_emit_connection(conn, true, conn->opened_ns);
    }
    return conn;
}

struct octo_conn *octo_conn_new_link(const struct sockaddr *address, socklen_t len)
{
    struct octo_link *link = octo_link_new(address, len);
    struct octo_conn *conn = link ? take() : NULL;

    if (link && !conn)
        octo_link_free(link);
    if (!conn)
        return NULL;
    octo_peer_of(address, &conn->family, conn->peer);
    octo_framer_init(&conn->in.framer, OCTO_RESPONSE);
    octo_framer_init(&conn->out.framer, OCTO_REQUEST);
    conn->in.quiet = true;
    conn->link = link;
    conn->in.tapped = conn->out.tapped = octo_links_watched();
    return conn;
}

/* True if this process has nothing to say about the end of conn: another one has used it since, or may have. A
 * connection that was there when a child was made, and was not touched since, is taken for the child's. */
static bool is_others(const struct octo_conn *conn)
{
    struct octo_process *process = octo_process();

    return conn->handed || !process || conn->pid != process->pid || conn->forks != process->forks;
}

/* Exchanges are copies of those in the process that ends them; only the memory is ours. */
static void discard(struct octo_conn *conn)
{
    struct octo_exchange *x = conn->building;

    if (x && x->queued)
        conn->reading = x;
    else if (x)
        octo_exchange_free(x);
    while ((x = octo_conn_due(conn)) != NULL) {
        octo_conn_unqueue(conn);
        octo_exchange_half_over(x, OCTO_RESPONSE_OVER);
    }
    if (conn->reading)
        octo_exchange_half_over(conn->reading, OCTO_REQUEST_OVER);
}

static void finish(struct octo_conn *conn)
{
    conn->out_now_ns = 0;
    if (is_others(conn)) {
        discard(conn);
    } else if (conn->link) {
        octo_client_settle(conn, OCTO_FAILURE_SERVICE_CLOSED);
    } else {
        octo_server_settle(conn, conn->failed ? conn->abort_reason
                                 : conn->eof  ? OCTO_ABORT_CLIENT_CLOSED
                                              : OCTO_ABORT_SERVICE_CLOSED);
        if (octo_service.settings.level == OCTO_DEBUG)
            octo_emit_connection(conn, false, octo_clock_mono_ns());
    }
    if (conn->link) {
        octo_link_ended(conn->link);
        octo_link_free(conn->link);
    }
    octo_measure_closed(conn->counted);
    octo_slab_give(&conns, conn->handle);
}

/* SENDING, of the side of OCTO_OUT. */
static uint32_t sending(enum octo_side side)
{
    return (side & OCTO_OUT) * (OCTO_CONN_SENDING / OCTO_OUT);
}

enum claim { TAKEN, BUSY, GONE };

/*
 * Takes a side of the connection that fd means now. The state word holds the number of the object's life beside the
 * sides, so that a thread that comes late cannot take (or let go of) a side of whatever the object has become.
 * With one thread that needs no locked instruction: a signal handler that comes between takes and lets go as a whole.
 */
static enum claim claim(struct octo_conn *conn, int fd, enum octo_side side)
{
    uint32_t state = atomic_load_explicit(&conn->state, memory_order_acquire);
    uint32_t taken;

    for (;;) {
        if ((state & OCTO_CONN_DEAD) || atomic_load_explicit(&octo_table[fd], memory_order_acquire) != conn)
            return GONE;
        if (state & side)
            return BUSY;
        taken = (state | side) & ~sending(side);
        if (octo_is_lone()) {
            atomic_store_explicit(&conn->state, taken, memory_order_relaxed);
            return TAKEN;
        }
        if (atomic_compare_exchange_weak(&conn->state, &state, taken))
            return TAKEN;
    }
}

/* Lets go of a side that is taken; also: 0, or SENDING, which is not set while OCTO_OUT is. Returns the state after. */
static inline uint32_t release(struct octo_conn *conn, enum octo_side side, uint32_t also)
{
    uint32_t change = also - side, left;

    if (!octo_is_lone())
        return atomic_fetch_add(&conn->state, change) + change;
    left = atomic_load_explicit(&conn->state, memory_order_relaxed) + change;
    atomic_store_explicit(&conn->state, left, memory_order_relaxed);
    return left;
}

/* Whoever finds a dead connection with nobody inside may try: exactly one succeeds. */
static __attribute__((noinline)) void try_finish(struct octo_conn *conn)
{
    uint32_t state = atomic_load(&conn->state);

    if ((state & OCTO_CONN_BITS) == OCTO_CONN_DEAD &&
        atomic_compare_exchange_strong(&conn->state, &state, state | OCTO_CONN_FINISHED))
        finish(conn);
}

void octo_conn_drop(struct octo_conn *conn)
{
    if (!conn || atomic_fetch_sub(&conn->descriptors, 1) != 1)
        return;
    atomic_fetch_or(&conn->state, OCTO_CONN_DEAD);
    try_finish(conn); /* else the last call that is still inside does it */
}

bool octo_conn_share(struct octo_conn *conn)
{
    uint32_t n = atomic_load(&conn->descriptors);

    while (n != 0)
        if (atomic_compare_exchange_weak(&conn->descriptors, &n, n + 1))
            return true;
    return false;
}

void octo_conn_prepare(void)
{
    octo_slab_prepare(&conns);
    octo_exchange_prepare();
    if (octo_rules_on_requests())
        octo_watch_prepare();
}

/* ── one call ──────────────────────────────────────────────────────────────────────────────────────── */

static void make_opaque(struct octo_conn *conn, enum octo_side side, enum octo_opaque_reason reason)
{
    const struct octo_stream *s = side == OCTO_IN ? &conn->in : &conn->out;

    if (conn->link && reason == OCTO_OPAQUE_CONCURRENT)
        octo_link_lost(conn->link);
    if (octo_framer_is_opaque(&s->framer))
        return;
    if (side == OCTO_IN)
        octo_edit_opaque(&conn->in, &octo_conn_in_ops, conn, reason);
    else
        octo_edit_opaque(&conn->out, &octo_conn_out_ops, conn, reason);
}

/* Nothing more will ever be seen on conn: from here on its descriptors cost what a file costs. Kept while the end of
 * the connection is still to be told. */
static bool is_spent(struct octo_conn *conn)
{
    if (octo_conn_due(conn))
        return false;
    return conn->link ? octo_link_is_spent(conn->link) : octo_service.settings.level > OCTO_DEBUG;
}

static _Atomic uint32_t *turn_of(struct octo_conn *conn, enum octo_side side)
{
    return &conn->turns[side == OCTO_OUT];
}

struct octo_conn *octo_conn_enter(int fd, enum octo_side side)
{
    struct octo_process *process = octo_process();
    struct octo_conn *conn;
    uint32_t broken;

    if ((unsigned)fd >= OCTO_FD_MAX || !process || octo_thread_has_own_descriptors())
        return NULL;
    conn = atomic_load_explicit(&octo_table[fd], memory_order_acquire);
    if (!octo_fd_is_conn(conn)) {
        if (conn != OCTO_FD_ASK)
            return NULL;
        if (side == OCTO_OUT) {
            octo_fd_set(fd, NULL); /* a server reads first */
            return NULL;
        }
        conn = octo_conn_adopt(fd);
        if (!octo_fd_is_conn(conn))
            return NULL;
    }
    switch (claim(conn, fd, side)) {
    case TAKEN:
        break;
    case BUSY:
        conn->broken = OCTO_OPAQUE_CONCURRENT;
        return NULL;
    case GONE:
        return NULL;
    }
    atomic_store_explicit(&conn->pid, process->pid, memory_order_relaxed);
    atomic_store_explicit(&conn->forks, process->forks, memory_order_relaxed);
    broken = conn->broken;
    if (__builtin_expect(broken, 0))
        make_opaque(conn, side, broken);
    if (__builtin_expect(conn->opaque == (OCTO_IN | OCTO_OUT), 0) && is_spent(conn)) {
        octo_fd_set(fd, NULL);
        octo_conn_leave(conn, side);
        return NULL;
    }
    atomic_store_explicit(&conn->fd, fd, memory_order_relaxed);
    if (side == OCTO_IN)
        conn->in_now_ns = 0;
    else
        conn->out_now_ns = 0;
    return conn;
}

static inline void leave(struct octo_conn *conn, enum octo_side side, uint32_t also)
{
    if (__builtin_expect((release(conn, side, also) & OCTO_CONN_BITS) == OCTO_CONN_DEAD, 0))
        try_finish(conn);
}

void octo_conn_leave(struct octo_conn *conn, enum octo_side side)
{
    leave(conn, side, 0);
}

void octo_conn_take_turn(struct octo_conn *conn, enum octo_side side)
{
    _Atomic uint32_t *turn = turn_of(conn, side);

    atomic_store_explicit(turn, atomic_load_explicit(turn, memory_order_relaxed) + 1, memory_order_relaxed);
}

uint32_t octo_conn_pause(struct octo_conn *conn, enum octo_side side)
{
    uint32_t turn = *turn_of(conn, side);

    leave(conn, side, sending(side));
    return turn;
}

bool octo_conn_resume(struct octo_conn *conn, int fd, enum octo_side side, uint32_t turn)
{
    enum claim claimed;

    /* Whoever holds the side now does not wait while it does, but may be descheduled: give way, within reason. */
    for (int tries = 0; (claimed = claim(conn, fd, side)) == BUSY && tries < RESUME_TRIES; tries++)
        if (!octo_service.sandboxed)
            octo_sys(SYS_sched_yield);
    if (claimed == TAKEN && *turn_of(conn, side) == turn)
        return true;
    if (claimed != GONE)
        conn->broken = OCTO_OPAQUE_CONCURRENT;
    if (claimed == TAKEN)
        octo_conn_leave(conn, side);
    return false;
}

/* A call that does not wait for the peer, or what a thread has to do after it. */
static bool is_about_to_return(const struct octo_conn *conn, int fd)
{
    static const struct timespec now = {0, 0};
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    uint32_t state = atomic_load(&conn->state);

    return (state & OCTO_OUT) ||
           ((state & OCTO_CONN_SENDING) && octo_sys(SYS_ppoll, &room, 1, &now, NULL, 0) == 1);
}

unsigned octo_fd_let_return(int fd, unsigned patience_ms)
{
    const struct timespec step = {.tv_nsec = RETURN_STEP_US * 1000};
    const struct octo_conn *conn = atomic_load(&octo_table[fd]);
    uint64_t deadline_ns, now_ns;

    if (!octo_fd_is_conn(conn) || octo_is_lone() || octo_service.sandboxed || patience_ms == 0 ||
        is_others(conn) || !is_about_to_return(conn, fd))
        return patience_ms;
    deadline_ns = octo_clock_mono_ns() + patience_ms * OCTO_NS_PER_MS;
    do {
        octo_sys(SYS_nanosleep, &step, NULL);
        now_ns = octo_clock_mono_ns();
    } while (now_ns < deadline_ns && is_about_to_return(conn, fd));
    return now_ns < deadline_ns ? (unsigned)((deadline_ns - now_ns) / OCTO_NS_PER_MS) : 0;
}

void octo_conn_saw_eof(struct octo_conn *conn)
{
    conn->eof = true;
    if (conn->link)
        octo_client_saw_eof(conn);
}

void octo_conn_saw_error(struct octo_conn *conn, enum octo_side side, int error)
{
    if (conn->link) {
        octo_client_saw_error(conn, side, error);
        return;
    }
    if (error != ECONNRESET && error != EPIPE && error != ETIMEDOUT)
        return;
    conn->failed = true;
    conn->abort_reason = error == ETIMEDOUT ? OCTO_ABORT_TIMED_OUT : OCTO_ABORT_RESET;
}

void octo_conn_out_ends(struct octo_conn *conn)
{
    if (octo_framer_ends_with_stream(&conn->out.framer))
        octo_conn_out_ops.intend(conn, &conn->out.framer, 0);
}

void octo_conn_out_ended(struct octo_conn *conn, bool done)
{
    if (!done)
        octo_conn_out_ops.forgo(conn);
    else if (octo_framer_eof(&conn->out.framer) == OCTO_AT_END)
        octo_conn_out_ops.end(conn, &conn->out.framer);
}
