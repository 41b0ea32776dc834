// A service that reads where no library sees it and writes through libc, and the other way round: the shim
// sees half of the traffic and must not spoil it. (H44)
#include "preload.h"

#include <sys/syscall.h>

static ssize_t raw(long number, int fd, void *bytes, size_t n)
{
    ssize_t result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"((long)fd), "S"(bytes), "d"(n)
                     : "rcx", "r11", "memory");
    return result;
}

static ssize_t raw_read(int fd, void *bytes, size_t n)
{
    return raw(SYS_read, fd, bytes, n);
}

static ssize_t raw_write(int fd, void *bytes, size_t n)
{
    return raw(SYS_write, fd, bytes, n);
}

int main(void)
{
    static const char request[] = "PUT /half HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello";
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    ids_optional();
    struct pair pair = tcp_pair();
    for (int i = 0; i < 3; i++)
        exchange(&pair, request, raw_read, response, plain_write);
    pair_close(&pair);
    pair = tcp_pair();
    for (int i = 0; i < 3; i++)
        exchange(&pair, request, plain_read, response, raw_write);
    pair_close(&pair);
    return 0;
}
