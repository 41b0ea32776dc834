// glibc's public aliases: __read, __write, __send, __close, __dup2, __fcntl, __pipe, _IO_fdopen, _IO_fclose; and the
// twins of open that fortified programs call. What makes a descriptor under the number of a connection that was closed out
// of sight makes no connection of it. (H5, H9)
//
// events: request.started=7 request.completed=2 request.aborted=5
#include "preload.h"

#include <dlfcn.h>

ssize_t __read(int fd, void *bytes, size_t n);
ssize_t __write(int fd, const void *bytes, size_t n);
ssize_t __send(int fd, const void *bytes, size_t n, int flags);
int __close(int fd);
int __dup2(int fd, int to);
int __fcntl(int fd, int command, ...);
int __pipe(int pair[2]);
FILE *_IO_fdopen(int fd, const char *mode);
int _IO_fclose(FILE *file);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int at, const char *path, int flags);
int __openat64_2(int at, const char *path, int flags);

static ssize_t reads(int fd, void *bytes, size_t n)
{
    return __read(fd, bytes, n);
}

static ssize_t writes(int fd, void *bytes, size_t n)
{
    return __write(fd, bytes, n);
}

static ssize_t sends(int fd, void *bytes, size_t n)
{
    return __send(fd, bytes, n, MSG_NOSIGNAL);
}

static int by_open(void)
{
    return __open_2("file", O_RDWR);
}

static int by_open64(void)
{
    return __open64_2("file", O_RDWR);
}

static int by_openat(void)
{
    return __openat_2(AT_FDCWD, "file", O_RDWR);
}

static int by_openat64(void)
{
    return __openat64_2(AT_FDCWD, "file", O_RDWR);
}

static const char REQUEST[] = "GET /left HTTP/1.1\r\nHost: test\r\n\r\n";
static const char RESPONSE[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/* A connection with a request on it, closed where nobody sees it: its number is the next one free. */
static struct pair closed_unseen(void)
{
    int (*hidden_close)(int fd);
    struct pair pair = tcp_pair();
    char text[1024];

    *(void **)&hidden_close = dlsym(dlopen("libc.so.6", RTLD_LAZY), "close");
    send_text(pair.client, REQUEST);
    ids_optional();
    read_head(pair.server, plain_read, text, sizeof text);
    CHECK(hidden_close(pair.server) == 0);
    return pair;
}

/* The file that gets the number gets what is written, as it is. */
static void check_maker(int (*make)(void))
{
    struct pair pair = closed_unseen();

    CHECK(make() == pair.server);
    CHECK(write(pair.server, RESPONSE, strlen(RESPONSE)) == (ssize_t)strlen(RESPONSE));
    CHECK(lseek(pair.server, 0, SEEK_CUR) == (off_t)strlen(RESPONSE));
    pair_close(&pair);
}

/* And from a pipe comes what was written. */
static void check_pipe(void)
{
    struct pair pair = closed_unseen();
    char text[1024];
    int ends[2];

    CHECK(__pipe(ends) == 0 && ends[0] == pair.server);
    CHECK(write(ends[1], REQUEST, strlen(REQUEST)) == (ssize_t)strlen(REQUEST));
    CHECK(read(ends[0], text, sizeof text) == (ssize_t)strlen(REQUEST));
    CHECK(close(ends[1]) == 0);
    pair_close(&pair);
}

static void check_stdio(void)
{
    struct pair pair = tcp_pair();
    FILE *file = _IO_fdopen(pair.server, "r+");

    CHECK(file && _IO_fclose(file) == 0 && close(pair.server) == -1 && errno == EBADF);
    CHECK(close(pair.client) == 0 && close(pair.listener) == 0);
}

int main(void)
{
    struct pair pair = tcp_pair();
    exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", reads,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", writes);
    int copy = __fcntl(pair.server, F_DUPFD, 50);
    CHECK(copy == 50 && __dup2(copy, 60) == 60 && __close(50) == 0 && __close(pair.server) == 0);
    pair.server = 60;
    exchange(&pair, "GET /b HTTP/1.1\r\nHost: test\r\n\r\n", reads,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", sends);
    CHECK(__close(60) == 0 && __close(60) == -1 && errno == EBADF);
    int file = creat("file", 0600);
    CHECK(file >= 0 && close(file) == 0);
    check_stdio();
    check_maker(by_open);
    check_maker(by_open64);
    check_maker(by_openat);
    check_maker(by_openat64);
    check_pipe();
    return 0;
}
