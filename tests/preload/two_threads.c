// One thread reads pipelined requests while another writes responses on the same connection. (H26)
//
// events: request.started=300 request.completed=300
#include "preload.h"

#include <pthread.h>
#include <semaphore.h>

enum { REQUESTS = 300 };
static struct pair pair;
static char ids[REQUESTS][ID_SIZE];
static sem_t ready, answered;

static void *reads(void *unused)
{
    (void)unused;
    static char bytes[8192];
    size_t len = 0;
    for (int i = 0; i < REQUESTS; i++) {
        while (head_length(bytes, len) == 0) {
            ssize_t k = read(pair.server, bytes + len, sizeof bytes - len < 2000 ? sizeof bytes - len : 2000);
            CHECK(k > 0);
            len += (size_t)k;
        }
        len = check_request(bytes, len, ids[i]);
        size_t head = head_length(bytes, len);
        len -= head;
        memmove(bytes, bytes + head, len);
        sem_post(&ready);
    }
    return NULL;
}

static void *writes(void *unused)
{
    (void)unused;
    for (int i = 0; i < REQUESTS; i++) {
        CHECK(sem_wait(&ready) == 0);
        reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    return NULL;
}

static void *asks(void *unused)
{
    (void)unused;
    for (int i = 0; i < REQUESTS; i += 10) {
        char text[1024] = "";
        for (int j = 0; j < 10; j++)
            strcat(text, "GET /two HTTP/1.1\r\nHost: test\r\n\r\n");
        send_text(pair.client, text);
        CHECK(sem_wait(&answered) == 0);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[3];
    pair = tcp_pair();
    sem_init(&ready, 0, 0);
    sem_init(&answered, 0, 0);
    CHECK(pthread_create(&threads[0], NULL, reads, NULL) == 0);
    CHECK(pthread_create(&threads[1], NULL, writes, NULL) == 0);
    CHECK(pthread_create(&threads[2], NULL, asks, NULL) == 0);
    for (int i = 0; i < REQUESTS; i++) {
        char bytes[256];
        recv_response(pair.client, bytes, sizeof bytes, 2, ids[i]);
        if (i % 10 == 4) /* so that 15 are under way at most */
            sem_post(&answered);
    }
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    say("all answered");
    pair_close(&pair);
    return 0;
}
