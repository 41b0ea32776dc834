/*
 * What framing one head costs, in ns.
 *
 *   cc -O2 -Ishim tests/bench/bench_framer.c shim/proto/{framer,head,field,request_id}.c && ./a.out
 *
 * Each round copies a fresh framer, as an editor does, and feeds it one head that lies in one buffer. Prints the
 * best of several runs, since everything else on the machine only ever adds.
 */
#include "proto/framer.h"

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

static void measure(const char *name, enum octo_role role, const char *head)
{
    static struct octo_head_text text;
    struct octo_framer start;
    size_t n = strlen(head);
    double best = 1e9;

    octo_framer_init(&start, role);
    start.text = role == OCTO_REQUEST ? &text : NULL;
    for (int run = 0; run < RUNS; run++) {
        double begin = now_ns();

        for (int round = 0; round < ROUNDS; round++) {
            struct octo_framer f = start;
            enum octo_verdict verdict;
            size_t at = octo_framer_feed(&f, (const uint8_t *)head, n, &verdict);

            at += octo_framer_feed(&f, (const uint8_t *)head + at, n - at, &verdict);
            if (at != n || f.reason != OCTO_OPAQUE_NONE) {
                printf("%s: not framed\n", name);
                return;
            }
            __asm__ volatile("" : : "r"(&f) : "memory");
        }
        begin = (now_ns() - begin) / ROUNDS;
        best = begin < best ? begin : best;
    }
    printf("%-34s %4zu bytes  %6.1f ns\n", name, n, best);
}

int main(void)
{
    measure("request of wrk", OCTO_REQUEST, "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n");
    measure("request of curl", OCTO_REQUEST,
            "GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n");
    measure("request with an ID", OCTO_REQUEST,
            "GET /tasks/123 HTTP/1.1\r\nHost: orders.example\r\nX-Request-ID: req_0123456789abcdef\r\n"
            "Connection: keep-alive\r\nAccept: application/json\r\n\r\n");
    measure("request of a browser", OCTO_REQUEST,
            "GET /a/b/c?d=e HTTP/1.1\r\nHost: www.example.org\r\nConnection: keep-alive\r\n"
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 "
            "Safari/537.36\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
            "Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.9\r\n"
            "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\r\n");
    measure("response of a small service", OCTO_RESPONSE,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n"
            "Date: Mon, 10 Nov 2025 10:30:45 GMT\r\n\r\n");
    measure("response of nginx", OCTO_RESPONSE,
            "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 10 Nov 2025 10:30:45 GMT\r\n"
            "Content-Type: text/plain\r\nContent-Length: 0\r\nLast-Modified: Mon, 10 Nov 2025 10:30:45 GMT\r\n"
            "Connection: keep-alive\r\nETag: \"6911beef-3\"\r\nAccept-Ranges: bytes\r\n\r\n");
    return 0;
}
