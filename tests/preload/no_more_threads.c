// A service forbids itself all further processes and threads, as HAProxy does, each of its threads by itself and each in another way: its
// requests are told of, and a crash with its stack.
// owner: 65534
// valgrind: no, it tells of the fault itself
//
// exit: -11
// events: request.completed=2 service.crashed=1
// event: service.crashed signal=SIGSEGV requests_in_flight=1 request_id stack stack_id
// not-event: service.crashed stack_error
#include "crash.h"

#include <pthread.h>
#include <sys/syscall.h>

enum { THREADS = 3 };

static pthread_barrier_t ready;

static void *forbid(void *how)
{
    const struct rlimit none = {0, 0};

    pthread_barrier_wait(&ready);
    switch ((long)how) {
    case 0:
        CHECK(setrlimit(RLIMIT_NPROC, &none) == 0);
        break;
    case 1:
        CHECK(prlimit(0, RLIMIT_NPROC, &none, NULL) == 0);
        break;
    default:
        CHECK(syscall(SYS_prlimit64, getpid(), RLIMIT_NPROC, &none, NULL) == 0);
    }
    CHECK(fork() == -1 && errno == EAGAIN);
    return NULL;
}

int main(void)
{
    struct pair pair = tcp_pair();
    pthread_t threads[THREADS];
    struct rlimit now;

    if (geteuid() != 0)
        skip("needs root");
    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
    CHECK(pthread_barrier_init(&ready, NULL, THREADS) == 0);
    int next = dup(0);
    CHECK(close(next) == 0);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, forbid, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(dup(0) == next && getrlimit(RLIMIT_NPROC, &now) == 0 && now.rlim_cur == 0 && now.rlim_max == 0);
    CHECK(setrlimit(RLIMIT_NPROC, &(struct rlimit){1, 1}) == -1 && errno == EPERM);
    for (int i = 0; i < 2; i++)
        exchange(&pair, "GET /alone HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    in_flight("/crash");
    return *crash_null;
}
