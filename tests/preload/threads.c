// Eight threads serve 200 connections of four client processes, two requests each; every client checks its
// own IDs and bodies. (H20, H31)
//
// events: request.started=400 request.completed=400 request.aborted=0
#include "preload.h"

#include <pthread.h>

enum { THREADS = 8, CLIENTS = 4, CONNECTIONS = 200 };
static int listening;
static _Atomic int left = CONNECTIONS;

static void *serves(void *unused)
{
    while (left-- > 0)
        serve(accept(listening, NULL, NULL));
    return unused;
}

int main(void)
{
    struct address address;
    listening = listener(AF_INET, &address);
    pid_t pids[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        if ((pids[i] = forked()) == 0) {
            for (int j = 0; j < CONNECTIONS / CLIENTS; j++) {
                char path[40];
                sprintf(path, "/%d/%d", i, j);
                int client = dial(&address);
                get(client, path);
                get(client, path);
                CHECK(close(client) == 0);
            }
            _exit(0);
        }
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, serves, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < CLIENTS; i++)
        wait_ok(pids[i]);
    say("all served");
    return 0;
}
