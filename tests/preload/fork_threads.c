// The first calls of a forked worker come from several threads at once: every connection is seen. (H20)
//
// events: request.started=320 request.completed=320
#include "preload.h"

#include <pthread.h>

enum { WORKERS = 40, THREADS = 8 };

static int listening;
static pthread_barrier_t start;

static void *serves(void *unused)
{
    (void)unused;
    pthread_barrier_wait(&start);
    int conn = accept(listening, NULL, NULL);
    CHECK(serve_next(conn) && close(conn) == 0);
    return NULL;
}

int main(void)
{
    struct address address;
    listening = listener(AF_INET, &address);
    for (int i = 0; i < WORKERS; i++) {
        int clients[THREADS];
        for (int j = 0; j < THREADS; j++)
            clients[j] = dial(&address);
        pid_t pid = forked();
        if (pid == 0) {
            pthread_t threads[THREADS];
            pthread_barrier_init(&start, NULL, THREADS);
            for (int j = 0; j < THREADS; j++)
                CHECK(pthread_create(&threads[j], NULL, serves, NULL) == 0);
            for (int j = 0; j < THREADS; j++)
                CHECK(pthread_join(threads[j], NULL) == 0);
            exit(0);
        }
        for (int j = 0; j < THREADS; j++) {
            get(clients[j], "/first");
            CHECK(close(clients[j]) == 0);
        }
        wait_ok(pid);
    }
    say("all answered");
    return 0;
}
