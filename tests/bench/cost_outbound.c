/*
 * What a request that a service makes costs: exchanges with a peer over loopback on a connection that the shim sees, against the
 * same on one that it does not see, by libc's own functions; in turns, in one process, while a client's request is being served.
 *
 *   LD_PRELOAD=liboctoshim.so cost_outbound      {"thread_ns": …, "process_ns": …, "wait_ns": …}
 *
 * thread: added to the thread that asks; process: to all threads, the shim's writer among them; wait: to a poll() of nothing.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKS = 31, EXCHANGES = 1500, POLLS = 20000, DRAIN_US = 30000 };

static const char REQUEST[] =
    "GET /v1/things/17?full=1 HTTP/1.1\r\nHost: things.internal:8080\r\nUser-Agent: bench/1.0\r\n"
    "Accept: application/json\r\nConnection: keep-alive\r\n\r\n";
static const char RESPONSE[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"a\": true}";

typedef ssize_t read_fn(int, void *, size_t);
typedef ssize_t write_fn(int, const void *, size_t);
typedef int poll_fn(struct pollfd *, nfds_t, int);
struct calls {
    read_fn *read;
    write_fn *write;
    poll_fn *poll;
};

/* By an instruction: what the shim does not see. */
static long raw(long number, long a, long b, long c)
{
    long result;

    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static int listening(struct sockaddr_in *at)
{
    socklen_t len = sizeof(*at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, (struct sockaddr *)at, sizeof(*at)) != 0 || listen(fd, 4) != 0 ||
        getsockname(fd, (struct sockaddr *)at, &len) != 0)
        fail("listen");
    return fd;
}

static void *answers(void *arg)
{
    int fd = (int)(long)arg;
    char bytes[4096];

    while (raw(SYS_read, fd, (long)bytes, sizeof(bytes)) > 0)
        raw(SYS_write, fd, (long)RESPONSE, sizeof(RESPONSE) - 1);
    return NULL;
}

/* A connection whose peer answers each request. */
static int connection(int listener, const struct sockaddr_in *at, int seen)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    pthread_t thread;

    if (seen ? connect(fd, (const struct sockaddr *)at, sizeof(*at)) != 0
             : raw(SYS_connect, fd, (long)at, sizeof(*at)) != 0)
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (pthread_create(&thread, NULL, answers, (void *)raw(SYS_accept, listener, 0, 0)) != 0)
        fail("pthread_create");
    return fd;
}

static double now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ns of CPU an exchange, of this thread and of the process. */
static void block(const struct calls *by, int fd, double *thread, double *process)
{
    double t = now(CLOCK_THREAD_CPUTIME_ID), p = now(CLOCK_PROCESS_CPUTIME_ID);
    char bytes[1024];

    for (int i = 0; i < EXCHANGES; i++)
        if (by->write(fd, REQUEST, sizeof(REQUEST) - 1) != (ssize_t)sizeof(REQUEST) - 1 ||
            by->read(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(RESPONSE) - 1)
            fail("exchange");
    *thread = (now(CLOCK_THREAD_CPUTIME_ID) - t) / EXCHANGES;
    usleep(DRAIN_US); /* for the writer */
    *process = (now(CLOCK_PROCESS_CPUTIME_ID) - p) / EXCHANGES;
}

static double polls(const struct calls *by)
{
    double t = now(CLOCK_THREAD_CPUTIME_ID);

    for (int i = 0; i < POLLS; i++)
        by->poll(NULL, 0, 0);
    return (now(CLOCK_THREAD_CPUTIME_ID) - t) / POLLS;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, BLOCKS, sizeof(*values), ascending);
    return values[BLOCKS / 2];
}

int main(void)
{
    static const char outer[] = "GET /outer HTTP/1.1\r\nHost: bench\r\n\r\n";
    static double thread[BLOCKS], process[BLOCKS], wait[BLOCKS];
    struct calls linked = {read, write, poll}, libc = {0};
    void *handle = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    struct sockaddr_in front, back;
    int service = listening(&front), upstream = listening(&back), client, served, seen, unseen;
    char bytes[1024];

    *(void **)&libc.read = dlsym(handle, "read");
    *(void **)&libc.write = dlsym(handle, "write");
    *(void **)&libc.poll = dlsym(handle, "poll");
    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (raw(SYS_connect, client, (long)&front, sizeof(front)) != 0 || (served = accept(service, NULL, NULL)) < 0 ||
        raw(SYS_write, client, (long)outer, sizeof(outer) - 1) < 0 || read(served, bytes, sizeof(bytes)) <= 0)
        fail("outer request");
    seen = connection(upstream, &back, 1);
    unseen = connection(upstream, &back, 0);
    for (int i = -2; i < BLOCKS; i++) { /* the first ones warm up */
        double a[3], b[3];

        if (i & 1)
            block(&libc, unseen, &b[0], &b[1]);
        block(&linked, seen, &a[0], &a[1]);
        if (!(i & 1))
            block(&libc, unseen, &b[0], &b[1]);
        a[2] = polls(&linked);
        b[2] = polls(&libc);
        if (i < 0)
            continue;
        thread[i] = a[0] - b[0];
        process[i] = a[1] - b[1];
        wait[i] = a[2] - b[2];
    }
    printf("{\"thread_ns\": %.1f, \"process_ns\": %.1f, \"wait_ns\": %.2f}\n", median(thread), median(process),
           median(wait));
    return 0;
}
