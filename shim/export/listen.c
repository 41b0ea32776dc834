/* The socket of the metrics: see listen.h. */
#include "export/listen.h"

#include "base/sys.h"
#include "base/text.h"
#include "export/put.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { BACKLOG = 64, SOCKET_MODE = 0660 };

union address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
    struct sockaddr_un unix_path;
};

static socklen_t address_of(const struct octo_listen *where, uint16_t port, union address *address)
{
    memset(address, 0, sizeof(*address));
    switch ((enum octo_listen_kind)where->kind) {
    case OCTO_LISTEN_IPV4:
        address->ipv4.sin_family = AF_INET;
        address->ipv4.sin_port = htons(port);
        memcpy(&address->ipv4.sin_addr, where->address, 4);
        return sizeof(address->ipv4);
    case OCTO_LISTEN_IPV6:
        address->ipv6.sin6_family = AF_INET6;
        address->ipv6.sin6_port = htons(port);
        memcpy(&address->ipv6.sin6_addr, where->address, 16);
        return sizeof(address->ipv6);
    case OCTO_LISTEN_UNIX:
        address->unix_path.sun_family = AF_UNIX;
        memcpy(address->unix_path.sun_path, where->path, sizeof(where->path));
        return sizeof(address->unix_path);
    case OCTO_LISTEN_OFF:
        break;
    }
    return 0;
}

/* A dead exposer leaves its file behind: nobody answers there. */
static void remove_if_stale(const struct octo_listen *where, const union address *address, socklen_t len)
{
    struct stat st;
    int fd;

    /* Any other file refuses a connection too. */
    if (octo_sys(SYS_newfstatat, AT_FDCWD, where->path, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISSOCK(st.st_mode))
        return;
    fd = (int)octo_sys(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (octo_sys(SYS_connect, fd, address, len) == -ECONNREFUSED)
        octo_sys(SYS_unlinkat, AT_FDCWD, where->path, 0);
    octo_sys(SYS_close, fd);
}

static int bind_and_listen(int fd, const union address *address, socklen_t len)
{
    static const int yes = 1;
    long err;

    octo_sys(SYS_setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (address->any.sa_family == AF_INET6)
        octo_sys(SYS_setsockopt, fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
    err = octo_sys(SYS_bind, fd, address, len);
    return (int)(err < 0 ? err : octo_sys(SYS_listen, fd, BACKLOG));
}

static uint16_t port_of(int fd)
{
    union address address;
    socklen_t len = sizeof(address);

    if (octo_sys(SYS_getsockname, fd, &address, &len) < 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.ipv6.sin6_port : address.ipv4.sin_port);
}

int octo_listen_open(const struct octo_listen *where, uint16_t *port)
{
    bool is_unix = where->kind == OCTO_LISTEN_UNIX;
    union address address;
    socklen_t len = address_of(where, where->port ? where->port : *port, &address);
    int fd, err;

    if (is_unix)
        remove_if_stale(where, &address, len);
    fd = (int)octo_sys(SYS_socket, address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fd;
    err = bind_and_listen(fd, &address, len);
    if (err < 0) {
        octo_sys(SYS_close, fd);
        return err;
    }
    if (is_unix)
        octo_sys(SYS_fchmodat, AT_FDCWD, where->path, SOCKET_MODE);
    else
        *port = port_of(fd);
    return fd;
}

void octo_listen_close(const struct octo_listen *where, int fd)
{
    octo_sys(SYS_close, fd);
    if (where->kind == OCTO_LISTEN_UNIX)
        octo_sys(SYS_unlinkat, AT_FDCWD, where->path, 0);
}

void octo_listen_text(const struct octo_listen *where, uint16_t port, char text[OCTO_LISTEN_TEXT_MAX])
{
    char digits[48];
    struct octo_text t;

    octo_text_begin(&t, text, OCTO_LISTEN_TEXT_MAX);
    switch ((enum octo_listen_kind)where->kind) {
    case OCTO_LISTEN_UNIX:
        octo_text_str(&t, "unix:");
        octo_text_str(&t, where->path);
        return;
    case OCTO_LISTEN_IPV6:
        octo_text_char(&t, '[');
        octo_text_bytes(&t, digits, (size_t)(octo_put_ipv6(digits, where->address) - digits));
        octo_text_char(&t, ']');
        break;
    default:
        octo_text_bytes(&t, digits, (size_t)(octo_put_ipv4(digits, where->address) - digits));
    }
    octo_text_char(&t, ':');
    octo_text_u64(&t, where->port ? where->port : port);
}
