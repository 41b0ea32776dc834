// Serving allocates nothing: the program's own malloc, calloc, realloc and free count their calls, from the
// start of main to the end and inside a signal handler's reach. (H26, law 4)
// valgrind: no, it replaces malloc itself
//
// events: request.started=50 request.completed=50
#include "preload.h"

static char arena[1 << 20];
static size_t used;
static volatile unsigned calls;

void *malloc(size_t n)
{
    calls++;
    size_t at = (used + 15) & ~(size_t)15;
    if (n > sizeof arena - at)
        return NULL;
    used = at + n;
    return arena + at;
}

void *calloc(size_t n, size_t size)
{
    return malloc(n * size); /* fresh memory of the arena is zero */
}

void *realloc(void *old, size_t n)
{
    void *fresh = malloc(n);
    if (fresh && old)
        memmove(fresh, old, n);
    return fresh;
}

void free(void *old)
{
    (void)old;
    calls++;
}

int main(void)
{
    unsigned before = calls;
    struct pair pair = tcp_pair();
    for (int i = 0; i < 50; i++) {
        char bytes[1024], id[ID_SIZE];
        send_text(pair.client, "GET /m HTTP/1.1\r\nHost: test\r\n\r\n");
        check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id);
        reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        recv_response(pair.client, bytes, sizeof bytes, 2, id);
    }
    pair_close(&pair);
    sleep_ms(30);
    say("allocator calls while serving: %u", calls - before);
    CHECK(calls == before);
    return 0;
}
