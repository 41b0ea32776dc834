/*
 * cost_start: what a preloaded library adds to the start and end of a program that does nothing.
 *
 * For: bench.py. Starts PROGRAM in turns without and with LD_PRELOAD=LIBRARY and takes the time until it is
 * reaped. Prints one JSON object: medians in milliseconds, and the median of the differences of neighbours.
 *
 * usage: cost_start LIBRARY PROGRAM TIMES
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

static double now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static double start(char *program, char **envp)
{
    char *argv[] = {program, NULL};
    double begun = now_ms();
    int status;
    pid_t pid;

    if (posix_spawn(&pid, program, NULL, NULL, argv, envp) != 0 || waitpid(pid, &status, 0) != pid || status != 0)
        exit(2);
    return now_ms() - begun;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_size);
    return v[n / 2];
}

int main(int argc, char **argv)
{
    char preload[4096], *bare_env[] = {NULL}, *shim_env[] = {preload, NULL};
    int times = argc == 4 ? atoi(argv[3]) : 0, i;
    double *bare, *shim, *added;

    if (times < 1)
        return 2;
    bare = calloc((size_t)times, sizeof *bare);
    shim = calloc((size_t)times, sizeof *shim);
    added = calloc((size_t)times, sizeof *added);
    if (!bare || !shim || !added)
        return 2;
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", argv[1]);
    for (i = -5; i < times; i++) { /* the first five warm up */
        int at = i < 0 ? 0 : i;

        if (i & 1)
            bare[at] = start(argv[2], bare_env);
        shim[at] = start(argv[2], shim_env);
        if (!(i & 1))
            bare[at] = start(argv[2], bare_env);
        added[at] = shim[at] - bare[at];
    }
    printf("{\"bare_ms\": %.4f, \"shim_ms\": %.4f, \"added_ms\": %.4f}\n", median(bare, times),
           median(shim, times), median(added, times));
    return 0;
}
