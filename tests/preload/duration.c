// The times in the event are the handler's: at least as long as it slept, in milliseconds, and a slow one is
// a warning. (contract, "Events")
// valgrind: no, it is too slow for these times
// env: OCTOSHIM_SLOW_MS=60
//
// events: request.started=2 request.completed=2
// event: request.completed path=/quick duration_ms>19.9 duration_ms<60 ttfb_ms<60 level=info
// event: request.completed path=/slow duration_ms>79.9 duration_ms<2000 ttfb_ms>39.9 level=warning
// event: request.completed path=/slow bytes_in=35 bytes_out=40
#include "preload.h"

static unsigned handler_ms;

static ssize_t slow_write(int fd, void *bytes, size_t n)
{
    size_t head = head_length(bytes, n);
    sleep_ms(handler_ms);
    return write(fd, bytes, head && head < n ? head : n);
}

int main(void)
{
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    CHECK(strlen(response) == 40);
    struct pair pair = tcp_pair();
    handler_ms = 10;
    exchange(&pair, "GET /quick HTTP/1.1\r\nHost: test\r\n\r\n", plain_read, response, slow_write);
    handler_ms = 40;
    exchange(&pair, "GET /slow HTTP/1.1\r\nHost: tests\r\n\r\n", plain_read, response, slow_write);
    pair_close(&pair);
    return 0;
}
