// A program with a malloc of its own, which aborts within it, holding its lock: nothing of what is told needs memory of the service's.
// valgrind: no, aborts are meant
//
// exit: -6
// events: service.crashed=1 request.started=1
// event: service.crashed signal=SIGABRT signal_code=SI_TKILL requests_in_flight=1 request_id stack stack_id
// not-event: service.crashed stack_error
#include "crash.h"

#include <pthread.h>

static char arena[8 << 20] __attribute__((aligned(16)));
static size_t taken;
static volatile bool armed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void *malloc(size_t n)
{
    char *at;

    pthread_mutex_lock(&lock);
    if (armed)
        abort();
    at = arena + taken;
    CHECK(taken + n + 32 < sizeof arena);
    *(size_t *)(void *)at = n;
    taken += (n + 31) / 16 * 16;
    pthread_mutex_unlock(&lock);
    return at + 16;
}

void free(void *at)
{
    (void)at;
    if (armed)
        abort();
}

void *calloc(size_t n, size_t size)
{
    void *at = malloc(n * size);

    return memset(at, 0, n * size);
}

void *realloc(void *old, size_t n)
{
    void *at = malloc(n);

    if (old != NULL) {
        size_t was = *(size_t *)(void *)((char *)old - 16);
        memcpy(at, old, was < n ? was : n);
    }
    return at;
}

int main(void)
{
    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    in_flight("/malloc");
    say("now");
    armed = true;
    return malloc((size_t)crash_zero + 100) == NULL;
}
