// Calls before any library's constructor has run, as allocators and sanitizers make them: pipe, write, read,
// dup, fcntl, syscall, close from .preinit_array, and again from an early constructor. (H1)
//
// events: request.started=1 request.completed=1
#include "preload.h"

#include <sys/syscall.h>

static int early[2];

static void all_calls(int number)
{
    int ends[2], copy;
    char byte = 0;
    if (pipe(ends) == 0 && write(ends[1], "x", 1) == 1 && read(ends[0], &byte, 1) == 1 && byte == 'x' &&
        (copy = dup(ends[0])) >= 0 && close(copy) == 0 && fcntl(ends[0], F_DUPFD, 90) == 90 &&
        syscall(SYS_close, 90) == 0 && close(ends[0]) == 0 && close(ends[1]) == 0 && write(-1, "x", 1) == -1 &&
        errno == EBADF)
        early[number] = 1;
    errno = 0;
}

static void first(void)
{
    all_calls(0);
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit)(void) = first;

__attribute__((constructor(101))) static void second(void)
{
    all_calls(1);
}

int main(void)
{
    say("early calls: %d %d", early[0], early[1]);
    CHECK(early[0] && early[1]);
    struct pair pair = tcp_pair();
    exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
