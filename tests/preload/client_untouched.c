// What a client in the same process sends and receives on connected sockets is not edited: the accepted end
// here is read and written by instructions that no library sees. (H44)
//
// events: request.started=0
#include "preload.h"

#include <sys/syscall.h>

static long raw(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

int main(void)
{
    static const char request[] = "GET /out HTTP/1.1\r\nHost: test\r\n\r\n";
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    char bytes[1024];
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++) {
        CHECK(write(pair.client, request, strlen(request)) == (ssize_t)strlen(request));
        CHECK(raw(SYS_read, pair.server, (long)bytes, sizeof bytes) == (long)strlen(request));
        CHECK(memcmp(bytes, request, strlen(request)) == 0);
        CHECK(raw(SYS_write, pair.server, (long)response, (long)strlen(response)) == (long)strlen(response));
        CHECK(read(pair.client, bytes, sizeof bytes) == (ssize_t)strlen(response));
        CHECK(memcmp(bytes, response, strlen(response)) == 0);
    }
    say("untouched");
    pair_close(&pair);
    return 0;
}
