/* The table of descriptors: see conn.h. A connection leaves it before its descriptor is closed, because the
 * number may be given out again at once. */
#include "conn/conn.h"
#include "conn/unconnected.h"
#include "conn/process.h"
#include "base/sys.h"

#include <string.h>
#include <unistd.h>

enum { RETURN_PATIENCE_MS = 100 }; /* of an exit, for calls of other threads that have sent something */

struct octo_conn *_Atomic octo_table[OCTO_FD_MAX];

/* One more than the highest entry that was ever set. */
static _Atomic unsigned table_end;

static _Atomic bool log_watched;

/* What fd is while it is nothing else. */
static struct octo_conn *usual(int fd)
{
    return !log_watched          ? NULL
           : fd == STDOUT_FILENO ? OCTO_FD_STDOUT
           : fd == STDERR_FILENO ? OCTO_FD_STDERR
                                 : NULL;
}

/* Gives fd a meaning, dropping the connection that it was. */
static void set(int fd, struct octo_conn *entry)
{
    unsigned end = atomic_load(&table_end);
    struct octo_conn *old;

    if ((unsigned)fd >= OCTO_FD_MAX) {
        octo_conn_drop(octo_fd_is_conn(entry) ? entry : NULL);
        return;
    }
    entry = entry ? entry : usual(fd);
    while (end <= (unsigned)fd && !atomic_compare_exchange_weak(&table_end, &end, (unsigned)fd + 1))
        ;
    old = atomic_exchange(&octo_table[fd], entry);
    octo_conn_drop(octo_fd_is_conn(old) ? old : NULL);
}

void octo_fd_ask(int fd)
{
    set(fd, OCTO_FD_ASK);
}

void octo_fd_set(int fd, struct octo_conn *conn)
{
    set(fd, conn);
}

struct octo_conn *octo_fd_hold(int fd)
{
    struct octo_conn *conn = (unsigned)fd < OCTO_FD_MAX ? atomic_load(&octo_table[fd]) : NULL;

    if (!octo_fd_is_conn(conn) || !octo_conn_share(conn))
        return NULL;
    if (atomic_load(&octo_table[fd]) == conn)
        return conn;
    octo_conn_drop(conn); /* closed meanwhile, and perhaps another's by now */
    return NULL;
}

void octo_fd_duplicated(int from, int to)
{
    struct octo_conn *entry = (unsigned)from < OCTO_FD_MAX ? atomic_load(&octo_table[from]) : NULL;

    if (from == to || (!entry && octo_fd_is_foreign(to)))
        return;
    set(to, octo_fd_is_conn(entry) ? octo_fd_hold(from) : entry);
}

struct octo_conn *octo_fd_detach(int fd)
{
    struct octo_conn *old;

    if (octo_fd_is_foreign(fd))
        return NULL;
    old = atomic_exchange(&octo_table[fd], usual(fd));
    return octo_fd_is_conn(old) ? old : NULL;
}

void octo_fd_forget_range(unsigned first, unsigned last)
{
    unsigned end = atomic_load(&table_end);

    for (unsigned fd = first; fd < end && fd <= last; fd++)
        octo_conn_drop(octo_fd_detach((int)fd));
}

void octo_fd_handed_over(int fd)
{
    struct octo_conn *conn = (unsigned)fd < OCTO_FD_MAX ? atomic_load(&octo_table[fd]) : NULL;

    if (octo_fd_is_conn(conn)) {
        conn->handed = true;
        conn->broken = OCTO_OPAQUE_SHARED;
    }
}

void octo_fd_unframable(int fd)
{
    struct octo_conn *conn = (unsigned)fd < OCTO_FD_MAX ? atomic_load(&octo_table[fd]) : NULL;

    if (octo_fd_is_conn(conn))
        conn->broken = OCTO_OPAQUE_CALL;
    else if (conn == OCTO_FD_ASK)
        set(fd, NULL);
}

void octo_fd_watch_log(void)
{
    log_watched = true;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
        if (!octo_fd_is_conn(octo_table[fd]))
            set(fd, NULL);
}

void octo_fd_each_link(void (*see)(struct octo_link *link))
{
    unsigned end = atomic_load(&table_end);

    for (unsigned fd = 0; fd < end; fd++) {
        struct octo_conn *conn = octo_fd_hold((int)fd);

        if (conn && conn->link)
            see(conn->link);
        octo_conn_drop(conn);
    }
}

void octo_conn_process_ends(void)
{
    unsigned end = atomic_load(&table_end), patience = RETURN_PATIENCE_MS;

    octo_unconnected_goes_on();
    for (unsigned fd = 0; fd < end; fd++) {
        struct octo_conn *conn;

        patience = octo_fd_let_return((int)fd, patience);
        conn = octo_fd_detach((int)fd);
        if (conn && !conn->failed &&
            !octo_framer_ends_with_stream(conn->link ? &conn->in.framer : &conn->out.framer)) {
            conn->failed = true;
            conn->abort_reason = conn->link ? (int)OCTO_FAILURE_SERVICE_EXITED : (int)OCTO_ABORT_SERVICE_EXITED;
        }
        octo_conn_drop(conn);
    }
}
