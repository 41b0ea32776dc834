/* Context: see context.h. */
#include "conn/context.h"

#include "base/sys.h"
#include "base/text.h"
#include "conn/alternate.h"
#include "conn/held.h"
#include "conn/inflight.h"
#include "conn/process.h"
#include "conn/slab.h"
#include "conn/thread_context.h"

#include <fcntl.h>
#include <string.h>

/* Programs of which it is known how they serve a request. */
static const struct {
    const char *name; /* a glob */
    enum serving {
        UNKNOWN,
        ON_ONE_THREAD,            /* from its head to its end, whatever the thread waits for meanwhile */
        ON_ONE_THREAD_THAT_BLOCKS /* the same of threads that never wait for several descriptors */
    } serving;
} programs[] = {
    {"apache2", ON_ONE_THREAD},
    {"httpd", ON_ONE_THREAD},
    {"php*", ON_ONE_THREAD},
    {"ruby*", ON_ONE_THREAD_THAT_BLOCKS},
};

static enum serving serving;

/* What this thread is on. */
static __thread struct {
    uint64_t number;        /* of the exchange; 0: nothing */
    struct octo_conn *conn; /* where its head was read; NULL: it was not */
    uint32_t handle;
    uint32_t waits; /* as it was when the thread turned to it */
    uint32_t life;  /* of conn */
    uint32_t fd : 24,
        heads : 8; /* of conn; how many were read there without a wait between: the exchange is the last of them */
} on;
static __thread struct {
    uint64_t number;              /* what the program itself has said that it is */
    uint32_t handle : 24, is : 8; /* whether it has */
    uint32_t held;                /* handle of the request that those outside are told of; 0: none */
} told;
_Static_assert(OCTO_SLAB_CHUNK *OCTO_SLAB_CHUNKS < 1 << 24, "a handle is smaller");

void octo_context_wake(void)
{
    const char *program = octo_service.settings.program;

    for (unsigned i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        if (octo_text_glob(programs[i].name, strlen(programs[i].name), program))
            serving = programs[i].serving;
}

/* The connection where the head was read, if it is still that. */
static struct octo_conn *client_of_thread(void)
{
    struct octo_conn *conn = on.conn;

    return conn && atomic_load_explicit(&octo_table[on.fd], memory_order_relaxed) == conn &&
                   octo_conn_life(conn) == on.life
               ? conn
               : NULL;
}

/* The request whose response is due there, if its head is among those that this thread has read; else none. */
static struct octo_cause due_of_thread(struct octo_conn *conn)
{
    struct octo_cause due = octo_conn_due_cause(conn);

    return due.number <= on.number && due.number + on.heads > on.number ? due : (struct octo_cause){0};
}

enum { WAITS = 1, WAITS_NOT };

/* Can conn make this thread wait? Asked once, and again when it was changed (octo_fd_changed). */
static bool makes_wait(struct octo_conn *conn)
{
    uint8_t waiting = atomic_load(&conn->waiting);
    long flags;

    if (waiting)
        return waiting == WAITS;
    flags = octo_service.sandboxed ? -1 : octo_sys(SYS_fcntl, on.fd, F_GETFL);
    waiting = flags >= 0 && !(flags & O_NONBLOCK) ? WAITS : WAITS_NOT;
    atomic_store(&conn->waiting, waiting);
    return waiting == WAITS;
}

static bool is_certain(struct octo_conn *conn)
{
    switch (serving) {
    case ON_ONE_THREAD:
        return true;
    case ON_ONE_THREAD_THAT_BLOCKS:
        if (octo_this_thread.waits == 0)
            return true;
        break;
    case UNKNOWN:
        break;
    }
    return makes_wait(conn);
}

/* ── what is told outside ──────────────────────────────────────────────────────────────────────────── */

/* The request holds this thread from now on. */
static void hold(const struct octo_exchange *x)
{
    told.held = x->handle;
    octo_thread_context_attach(x);
    octo_held_take(x);
    octo_inflight_held(x, true);
}

static void let_it_go(void)
{
    const struct octo_exchange *x = octo_exchange_at(told.held);

    octo_inflight_held(x, false);
    octo_held_leave(x);
    octo_thread_context_detach(x);
    told.held = 0;
}

static inline void let_go(void)
{
    if (told.held != 0)
        let_it_go();
}

/* Something happens after which the thread may go on with any request, unless it is certain that it does not. */
static __attribute__((noinline)) void let_it_go_unless_certain(void)
{
    struct octo_conn *conn = client_of_thread();

    if (!conn || !is_certain(conn) || !octo_context_lasts((struct octo_cause){on.number, on.handle, true}))
        let_it_go();
}

static inline void let_go_unless_certain(void)
{
    if (told.held != 0)
        let_it_go_unless_certain();
}

/* ── what happens ──────────────────────────────────────────────────────────────────────────────────── */

void octo_context_serves(struct octo_conn *conn, struct octo_exchange *x)
{
    uint32_t life = octo_conn_life(conn);
    bool behind =
        on.conn == conn && on.life == life && on.number + 1 == x->number && on.waits == octo_this_thread.waits;

    on.number = x->number;
    on.handle = x->handle;
    on.waits = octo_this_thread.waits;
    on.conn = conn;
    on.life = life;
    on.fd = (uint32_t)atomic_load_explicit(&conn->fd, memory_order_relaxed) & 0xffffff;
    on.heads = behind && on.heads < OCTO_QUEUE_MAX ? (on.heads + 1) & 0xff : 1;
    octo_alternate_serves();
    octo_thread_context_make(x);
    octo_held_begin(x);
    if (x->pipelined)
        return; /* its turn comes when the one before is over */
    let_go();
    hold(x);
}

uint64_t octo_context_held(void)
{
    const struct octo_exchange *x = octo_exchange_at(told.held);

    return x ? x->number : 0;
}

void octo_context_facts(const struct octo_exchange *x, struct octo_held_facts *facts)
{
    octo_held_facts(x, told.held == x->handle, facts);
}

void octo_context_ended(struct octo_conn *conn, struct octo_exchange *x)
{
    struct octo_cause next;

    octo_thread_context_end(x);
    if (told.held != x->handle)
        return;
    let_go();
    if (on.conn != conn || on.number == x->number)
        return;
    next = due_of_thread(conn);
    if (next.number != 0)
        hold(octo_exchange_at(next.handle));
}

void octo_context_hears(struct octo_cause cause)
{
    if (cause.number == 0) { /* not known: from here on no more than what is certain */
        on.waits = octo_this_thread.waits - 1;
        let_go_unless_certain();
        return;
    }
    if (cause.number != on.number) {
        on.number = cause.number;
        on.handle = cause.handle;
        on.conn = NULL;
    }
    on.waits = octo_this_thread.waits;
    if (told.held != cause.handle) {
        let_go();
        if (octo_context_lasts(cause))
            hold(octo_exchange_at(cause.handle));
    }
}

void octo_context_turns(const struct octo_conn *conn)
{
    if (on.conn != conn || on.life != octo_conn_life(conn)) {
        on.number = 0;
        let_go();
    }
}

void octo_context_enter(struct octo_cause cause)
{
    told.number = cause.number;
    told.handle = cause.handle & 0xffffff;
    told.is = true;
}

void octo_context_leave(void)
{
    told.is = false;
}

struct octo_cause octo_context_sole(int fd)
{
    struct octo_conn *conn = (unsigned)fd < OCTO_FD_MAX ? atomic_load(&octo_table[fd]) : NULL;

    if (!octo_fd_is_conn(conn) || conn->link || conn->queue_tail - conn->queue_head != 1)
        return (struct octo_cause){0};
    return octo_conn_due_cause(conn);
}

void octo_context_waits(void)
{
    let_go_unless_certain();
    octo_this_thread.waits++;
}

bool octo_context_lasts(struct octo_cause cause)
{
    const struct octo_exchange *x = octo_exchange_at(cause.handle);

    return x && atomic_load_explicit(&x->number, memory_order_acquire) == cause.number &&
           !(atomic_load_explicit(&x->over, memory_order_relaxed) & OCTO_RESPONSE_OVER);
}

bool octo_context_origin(struct octo_cause cause, struct octo_origin *origin)
{
    const struct octo_exchange *x = octo_exchange_at(cause.handle);

    if (!x || !octo_context_lasts(cause))
        return false;
    octo_propagate_origin(x, origin);
    atomic_thread_fence(memory_order_acquire); /* as a reader of a sequence lock: is it still that one? */
    return octo_context_lasts(cause);
}

struct octo_cause octo_context_now(void)
{
    static const struct octo_cause none;
    struct octo_cause cause = {on.number, on.handle, false};
    struct octo_conn *conn = client_of_thread();

    if (told.is) {
        cause = (struct octo_cause){told.number, told.handle, true};
        return told.number && octo_context_lasts(cause) ? cause : none;
    }
    if (on.number == 0)
        return none;
    if (conn) /* of several that were read at once the thread is on the one whose response is due */
        cause = due_of_thread(conn);
    cause.certain = conn && is_certain(conn);
    if (cause.number == 0 || !octo_context_lasts(cause) || (!cause.certain && on.waits != octo_this_thread.waits))
        return none;
    return cause;
}
