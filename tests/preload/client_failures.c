// Requests that fail: no connection, at once or later; a peer that closes or resets before its answer is whole, a service that does not
// wait for it. Each is told of once, with the errno's name; what is no HTTP by its port, and IPv6 before IPv4, is not. Errors
// are what they are without the shim. (contract, "Events")
//
// events: client.request.failed=9 client.request.completed=1
// event: client.request.failed error_code=ECONNREFUSED peer=127.0.0.1:1 request_id=outer-1 context=certain
// event: client.request.failed error_code=ECONNREFUSED peer=127.0.0.1:2 request_id=outer-1
// event: client.request.failed error_code=ECONNREFUSED peer=127.0.0.1:3
// event: client.request.failed error_code=ECONNREFUSED peer=[::1]:4
// event: client.request.failed error_code=ECONNREFUSED peer=unix:gone.sock
// event: client.request.failed error_code=ECONNRESET path=/early error bytes_in=0
// event: client.request.failed error_code=ECONNRESET path=/half status_code=200 bytes_in=41
// event: client.request.failed error_code=ECONNRESET path=/reset
// event: client.request.failed error_code=ECANCELED path=/given-up
// event: client.request.completed path=/until
#include "preload.h"

#include <sys/syscall.h>

static long raw(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static int try(int family, const char *address, int port, int flags)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(family, SOCK_STREAM | flags, 0), error = 0;
    socklen_t len = sizeof error;
    CHECK(fd >= 0 &&
          inet_pton(family, address, family == AF_INET ? (void *)&in.sin_addr : (void *)&in6.sin6_addr) == 1);
    errno = 0;
    int result = family == AF_INET ? connect(fd, (struct sockaddr *)&in, sizeof in)
                                   : connect(fd, (struct sockaddr *)&in6, sizeof in6);
    error = errno;
    if (result != 0 && error == EINPROGRESS) {
        CHECK(poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 5000) == 1);
        CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0);
    }
    say("%s port %d: %s", address, port, strerrorname_np(error));
    close(fd);
    return result;
}

enum end { CLOSES, RESETS, LASTS };

static void ask(int listening, const struct address *to, const char *request, const char *response, enum end end)
{
    char bytes[256];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (const struct sockaddr *)&to->sa, to->len) == 0);
    int peer = (int)raw(SYS_accept, listening, 0, 0);
    CHECK(write(fd, request, strlen(request)) == (ssize_t)strlen(request));
    CHECK(raw(SYS_read, peer, (long)bytes, sizeof bytes) > 0);
    if (*response)
        CHECK(raw(SYS_write, peer, (long)response, (long)strlen(response)) > 0);
    if (end == RESETS)
        CHECK(setsockopt(peer, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)) == 0);
    if (*response)
        CHECK(read(fd, bytes, sizeof bytes) == (ssize_t)strlen(response));
    if (end != LASTS) {
        close(peer);
        errno = 0;
        ssize_t got = read(fd, bytes, sizeof bytes);
        say("%.12s: %zd %s", request, got, strerrorname_np(errno));
    }
    close(fd);
    if (end == LASTS)
        close(peer);
}

int main(void)
{
    struct pair outer = tcp_pair();
    struct address to;
    char bytes[512];
    send_text(outer.client, "GET /outer HTTP/1.1\r\nHost: t\r\nX-Request-ID: outer-1\r\n\r\n");
    read_head(outer.server, plain_read, bytes, sizeof bytes);

    try(AF_INET, "127.0.0.1", 1, 0);
    try(AF_INET, "127.0.0.1", 2, SOCK_NONBLOCK);
    try(AF_INET6, "::1", 3, 0); /* the next try counts */
    try(AF_INET, "127.0.0.1", 3, 0);
    try(AF_INET6, "::1", 4, 0);         /* there is none */
    try(AF_INET, "127.0.0.1", 5432, 0); /* a database */

    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "gone.sock"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), deaf = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&un, sizeof un) == -1 && errno == ENOENT);
    CHECK(bind(deaf, (struct sockaddr *)&un, sizeof un) == 0);
    close(deaf);
    CHECK(connect(fd, (struct sockaddr *)&un, sizeof un) == -1 && errno == ECONNREFUSED);
    close(fd);

    int listening = listener(AF_INET, &to);
    ask(listening, &to, "GET /early HTTP/1.1\r\nHost: t\r\n\r\n", "", CLOSES);
    ask(listening, &to, "GET /half HTTP/1.1\r\nHost: t\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal",
        CLOSES);
    ask(listening, &to, "GET /reset HTTP/1.1\r\nHost: t\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        RESETS);
    ask(listening, &to, "GET /until HTTP/1.1\r\nHost: t\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nall", CLOSES);
    ask(listening, &to, "GET /given-up HTTP/1.1\r\nHost: t\r\n\r\n", "", LASTS);
    reply(outer.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    recv_response(outer.client, bytes, sizeof bytes, 2, "outer-1");
    pair_close(&outer);
    say("over");
    return 0;
}
