// The process ends while threads wait for clients to take what they have been sent: it ends at once, and those requests are
// aborted.
//
// events: request.started=8 request.completed=0 request.aborted=8
// event: request.aborted reason=service_exited duration_ms<150
#include "preload.h"

#include <pthread.h>

enum { CLIENTS = 8, BODY = 64 << 20 };

static struct pair pairs[CLIENTS];
static char body[BODY];

static void *serve_one(void *arg)
{
    const struct pair *pair = arg;
    char request[HEAD_MAX], head[100];
    int n = sprintf(head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BODY);
    struct iovec iov[] = {{head, (size_t)n}, {body, BODY}};

    read_head(pair->server, plain_read, request, sizeof request);
    writev(pair->server, iov, 2);
    check_failed(__FILE__, __LINE__, "the write waits for its client");
}

int main(void)
{
    struct pollfd there = {.events = POLLIN};
    pthread_t thread;

    for (int i = 0; i < CLIENTS; i++) {
        pairs[i] = tcp_pair();
        send_text(pairs[i].client, "GET /stuck HTTP/1.1\r\nHost: test\r\n\r\n");
        CHECK(pthread_create(&thread, NULL, serve_one, &pairs[i]) == 0);
        there.fd = pairs[i].client;
        CHECK(poll(&there, 1, 10000) == 1);
    }
    sleep_ms(20);
    exit(0);
}
