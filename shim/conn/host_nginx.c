/*
 * nginx: which client's request is an upstream connection for? nginx knows, whatever it waited for meanwhile (a timer, its cache, a
 * resolver), and its structures begin alike in every version since 2004:
 *
 *      epoll's word ──> ngx_connection_t {data, read, write, fd, …}
 *                         │ data
 *                         v
 *                       ngx_http_request_t {signature "HTTP", connection, …}
 *                         │ connection
 *                         v
 *                       ngx_connection_t {data, read, write, fd, …} ──> our table: the client's connection, its request
 *
 * What is at hand is checked at each step: the descriptors' numbers, the signature. Memory of connections is never given back.
 */
#include "conn/host.h"

#include "base/sys.h"

#include <sys/uio.h>

struct connection {
    void *data, *read, *write;
    int fd;
};

struct request {
    uint32_t signature;
    struct connection *connection;
};

static const uint32_t SIGNATURE = 0x50545448; /* "HTTP" */

/* The lowest bit of the word is nginx's own mark of a connection's generation. */
static struct {
    int fd;
    uint64_t word;
} last = {-1, 0};

/* nginx has epoll watch a socket just before it connects it. */
void octo_nginx_watches(int fd, uint64_t word)
{
    last.fd = fd;
    last.word = word;
}

/* A library in nginx may have an epoll of its own, and its words mean anything: the kernel reads what may not be there. */
static bool may_be_read(const void *from, void *to, size_t n)
{
    const struct iovec there = {(void *)from, n}, here = {to, n};

    return octo_sys(SYS_process_vm_readv, octo_sys(SYS_getpid), &here, 1, &there, 1, 0) == (long)n;
}

void *octo_nginx_connects(int fd)
{
    void *word = last.fd == fd ? (void *)(last.word & ~UINT64_C(1)) : NULL;
    struct connection c;

    last.fd = -1;
    return word && may_be_read(word, &c, sizeof(c)) && c.fd == fd ? word : NULL;
}

struct octo_cause octo_nginx_cause(const void *connection, int fd)
{
    const struct connection *c = connection;
    const struct request *r = c && c->fd == fd ? c->data : NULL;
    struct octo_conn *client = NULL;
    struct octo_cause cause = {0};

    if (r && (uintptr_t)r % _Alignof(struct request) == 0 && r->signature == SIGNATURE && r->connection &&
        (unsigned)r->connection->fd < OCTO_FD_MAX)
        client = atomic_load(&octo_table[r->connection->fd]);
    if (octo_fd_is_conn(client) && !client->link)
        cause = octo_conn_due_cause(client);
    /* A subrequest in the background may outlast its request's response; then one that was pipelined behind it is due. */
    if (cause.number && octo_exchange_at(cause.handle)->pipelined)
        cause.number = 0;
    return cause;
}
