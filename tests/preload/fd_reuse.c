// A connection's number comes back as a file, a pipe, another connection, after it was closed in the middle
// of a head by close, dup2, fclose, syscall or an instruction no library sees: what is written then is not
// edited, and a new connection starts afresh. (H9, H12)
//
// events: request.completed=6
#include "preload.h"

#include <sys/syscall.h>

static const char TEXT[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static void close_by(int way, int fd)
{
    long result;
    if (way == 0)
        CHECK(close(fd) == 0);
    else if (way == 1)
        CHECK(dup2(0, fd) == fd && close(fd) == 0);
    else if (way == 2)
        CHECK(fclose(fdopen(fd, "r+")) == 0);
    else if (way == 3)
        CHECK(syscall(SYS_close, fd) == 0);
    else if (way == 4)
        CHECK(close_range((unsigned)fd, (unsigned)fd, 0) == 0);
    else
        __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_close), "D"(fd) : "rcx", "r11", "memory");
}

/* A connection in mid-response: request read, the response's head not finished. */
static int begun(struct pair *pair)
{
    char bytes[1024];
    *pair = tcp_pair();
    send_text(pair->client, "GET /begun HTTP/1.1\r\nHost: test\r\n\r\n");
    read_head(pair->server, plain_read, bytes, sizeof bytes);
    reply(pair->server, "HTTP/1.1 200 OK\r\n");
    return pair->server;
}

int main(void)
{
    char bytes[1024];
    for (int way = 0; way < 6; way++) {
        struct pair pair;
        int fd = begun(&pair), ends[2];
        close_by(way, fd);
        CHECK(open("file", O_RDWR | O_CREAT | O_TRUNC, 0600) == fd);
        CHECK(write(fd, TEXT, strlen(TEXT)) == (ssize_t)strlen(TEXT));
        CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, bytes, sizeof bytes) == (ssize_t)strlen(TEXT));
        CHECK(memcmp(bytes, TEXT, strlen(TEXT)) == 0);
        CHECK(close(fd) == 0 && close(pair.client) == 0 && close(pair.listener) == 0);

        fd = begun(&pair);
        close_by(way, fd);
        CHECK(pipe(ends) == 0 && ends[0] == fd);
        CHECK(write(ends[1], TEXT, strlen(TEXT)) == (ssize_t)strlen(TEXT));
        CHECK(read(fd, bytes, sizeof bytes) == (ssize_t)strlen(TEXT));
        CHECK(memcmp(bytes, TEXT, strlen(TEXT)) == 0);
        CHECK(close(ends[0]) == 0 && close(ends[1]) == 0 && close(pair.client) == 0 && close(pair.listener) == 0);

        fd = begun(&pair);
        close_by(way, fd);
        CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0 && ends[0] == fd);
        CHECK(write(fd, TEXT, strlen(TEXT)) == (ssize_t)strlen(TEXT));
        CHECK(read(ends[1], bytes, sizeof bytes) == (ssize_t)strlen(TEXT));
        CHECK(close(ends[0]) == 0 && close(ends[1]) == 0 && close(pair.client) == 0);

        struct pair next = {.listener = pair.listener, .client = dial(&pair.address)};
        fd = accept(pair.listener, NULL, NULL);
        close_by(way, fd);
        close(next.client);
        next.client = dial(&pair.address);
        next.server = accept(pair.listener, NULL, NULL);
        exchange(&next, "GET /fresh HTTP/1.1\r\nHost: test\r\n\r\n", plain_read, TEXT, plain_write);
        pair_close(&next);
    }
    return 0;
}
