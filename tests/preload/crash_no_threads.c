// Threads cannot be had any more, as the user has as many as it may, and memory cannot either: a service that crashes is told of all but the
// stack, where the writer runs already; and dies without delay in any case.
// owner: 65534
// valgrind: no, it tells of the faults itself
//
// events: service.crashed=2
// event: service.crashed signal=SIGSEGV requests_in_flight=1 request_id
#include "crash.h"

/* Until its writer runs. */
static void serve_one(void)
{
    struct pair pair = tcp_pair();

    exchange(&pair, "GET /first HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    sleep_ms(100);
}

static void no_threads(void)
{
    CHECK(setgid(65534) == 0 && setuid(65534) == 0);
    serve_one();
    in_flight("/no-threads");
    CHECK(setrlimit(RLIMIT_NPROC, &(struct rlimit){0, 0}) == 0);
    crash_zero = *crash_null;
}

static void no_memory(void)
{
    serve_one();
    in_flight("/no-memory");
    CHECK(setrlimit(RLIMIT_AS, &(struct rlimit){4096, 4096}) == 0);
    crash_zero = *crash_null;
}

int main(void)
{
    if (geteuid() != 0)
        skip("needs root");
    crash_told(crash_child("no threads", no_threads), "\"path\": \"/no-threads\"", "\"request_id\": ", "\"stack",
               NULL);
    crash_told(crash_child("no memory", no_memory), "\"path\": \"/no-memory\"", "\"request_id\": ", "\"stack",
               NULL);
    return 0;
}
