// One thread writes requests, another one reads the answers, which may be there before the write has returned; many requests on
// one connection, pipelined, and some that are answered early. Each is told of once, and nothing is lost. (H26)
//
// events: client.request.started=4000 client.request.completed=4000 client.request.failed=0
// env: LOG_LEVEL=debug
#include "preload.h"

#include <pthread.h>
#include <sys/syscall.h>

static long raw(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

enum { REQUESTS = 4000, WINDOW = 16 };
static const char request[] = "GET /a HTTP/1.1\r\nHost: t\r\nX-Request-ID: mine\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
static _Atomic int read_so_far;

/* The peer answers as soon as it has seen most of a request's head. */
static void *answers(void *arg)
{
    int fd = *(int *)arg;
    char bytes[512];
    size_t len = 0, answered = 0;
    long got;
    while ((got = raw(SYS_read, fd, (long)bytes, sizeof bytes)) > 0) {
        len += (size_t)got;
        for (; answered < len / (sizeof request - 1); answered++)
            CHECK(raw(SYS_write, fd, (long)response, sizeof response - 1) == (long)sizeof response - 1);
    }
    return NULL;
}

static void *reads(void *arg)
{
    int fd = *(int *)arg;
    char bytes[sizeof response - 1];
    for (int i = 0; i < REQUESTS; i++) {
        recv_all(fd, bytes, sizeof bytes);
        CHECK(memcmp(bytes, response, sizeof bytes) == 0);
        read_so_far = i + 1;
    }
    return NULL;
}

int main(void)
{
    struct pair outer = tcp_pair(); /* so that it is a service */
    struct address to;
    int listening = listener(AF_INET, &to), fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (const struct sockaddr *)&to.sa, to.len) == 0);
    int peer = (int)raw(SYS_accept, listening, 0, 0);
    pthread_t threads[2];
    CHECK(pthread_create(&threads[0], NULL, answers, &peer) == 0);
    CHECK(pthread_create(&threads[1], NULL, reads, &fd) == 0);
    for (int i = 0; i < REQUESTS; i++) {
        while (i - read_so_far >= WINDOW)
            sched_yield();
        CHECK(write(fd, request, sizeof request - 1) == (ssize_t)sizeof request - 1);
    }
    CHECK(pthread_join(threads[1], NULL) == 0);
    shutdown(fd, SHUT_WR);
    CHECK(pthread_join(threads[0], NULL) == 0);
    close(fd);
    pair_close(&outer);
    say("over");
    return 0;
}
