// Heads of 20, 60 and just 64 KiB, both ways, with the insertion; read with a big and with a small buffer.
// (H40)
//
// events: request.started=6 request.completed=6
// event: request.completed path=/65536 status_code=200
#include "preload.h"

static size_t limit;

static ssize_t some(int fd, void *bytes, size_t n)
{
    return read(fd, bytes, n < limit ? n : limit);
}

/* A head of exactly len bytes: field lines of 1000 bytes and a last one that fits. */
static char *head_of(size_t len, const char *start)
{
    char *head = malloc(len + 1001);
    size_t at = (size_t)sprintf(head, "%s", start);
    while (len - at > 2100)
        at += (size_t)sprintf(head + at, "Pad: %0993d\r\n", 0);
    at += (size_t)sprintf(head + at, "Pad: %0*d\r\n\r\n", (int)(len - at - 9), 0);
    CHECK(at == len && head_length(head, len) == len);
    return head;
}

int main(void)
{
    const size_t sizes[] = {20000, 60000, 65536};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char start[64];
        sprintf(start, "GET /%zu HTTP/1.1\r\nHost: t\r\n", sizes[i]);
        char *request = head_of(sizes[i], start);
        char *response = head_of(sizes[i], "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
        struct pair pair = unix_pair();
        CHECK(setsockopt(pair.client, SOL_SOCKET, SO_SNDBUF, &(int){400000}, sizeof(int)) == 0);
        CHECK(setsockopt(pair.server, SOL_SOCKET, SO_SNDBUF, &(int){400000}, sizeof(int)) == 0);
        for (limit = 1000; limit <= 1000000; limit *= 1000)
            exchange(&pair, request, some, response, plain_write);
        pair_close(&pair);
        free(request);
        free(response);
    }
    return 0;
}
