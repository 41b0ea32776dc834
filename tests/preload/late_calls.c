// A service that still serves in atexit handlers and destructors, after ours may have run. (H30)
#include "preload.h"

static struct pair pair;

static void serves_late(void)
{
    exchange(&pair, "GET /late HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
}

__attribute__((destructor)) static void destructor(void)
{
    ids_optional();
    serves_late();
    pair_close(&pair);
}

int main(void)
{
    pair = tcp_pair();
    CHECK(atexit(serves_late) == 0);
    serves_late();
    return 0;
}
