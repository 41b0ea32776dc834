// Read buffers that end exactly at, just before and just after the blank line and the insertion, and around
// 512 bytes. A read shorter than asked means an empty queue; after it a nonblocking read says EAGAIN. (H34)
//
// events: request.started=24 request.completed=24
#include "preload.h"

static void ask(struct pair *pair, const char *request, size_t n)
{
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    char bytes[2048], id[ID_SIZE];
    size_t len = 0;
    send_text(pair->client, request);
    for (;;) {
        ssize_t k = recv(pair->server, bytes + len, n, len ? MSG_DONTWAIT : 0);
        if (k < 0)
            break;
        CHECK(k > 0 && (size_t)k <= n);
        len += (size_t)k;
        if ((size_t)k < n) {
            int queued = -1;
            CHECK(ioctl(pair->server, FIONREAD, &queued) == 0 && queued == 0);
            CHECK(recv(pair->server, bytes + len, n, MSG_DONTWAIT) == -1);
            break;
        }
    }
    CHECK(errno == EAGAIN);
    len = check_request(bytes, len, id);
    CHECK(len == strlen(request) && memcmp(bytes, request, len) == 0);
    CHECK(write(pair->server, response, strlen(response)) == (ssize_t)strlen(response));
    recv_response(pair->client, bytes, sizeof bytes, 0, id);
    say("buffer %zu, request %zu", n, strlen(request));
}

int main(void)
{
    struct pair pair = tcp_pair();
    static const char small[] = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
    const int around[] = {-3, -2, -1, 0, 1, 34, 35, 36, 37, 38};
    for (size_t i = 0; i < COUNT(around); i++)
        ask(&pair, small, strlen(small) + (size_t)around[i]);
    ask(&pair, small, strlen(small) + 72);

    char big[1024];
    const size_t heads[] = {511, 512, 513, 512 - REQUEST_LINES, 512 - REQUEST_LINES - 1};
    for (size_t i = 0; i < COUNT(heads); i++) { /* heads of that length, buffers of 512 and 513 */
        snprintf(big, sizeof big, "GET / HTTP/1.1\r\nHost: test\r\nPad: %0*d\r\n\r\n", (int)heads[i] - 37, 0);
        CHECK(strlen(big) == heads[i]);
        ask(&pair, big, 512);
        ask(&pair, big, 513);
    }
    snprintf(big, sizeof big, "POST / HTTP/1.1\r\nContent-Length: 470\r\n\r\n%0470d", 0);
    ask(&pair, big, 511);
    ask(&pair, big, 512);
    ask(&pair, big, 513);
    pair_close(&pair);
    return 0;
}
