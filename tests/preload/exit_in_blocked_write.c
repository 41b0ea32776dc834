// The process ends while threads wait for clients to take what they have been sent: it ends at once, and those requests are
// aborted.
// valgrind: no, the time it takes is what is tested
//
// events: request.started=8+ request.completed=0 request.aborted=8+
// event: request.aborted reason=service_exited
#include "preload.h"

#include <pthread.h>

enum { CLIENTS = 8, BODY = 64 << 20, TRIES = 10, AT_ONCE_MS = 80 };

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

/* Tells when it exits. */
static void exit_amid(int told)
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
    CHECK(write(told, "", 1) == 1);
    exit(0);
}

int main(void)
{
    uint64_t best = UINT64_MAX;

    /* One that was not held up by others will do. */
    for (int n = 0; n < TRIES && best >= AT_ONCE_MS; n++) {
        int told[2];
        char byte;

        CHECK(pipe(told) == 0);
        pid_t child = forked();
        if (child == 0)
            exit_amid(told[1]);
        CHECK(read(told[0], &byte, 1) == 1);
        uint64_t begun = now_ms();
        wait_ok(child);
        if (now_ms() - begun < best)
            best = now_ms() - begun;
        CHECK(close(told[0]) == 0 && close(told[1]) == 0);
    }
    CHECK(best < AT_ONCE_MS);
    return 0;
}
