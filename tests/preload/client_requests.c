// Requests that a service makes while it serves one: over each kind of socket, connected at once or later, written whole, in
// pieces, byte by byte, as vectors; with answers of each framing. The one that has no ID carries that of the request that it is
// made for, and nothing else is changed, in either direction. (contract, "Events"; DESIGN, laws 1 and 5)
//
// events: request.started=1 request.completed=1 client.request.started=99 client.request.completed=99
// event: client.request.completed request_id=outer-1 context=certain method=GET path=/plain status_code=200
// event: client.request.completed request_id=outer-1 context=certain method=POST path=/chunked bytes_out=82
// event: client.request.completed request_id=outer-1 method=HEAD path=/head status_code=200
// event: client.request.completed request_id=outer-1 method=CONNECT path=db:5432 status_code=200
// event: client.request.completed method=GET path=/after request_id
// not-event: client.request.completed path=/after context=certain
// not-event: client.request.completed context=inferred
// event: client.request.completed path=/one trace_id=0af7651916cd43dd8448eb211c80319c span_id=b7ad6b7169203331
// env: LOG_LEVEL=debug
#include "preload.h"

#include <sys/syscall.h>

/* The peer's end: by instructions, so that the shim sees one side only. */
static long raw(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

struct talk {
    const char *request, *response;
    bool carries;  /* the request gets the ID */
    bool closes;   /* the response ends with the connection */
    bool tunnel;   /* what follows is no HTTP */
    int requests;  /* pipelined */
    bool complete; /* nothing is added to it */
};

#define TRACE "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\n"

static const struct talk talks[] = {
    {"GET /plain HTTP/1.1\r\nHost: a.test\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true,
     .requests = 1},
    {"GET /own HTTP/1.1\r\nHost: a.test\r\nX-Request-ID: own-7\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n", false,
     .requests = 1},
    {"POST /counted HTTP/1.1\r\nHost: a.test\r\nContent-Length: 11\r\n\r\nGET / HTTP/",
     "HTTP/1.1 100 Continue\r\n\r\n"
     "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
     true, .requests = 1},
    {"POST /chunked HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
     "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", true, .requests = 1},
    {"HEAD /head HTTP/1.1\r\nHost: a.test\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true,
     .requests = 1},
    {"GET http://far.test/absolute?q HTTP/1.1\r\nHost: far.test\r\n\r\n",
     "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", true, .requests = 1},
    {"GET /one HTTP/1.1\r\nX-Request-ID: one\r\n" TRACE "\r\nGET /two HTTP/1.1\r\n" TRACE
     "X-Request-ID: two\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2", false,
     .complete = true, .requests = 2},
    {"CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n", "HTTP/1.1 200 Connection established\r\n\r\n", true,
     .tunnel = true, .requests = 1},
    {"GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
     "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", true, .tunnel = true,
     .requests = 1},
    {"GET /until HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nGET / HTTP/1.1\r\n\r\n", true, .closes = true,
     .requests = 1},
};

enum { WHOLE, IN_TWO, BYTEWISE, VECTOR, WAYS };

static bool alone; /* nobody is served: there is no ID to carry */

/* Gives way until the peer has taken something, where the descriptor does not wait. */
static void ready(int fd, short events)
{
    CHECK(poll(&(struct pollfd){.fd = fd, .events = events}, 1, 5000) == 1);
}

static void put(int fd, const char *bytes, size_t n, int way)
{
    size_t cut = way == IN_TWO ? n / 2 : way == BYTEWISE ? 1 : n;
    for (size_t at = 0; at < n;) {
        size_t more = n - at < cut ? n - at : cut;
        struct iovec v[3] = {{(void *)(uintptr_t)(bytes + at), more / 3},
                             {(void *)(uintptr_t)(bytes + at + more / 3), 0},
                             {(void *)(uintptr_t)(bytes + at + more / 3), more - more / 3}};
        ssize_t k = way == VECTOR     ? writev(fd, v, 3)
                    : way == BYTEWISE ? send(fd, bytes + at, more, MSG_NOSIGNAL)
                                      : write(fd, bytes + at, more);
        if (k < 0) {
            CHECK(errno == EAGAIN);
            ready(fd, POLLOUT);
            continue;
        }
        CHECK(k > 0 && (size_t)k <= more);
        at += (size_t)k;
    }
}

/* What the peer gets must be the request, with one line more if it carries the ID. */
static void check_sent(int peer, const struct talk *talk)
{
    char bytes[1024], id[ID_SIZE] = "";
    size_t want = strlen(talk->request), len = 0;
    bool linked = shimmed() && !alone && request_ids != ABSENT && !talk->complete;
    bool carries = linked && talk->carries;
    size_t line = (carries ? strlen("X-Request-ID: outer-1\r\n") : 0) + (linked ? TRACE_LEN : 0);
    while (len < want + line) {
        long got = raw(SYS_read, peer, (long)bytes + (long)len, (long)(sizeof bytes - len));
        CHECK(got > 0);
        len += (size_t)got;
    }
    CHECK(len == want + line);
    if (carries) {
        len = strip_id(bytes, len, id);
        CHECK(strcmp(id, "outer-1") == 0);
    }
    if (linked)
        len = strip_trace(bytes, len);
    CHECK(len == want && memcmp(bytes, talk->request, len) == 0);
}

static void take(int fd, const char *want, size_t n, int way, bool closes)
{
    char bytes[1024];
    size_t len = 0;
    for (;;) {
        size_t room = way == BYTEWISE ? 1 : sizeof bytes - len;
        if (!closes && room > n - len)
            room = n - len; /* the peer sends no more, and we would wait */
        struct iovec v[2] = {{bytes + len, room / 2}, {bytes + len + room / 2, room - room / 2}};
        if (!closes && len == n)
            break;
        ssize_t k = way == VECTOR   ? readv(fd, v, 2)
                    : way == IN_TWO ? recv(fd, bytes + len, room, 0)
                                    : read(fd, bytes + len, room);
        if (k < 0) {
            CHECK(errno == EAGAIN);
            ready(fd, POLLIN);
            continue;
        }
        if (k == 0)
            break;
        len += (size_t)k;
    }
    CHECK(len == n && memcmp(bytes, want, n) == 0);
}

static void ask(int listening, const struct address *to, int flags, int way, const struct talk *talk)
{
    int fd = socket(to->sa.ss_family, SOCK_STREAM | flags, 0), on = 1;
    CHECK(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&to->sa, to->len) != 0) {
        CHECK(errno == EINPROGRESS);
        int error = -1;
        socklen_t len = sizeof error;
        ready(fd, POLLOUT);
        CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0);
    }
    int peer = (int)raw(SYS_accept, listening, 0, 0);
    CHECK(peer >= 0);
    if (to->sa.ss_family == AF_INET)
        CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    for (int again = 0; again < (talk->closes || talk->tunnel ? 1 : 2); again++) {
        put(fd, talk->request, strlen(talk->request), way);
        check_sent(peer, talk);
        CHECK(raw(SYS_write, peer, (long)talk->response, (long)strlen(talk->response)) ==
              (long)strlen(talk->response));
        if (talk->closes)
            close(peer);
        take(fd, talk->response, strlen(talk->response), way, talk->closes);
    }
    if (talk->tunnel) {
        const struct talk through = {
            "GET /through HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", false, false, true, 0, true};
        put(fd, through.request, strlen(through.request), way);
        check_sent(peer, &through);
        CHECK(raw(SYS_write, peer, (long)through.response, (long)strlen(through.response)) > 0);
        take(fd, through.response, strlen(through.response), way, false);
    }
    close(fd);
    if (!talk->closes)
        close(peer);
}

int main(void)
{
    struct pair outer = tcp_pair();
    struct address tcp, local;
    int tcp_listener = listener(AF_INET, &tcp), unix_listener = listener(AF_UNIX, &local);
    char bytes[1024];

    send_text(outer.client, "GET /outer HTTP/1.1\r\nHost: t\r\nX-Request-ID: outer-1\r\n\r\n");
    read_head(outer.server, plain_read, bytes, sizeof bytes);
    for (int way = 0; way < WAYS; way++)
        for (size_t i = 0; i < COUNT(talks); i++) {
            ask(tcp_listener, &tcp, way % 2 ? SOCK_NONBLOCK : 0, way, &talks[i]);
            say("way %d, talk %zu", way, i);
        }
    for (size_t i = 0; i < COUNT(talks); i++)
        ask(unix_listener, &local, i % 2 ? SOCK_NONBLOCK : 0, (int)i % WAYS, &talks[i]);
    reply(outer.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    recv_response(outer.client, bytes, sizeof bytes, 2, "outer-1");

    alone = true;
    const struct talk after = {"GET /after HTTP/1.1\r\nHost: a.test\r\nX-Request-ID: mine\r\n\r\n",
                               "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .requests = 1};
    const struct talk nobodys = {"GET /nobodys HTTP/1.1\r\nHost: a.test\r\n\r\n", after.response, .carries = true,
                                 .requests = 1};
    ask(tcp_listener, &tcp, 0, WHOLE, &after);
    ask(tcp_listener, &tcp, 0, WHOLE, &nobodys);
    pair_close(&outer);
    say("over");
    return 0;
}
