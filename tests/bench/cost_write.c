/*
 * cost_write: what a write() to a descriptor that is none of the shim's business costs.
 *
 * For: bench.py, which runs it bare and preloaded. The process listens first, so that a preloaded shim is
 * fully awake. Blocks of calls to the write() that the program was linked to (the hook, if there is one)
 * alternate with blocks of calls to libc's own, found behind the preload's back with dlsym on libc's handle:
 * so the difference is taken within one process and a few microseconds apart.
 * Prints one JSON object: medians over the blocks, in nanoseconds a call.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKS = 201, CALLS = 5000 };

typedef ssize_t write_fn(int, const void *, size_t);

static double now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double block(write_fn *volatile call, int fd)
{
    write_fn *fn = call;
    double start = now_ns();
    int i;

    for (i = 0; i < CALLS; i++)
        if (fn(fd, "x", 1) != 1)
            exit(2);
    return (now_ns() - start) / CALLS;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(double *v)
{
    qsort(v, BLOCKS, sizeof *v, by_size);
    return v[BLOCKS / 2];
}

static void measure(const char *name, const char *path, write_fn *libc_write, const char *end)
{
    static double linked[BLOCKS], direct[BLOCKS], added[BLOCKS];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), i;

    if (fd < 0)
        exit(2);
    for (i = -10; i < BLOCKS; i++) { /* the first ten warm up */
        double a, b;

        lseek(fd, 0, SEEK_SET);
        a = i & 1 ? block(write, fd) : block(libc_write, fd);
        lseek(fd, 0, SEEK_SET);
        b = i & 1 ? block(libc_write, fd) : block(write, fd);
        if (i < 0)
            continue;
        linked[i] = i & 1 ? a : b;
        direct[i] = i & 1 ? b : a;
        added[i] = linked[i] - direct[i];
    }
    close(fd);
    printf("\"%s\": {\"linked_ns\": %.2f, \"libc_ns\": %.2f, \"added_ns\": %.2f}%s", name, median(linked),
           median(direct), median(added), end);
}

int main(int argc, char **argv)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    write_fn *libc_write;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (argc != 2 || !libc || bind(listener, (struct sockaddr *)&any, sizeof any) != 0 ||
        listen(listener, 1) != 0) {
        fprintf(stderr, "usage: cost_write FILE\n");
        return 2;
    }
    *(void **)&libc_write = dlsym(libc, "write");
    printf("{");
    measure("null", "/dev/null", libc_write, ", ");
    measure("file", argv[1], libc_write, "}\n");
    unlink(argv[1]);
    return 0;
}
