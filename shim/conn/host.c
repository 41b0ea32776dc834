/* The host: see host.h. Which program is it? */
#include "conn/host.h"

#include "conn/link.h"
#include "conn/process.h"

#include <sys/epoll.h>

extern __attribute__((weak, visibility("default"))) void *ngx_cycle; /* nginx exports it to its modules */

static inline bool is_nginx(void)
{
    return &ngx_cycle != NULL;
}

void octo_host_watches(int fd, const struct epoll_event *event)
{
    if (__builtin_expect(is_nginx(), 0))
        octo_nginx_watches(fd, event->data.u64);
}

void octo_host_connects(struct octo_conn *conn, int fd)
{
    if (is_nginx())
        conn->link->host = octo_nginx_connects(fd);
}

void octo_host_reads(struct octo_conn *conn, const struct octo_exchange *x)
{
    if (conn->in_caller && octo_service.settings.context != OCTO_CONTEXT_OFF)
        octo_python_reads(conn, x);
}

struct octo_cause octo_host_logs(const void *caller)
{
    return octo_python_cause(caller);
}

struct octo_cause octo_host_cause(struct octo_conn *conn)
{
    struct octo_cause cause;

    if (is_nginx())
        return octo_nginx_cause(conn->link->host, conn->fd);
    cause = octo_python_cause(conn->out_caller);
    if (cause.number == 0)
        cause = conn->link->told;
    conn->link->told = (struct octo_cause){0};
    return cause;
}
