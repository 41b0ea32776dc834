// accept with and without an address, with a short one, accept4 with its flags; errors as bare; each
// connection is served. (H10)
//
// events: request.started=5 request.completed=5
// event: request.completed client=127.0.0.1
#include "preload.h"

static struct address address;
static int listening;

static void serves(int client, int conn, const char *what)
{
    CHECK(conn >= 0);
    int flags = fcntl(conn, F_GETFL), fd_flags = fcntl(conn, F_GETFD);
    say("%s: nonblocking %d, close on exec %d", what, !!(flags & O_NONBLOCK), !!(fd_flags & FD_CLOEXEC));
    struct pair pair = {.client = client, .server = conn};
    exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    CHECK(close(client) == 0 && close(conn) == 0);
}

int main(void)
{
    listening = listener(AF_INET, &address);
    int client = dial(&address);
    serves(client, accept(listening, NULL, NULL), "accept");

    struct sockaddr_in peer, self;
    socklen_t len = sizeof peer, self_len = sizeof self;
    client = dial(&address);
    int conn = accept(listening, (struct sockaddr *)&peer, &len);
    CHECK(getsockname(client, (struct sockaddr *)&self, &self_len) == 0);
    CHECK(len == sizeof peer && memcmp(&peer, &self, sizeof self) == 0);
    serves(client, conn, "accept with an address");

    char small[4] = {'x', 'x', 'x', 'x'};
    len = 3;
    client = dial(&address);
    conn = accept(listening, (struct sockaddr *)small, &len);
    CHECK(len == sizeof peer && small[3] == 'x' && memcmp(small, &(sa_family_t){AF_INET}, 2) == 0);
    serves(client, conn, "accept with a short address");

    client = dial(&address);
    serves(client, accept4(listening, NULL, NULL, SOCK_NONBLOCK), "accept4 nonblocking");
    client = dial(&address);
    len = sizeof peer;
    conn = accept4(listening, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    serves(client, conn, "accept4 both");

    CHECK(accept4(listening, NULL, NULL, 0x10) == -1 && errno == EINVAL);
    CHECK(fcntl(listening, F_SETFL, O_NONBLOCK) == 0);
    CHECK(accept(listening, NULL, NULL) == -1 && errno == EAGAIN);
    CHECK(accept(0, NULL, NULL) == -1 && errno == ENOTSOCK);
    CHECK(accept(999, NULL, NULL) == -1 && errno == EBADF);
    int unbound = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(accept(unbound, NULL, NULL) == -1 && errno == EINVAL);
    return 0;
}
