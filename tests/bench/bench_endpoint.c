/*
 * What folding a target and matching it with a pattern costs, in ns. Build: see tests/bench/bench.mk.
 *
 * Prints the best of several runs, since everything else on the machine only ever adds.
 */
#include "proto/endpoint.h"
#include "proto/pattern.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { RUNS = 15, ROUNDS = 200000 };

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void measure_fold(const char *target)
{
    size_t n = strlen(target), len = 0;
    char out[OCTO_ENDPOINT_MAX];
    double best = 1e9;

    for (int run = 0; run < RUNS; run++) {
        double begin = now_ns();

        for (int round = 0; round < ROUNDS; round++) {
            __asm__ volatile("" : "+r"(target) : : "memory");
            len = octo_endpoint_fold(target, n, out);
            __asm__ volatile("" : : "r"(out) : "memory");
        }
        begin = (now_ns() - begin) / ROUNDS;
        best = begin < best ? begin : best;
    }
    printf("fold   %6.1f ns  %4zu bytes  %.60s -> %.*s\n", best, n, target, (int)len, out);
}

static void measure_match(const char *pattern, const char *target)
{
    size_t n = strlen(target), pattern_len = strlen(pattern);
    struct octo_capture captures[OCTO_PATTERN_CAPTURES];
    double best = 1e9;
    bool yes = false;

    for (int run = 0; run < RUNS; run++) {
        double begin = now_ns();

        for (int round = 0; round < ROUNDS; round++) {
            __asm__ volatile("" : "+r"(target), "+r"(pattern) : : "memory");
            yes = octo_pattern_match(pattern, pattern_len, target, n, captures);
            __asm__ volatile("" : : "r"(captures) : "memory");
        }
        begin = (now_ns() - begin) / ROUNDS;
        best = begin < best ? begin : best;
    }
    printf("match  %6.1f ns  %4zu bytes  %.60s %s %s\n", best, n, target, yes ? "is" : "is not", pattern);
}

int main(void)
{
    static char longest[1025];

    memset(longest, 'a', sizeof(longest) - 1);
    for (size_t i = 0; i < sizeof(longest) - 1; i += 25)
        longest[i] = i < 200 ? '/' : '1';
    measure_fold("/");
    measure_fold("/api/v1/users/profile/settings");
    measure_fold("/api/v1/tasks/12345678/comments");
    measure_fold("/u/550e8400-e29b-41d4-a716-446655440000/x");
    measure_fold("/t/01ARZ3NDEKTSV4RRFFQ69G5FAV");
    measure_fold("/static/js/main.8f3a2b1c.chunk.js");
    measure_fold("http://example.org/orders/order-1234?page=2&size=50");
    measure_fold(longest);
    measure_match("/users/{name}/posts/{id}", "/users/alice/posts/12345?page=2");
    measure_match("/users/{name}/posts/{id}", "/orders/alice/posts/12345?page=2");
    measure_match("/static/*", "/static/js/main.8f3a2b1c.chunk.js");
    measure_match("/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}", longest);
    return 0;
}
