// The call that has given the last byte of a response to the kernel has not yet returned, as one does not whose thread is
// put off the processor just then, and another thread exits or closes the connection: its client has the response, and the
// request is completed.
//
// events: request.started=2 request.completed=2 request.aborted=0
// event: request.completed path=/exit status_code=200
// event: request.completed path=/close status_code=200
#include "preload.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>

static struct pair pair;
static sem_t answered;

/* The client's socket has raised it in the very call that has brought it something to read. */
static void put_off(int signal)
{
    (void)signal;
    sem_post(&answered);
    sleep_ms(2);
}

static void *serve_one(void *unused)
{
    char request[HEAD_MAX];
    struct f_owner_ex me = {F_OWNER_TID, (pid_t)syscall(SYS_gettid)};

    (void)unused;
    CHECK(fcntl(pair.client, F_SETOWN_EX, &me) == 0);
    read_head(pair.server, plain_read, request, sizeof request);
    CHECK(fcntl(pair.client, F_SETFL, O_ASYNC) == 0);
    reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    return NULL;
}

static void answer_late(const char *path, bool close_it)
{
    struct sigaction action = {.sa_handler = put_off, .sa_flags = SA_RESTART};
    char text[HEAD_MAX];
    pthread_t thread;

    pair = tcp_pair();
    CHECK(sem_init(&answered, 0, 0) == 0 && sigaction(SIGIO, &action, NULL) == 0);
    sprintf(text, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path);
    send_text(pair.client, text);
    CHECK(pthread_create(&thread, NULL, serve_one, NULL) == 0);
    CHECK(sem_wait(&answered) == 0);
    show("response", text, recv_response(pair.client, text, sizeof text, 2, ""));
    if (!close_it)
        exit(0);
    CHECK(close(pair.server) == 0 && pthread_join(thread, NULL) == 0);
}

int main(void)
{
    pid_t child = forked();

    if (child == 0)
        answer_late("/exit", false);
    wait_ok(child);
    answer_late("/close", true);
    return 0;
}
