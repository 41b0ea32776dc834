// Threads with the smallest stack that glibc allows, and a handler on a small alternate stack, serve: the
// hooks need little stack, for big gathers too. (H26)
// valgrind: no, it needs more stack itself
//
// events: request.started=6 request.completed=6
#include "preload.h"

#include <limits.h>
#include <pthread.h>

static struct pair pair;
static char bytes[4096], id[ID_SIZE];
static struct iovec iov[1024];

static void serve_small(void)
{
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    size_t len = 0;
    while (head_length(bytes, len) == 0) {
        ssize_t k = read(pair.server, bytes + len, 11);
        if (k <= 0)
            _exit(2);
        len += (size_t)k;
    }
    check_request(bytes, len, id);
    for (size_t i = 0; i < COUNT(iov); i++)
        iov[i] = (struct iovec){(char *)(uintptr_t)response + (i < 40 ? i : 0), i < 40};
    for (size_t done = 0; done < strlen(response);) {
        ssize_t k = writev(pair.server, iov + done, (int)(COUNT(iov) - done));
        if (k <= 0)
            _exit(3);
        done += (size_t)k;
    }
}

static void *thread_main(void *unused)
{
    serve_small();
    return unused;
}

static void handler(int signal)
{
    (void)signal;
    serve_small();
}

static void ask(void)
{
    send_text(pair.client, "GET /small HTTP/1.1\r\nHost: test\r\n\r\n");
}

static void answered(const char *where)
{
    char text[256];
    recv_response(pair.client, text, sizeof text, 2, id);
    say("%s", where);
}

int main(void)
{
    pair = tcp_pair();
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN) == 0);
    static char stack[8192];
    CHECK(sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL) == 0);
    const struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        ask();
        CHECK(pthread_create(&thread, &attributes, thread_main, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        answered("thread");
        ask();
        raise(SIGUSR1);
        answered("alternate stack");
    }
    pair_close(&pair);
    return 0;
}
