// Three requests in one send, read with big and with small buffers, answered one by one and in one write. The
// IDs come back in order. A read shorter than asked means that the kernel's queue was empty. (H34, H39)
//
// events: request.started=21 request.completed=21
// event: request.completed path=/third status_code=203
#include "preload.h"

static const char REQUESTS[] = "GET /first HTTP/1.1\r\nHost: test\r\n\r\n"
                               "POST /second HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc"
                               "GET /third HTTP/1.1\r\nHost: test\r\n\r\n";
static const char *const RESPONSES[] = {"HTTP/1.1 201 A\r\nContent-Length: 2\r\n\r\n11",
                                        "HTTP/1.1 202 B\r\nContent-Length: 0\r\n\r\n",
                                        "HTTP/1.1 203 C\r\nContent-Length: 3\r\n\r\n333"};

static void round_of(size_t step, bool at_once)
{
    struct pair pair = tcp_pair();
    send_text(pair.client, REQUESTS);
    CHECK(shutdown(pair.client, SHUT_WR) == 0);

    char bytes[4096], ids[3][ID_SIZE];
    size_t len = 0;
    for (;;) {
        size_t n = step < sizeof bytes - len ? step : sizeof bytes - len;
        ssize_t k = read(pair.server, bytes + len, n);
        CHECK(k >= 0 && (size_t)k <= n);
        if (k == 0)
            break;
        int queued = -1;
        CHECK(ioctl(pair.server, FIONREAD, &queued) == 0);
        CHECK((size_t)k == n || queued == 0);
        len += (size_t)k;
    }
    /* Take the heads apart in place: strip the first, step over it and its body, and so on. */
    char *at = bytes;
    for (int i = 0; i < 3; i++) {
        len = check_request(at, len, ids[i]);
        size_t message = head_length(at, len) + (i == 1 ? 3 : 0);
        at += message;
        len -= message;
    }
    CHECK(len == 0);
    show("service", bytes, (size_t)(at - bytes));
    CHECK(strlen(REQUESTS) == (size_t)(at - bytes) && memcmp(bytes, REQUESTS, strlen(REQUESTS)) == 0);
    if (request_ids == REQUIRED)
        CHECK(strcmp(ids[0], ids[1]) != 0 && strcmp(ids[1], ids[2]) != 0 && strcmp(ids[0], ids[2]) != 0);

    char all[1024] = "";
    for (int i = 0; i < 3; i++) {
        strcat(all, RESPONSES[i]);
        if (!at_once)
            reply(pair.server, RESPONSES[i]);
    }
    if (at_once)
        reply(pair.server, all);
    for (int i = 0; i < 3; i++) {
        char response[256];
        size_t body = strlen(RESPONSES[i]) - head_length(RESPONSES[i], strlen(RESPONSES[i]));
        len = recv_response(pair.client, response, sizeof response, body, ids[i]);
        show("client", response, len);
    }
    pair_close(&pair);
}

int main(void)
{
    const size_t steps[] = {4096, 600, 100, 60, 7, 1};
    for (size_t i = 0; i < COUNT(steps); i++)
        round_of(steps[i], i % 2);
    round_of(4096, true);
    return 0;
}
