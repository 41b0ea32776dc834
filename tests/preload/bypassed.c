// Calls that go round every preload, through a handle of libc itself: reads hidden, then writes hidden, then
// only close hidden. What the shim does not see it does not spoil. (H7, H9)
#include "preload.h"

#include <dlfcn.h>

static ssize_t (*hidden_read)(int fd, void *bytes, size_t n);
static ssize_t (*hidden_write)(int fd, const void *bytes, size_t n);
static int (*hidden_close)(int fd);

static ssize_t writes(int fd, void *bytes, size_t n)
{
    return hidden_write(fd, bytes, n);
}

int main(void)
{
    static const char request[] = "PUT /round HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello";
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    void *libc = dlopen("libc.so.6", RTLD_LAZY);
    CHECK(libc);
    *(void **)&hidden_read = dlsym(libc, "read");
    *(void **)&hidden_write = dlsym(libc, "write");
    *(void **)&hidden_close = dlsym(libc, "close");
    CHECK(hidden_read && hidden_write && hidden_close);
    ids_optional();
    for (int i = 0; i < 3; i++) {
        struct pair pair = tcp_pair();
        exchange(&pair, request, hidden_read, response, plain_write);
        exchange(&pair, request, plain_read, response, plain_write);
        CHECK(hidden_close(pair.server) == 0);
        CHECK(close(pair.client) == 0 && close(pair.listener) == 0);
        pair = tcp_pair();
        exchange(&pair, request, plain_read, response, writes);
        exchange(&pair, request, plain_read, response, writes);
        CHECK(hidden_close(pair.server) == 0);
        int file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
        CHECK(file == pair.server);
        CHECK(write(file, response, strlen(response)) == (ssize_t)strlen(response));
        CHECK(lseek(file, 0, SEEK_CUR) == (off_t)strlen(response));
        CHECK(close(file) == 0 && close(pair.client) == 0 && close(pair.listener) == 0);
    }
    return 0;
}
