/* How long the encoder takes for one event, in nanoseconds. Build: see tests/bench/bench.mk. */
#include "export/encode.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static struct octo_record *record(enum octo_event_kind kind, const char *target)
{
    struct octo_record *r = calloc(1, OCTO_RECORD_MAX);
    char *p = r->text;

    r->kind = (uint8_t)kind;
    r->level = OCTO_INFO;
    r->family = OCTO_PEER_IPV4;
    memcpy(r->peer, (uint8_t[]){192, 168, 17, 204}, 4);
    r->pid = 12345;
    r->status = 200;
    r->flags = OCTO_RECORD_HAS_STATUS;
    r->duration_ns = 1234567;
    r->ttfb_ns = 987654;
    r->bytes_in = 131;
    r->bytes_out = 2048;
    r->id_len = 20;
    p = octo_put_bytes(p, "req_0123456789abcdef", 20);
    r->method_len = 3;
    p = octo_put_bytes(p, "GET", 3);
    r->host_len = 14;
    p = octo_put_bytes(p, "127.0.0.1:8080", 14);
    r->target_len = (uint16_t)strlen(target);
    octo_put_bytes(p, target, r->target_len);
    return r;
}

static void measure(const char *name, bool json, struct octo_record *r)
{
    enum { BATCH = 64, ROUNDS = 4000, RUNS = 9 };
    static char out[BATCH * 1024 + OCTO_LINE_ROOM];
    static struct octo_encoder e;
    double best = 1e9;
    size_t bytes = 0;

    octo_encoder_init(&e, json, "orders", "production", "1.4.2");
    for (int run = 0; run < RUNS; run++) {
        uint64_t start = now_ns();

        for (int round = 0; round < ROUNDS; round++) {
            char *p = out;

            for (int i = 0; i < BATCH; i++) {
                r->mono_ns += 12345;
                p += octo_encode(&e, r, 1762770645000000000, p);
            }
            bytes = (size_t)(p - out) / BATCH;
        }
        double ns = (double)(now_ns() - start) / (BATCH * ROUNDS);

        best = ns < best ? ns : best;
    }
    printf("%-34s %6.1f ns  %4zu bytes\n", name, best, bytes);
}

int main(void)
{
    measure("request.started", true, record(OCTO_EV_REQUEST_STARTED, "/api/v1/tasks/123"));
    measure("request.completed", true, record(OCTO_EV_REQUEST_COMPLETED, "/api/v1/tasks/123"));
    measure(
        "request.completed, 100-byte path", true,
        record(
            OCTO_EV_REQUEST_COMPLETED,
            "/api/v1/organisations/0123456789/projects/abcdefghijkl/tasks/123/attachments/final-report-2025.pdf"));
    measure("request.completed, console", false, record(OCTO_EV_REQUEST_COMPLETED, "/api/v1/tasks/123"));
    return 0;
}
