// IDs with a bare CR, a bare LF, a NUL, or 1 MB long are not HTTP that can be trusted: everything passes
// untouched both ways, and nothing of it appears in an event. (law 2, "Bad input")
//
// not-event: request.started request_id=a
// not-event: request.completed request_id=a
#include "preload.h"

enum { BIG = 1 << 20 };

static void ask(const char *request, size_t request_len)
{
    char *bytes = malloc(request_len + 1);
    struct pair pair = tcp_pair();
    pid_t pid = forked(); /* 1 MB does not fit in the socket's buffers */
    if (pid == 0) {
        send_all(pair.client, request, request_len);
        _exit(0);
    }
    for (size_t len = 0; len < request_len;) {
        ssize_t k = read(pair.server, bytes + len, request_len + 1 - len);
        CHECK(k > 0);
        len += (size_t)k;
        CHECK(len <= request_len);
    }
    wait_ok(pid);
    CHECK(memcmp(bytes, request, request_len) == 0);
    show("service", bytes, request_len);
    ids_optional(); /* the response may have a made one, or pass untouched */
    char text[512];
    reply(pair.server, "HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno");
    show("client", text, recv_response(pair.client, text, sizeof text, 2, ""));
    CHECK(!memmem(text, 41, "Evil", 4));
    pair_close(&pair);
    free(bytes);
}

int main(void)
{
    static const char cr[] = "GET / HTTP/1.1\r\nX-Request-ID: a\rX-Evil: 1\r\nHost: t\r\n\r\n";
    static const char lf[] = "GET / HTTP/1.1\r\nX-Request-ID: a\nX-Evil: 1\r\nHost: t\r\n\r\n";
    static const char nul[] = "GET / HTTP/1.1\r\nX-Request-ID: a\0b\r\nHost: t\r\n\r\n";
    static const char esc[] = "GET / HTTP/1.1\r\nX-Request-ID: a\x1b[31m\r\nHost: t\r\n\r\n";
    ask(cr, sizeof cr - 1);
    ask(lf, sizeof lf - 1);
    ask(nul, sizeof nul - 1);
    ask(esc, sizeof esc - 1);
    char *big = malloc(BIG + 100);
    size_t at = (size_t)sprintf(big, "GET / HTTP/1.1\r\nX-Request-ID: ");
    memset(big + at, 'a', BIG);
    at += BIG;
    at += (size_t)sprintf(big + at, "\r\nHost: t\r\n\r\n");
    ask(big, at);
    free(big);
    return 0;
}
