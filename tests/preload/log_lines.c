// What the program writes to standard output and error, line by line, in pieces, by threads, with the descriptors copied,
// replaced and closed: the same with rules that look at its lines.
//
// events: request.started=3 request.completed=3
#include "preload.h"

#include <pthread.h>
#include <sys/sendfile.h>

static const char line[] = "{\"level\": \"error\", \"event\": \"task.failed\", \"code\": 7}\n";

static void put(int fd, const char *text, size_t n)
{
    CHECK(write(fd, text, n) == (ssize_t)n);
}

static void *writes(void *arg)
{
    for (int i = 0; i < 200; i++)
        put(*(int *)arg, line, sizeof line - 1);
    return NULL;
}

static size_t size_of(int fd)
{
    struct stat st;
    CHECK(fstat(fd, &st) == 0);
    return (size_t)st.st_size;
}

int main(void)
{
    transcript = dup(1);
    struct pair pair = tcp_pair();
    exchange(&pair, "GET /log HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);

    for (size_t cut = 0; cut < sizeof line; cut += 5) {
        put(1, line, cut);
        put(1, line + cut, sizeof line - 1 - cut);
        CHECK(writev(1,
                     (struct iovec[]){{(void *)(uintptr_t)line, cut},
                                      {(void *)(uintptr_t)(line + cut), sizeof line - 1 - cut}},
                     2) == sizeof line - 1);
    }
    CHECK(printf("%s", line) > 0 && fflush(stdout) == 0);
    put(1, "{", 1);
    put(1, "\n\n", 2);
    errno = ERANGE;
    CHECK(write(1, line, 0) == 0 && errno == ERANGE);

    int file = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(dup2(file, 1) == 1 && dup2(file, 2) == 2);
    put(1, line, sizeof line - 1);
    put(2, line, sizeof line - 1);
    CHECK(sendfile(1, file, &(off_t){0}, 10) == 10);
    CHECK(pwrite(1, "x", 1, 0) == 1);
    int both[] = {1, 2};
    pthread_t thread[2];
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&thread[i], NULL, writes, &both[i]) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    say("bytes: %zu", size_of(file));

    close(1);
    CHECK(write(1, line, 5) == -1 && errno == EBADF);
    CHECK(open("other", O_WRONLY | O_CREAT, 0600) == 1);
    put(1, line, sizeof line - 1);
    close(1);
    int ends[2];
    CHECK(pipe(ends) == 0 && ends[0] == 1); /* standard output is what is read from now */
    put(ends[1], line, sizeof line - 1);
    char bytes[256];
    CHECK(read(1, bytes, sizeof bytes) == sizeof line - 1 && memcmp(bytes, line, sizeof line - 1) == 0);
    close(1);
    pair = tcp_pair(); /* the listener is 1 */
    CHECK(pair.listener == 1);
    exchange(&pair, "GET /one HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    CHECK(dup2(pair.server, 1) == 1); /* standard output is a connection of ours */
    pair.listener = pair.server;
    pair.server = 1;
    exchange(&pair, "GET /two HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    say("over");
    return 0;
}
