// A service that leaves, and crashes on its way: in what atexit has, after main, in another thread meanwhile, or in a destructor. It dies as bare,
// without delay.
// valgrind: no, it tells of the faults itself
//
// events: service.crashed=4 request.started=4 request.completed=4
#include "crash.h"

#include <pthread.h>

static volatile bool armed;

static void fault(void)
{
    crash_zero = *crash_null;
}

static void serve_one(void)
{
    struct pair pair = tcp_pair();

    exchange(&pair, "GET /exit HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
}

__attribute__((destructor)) static void last(void)
{
    if (armed)
        abort();
}

static void by_atexit(void)
{
    atexit(fault);
    serve_one();
    exit(3);
}

static void by_quick_exit(void)
{
    at_quick_exit(fault);
    serve_one();
    quick_exit(3);
}

static void by_destructor(void)
{
    serve_one();
    armed = true;
    exit(3);
}

static void *meanwhile(void *unused)
{
    sleep_ms(20);
    fault();
    return unused;
}

static void slow(void)
{
    sleep_ms(200);
}

static void by_thread(void)
{
    pthread_t thread;

    atexit(slow);
    serve_one();
    CHECK(pthread_create(&thread, NULL, meanwhile, NULL) == 0);
    exit(3);
}

int main(void)
{
    crash_child("atexit", by_atexit);
    crash_child("quick_exit", by_quick_exit);
    crash_child("destructor", by_destructor);
    crash_child("thread", by_thread);
    return 0;
}
