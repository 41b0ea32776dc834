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

void *octo_nginx_connects(int fd)
{
    struct connection *c = last.fd == fd ? (struct connection *)(last.word & ~UINT64_C(1)) : NULL;

    last.fd = -1;
    return c && c->fd == fd ? c : NULL;
}

struct octo_cause octo_nginx_cause(const void *connection, int fd)
{
    const struct connection *c = connection;
    const struct request *r = c && c->fd == fd ? c->data : NULL;
    struct octo_conn *client = NULL;

    if (r && (uintptr_t)r % _Alignof(struct request) == 0 && r->signature == SIGNATURE && r->connection &&
        (unsigned)r->connection->fd < OCTO_FD_MAX)
        client = atomic_load(&octo_table[r->connection->fd]);
    return octo_fd_is_conn(client) && !client->link ? octo_conn_due_cause(client) : (struct octo_cause){0};
}
