// pthread_cancel ends a thread that is blocked in accept, in reads with big and small buffers, with half a
// head read, in recvmsg, splice and write; the connection serves on. (H28)
// valgrind: no, it has trouble with threads cancelled in system calls
//
// events: request.started=2 request.completed=2
#include "preload.h"

#include <pthread.h>

static struct pair pair;
static int way, ends[2];
static volatile int cleaned;

static void cleanup(void *unused)
{
    (void)unused;
    cleaned++;
}

static void *blocks(void *unused)
{
    (void)unused;
    static char bytes[1 << 16];
    struct iovec iov = {bytes, 30};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    pthread_cleanup_push(cleanup, NULL);
    if (way == 0)
        accept(pair.listener, NULL, NULL);
    else if (way == 1)
        read(pair.server, bytes, 4096);
    else if (way == 2)
        read(pair.server, bytes, 10);
    else if (way == 3)
        recvmsg(pair.server, &m, 0);
    else if (way == 4)
        recv(pair.server, bytes, 10, MSG_PEEK);
    else if (way == 5)
        splice(pair.server, NULL, ends[1], NULL, 100, 0);
    else
        for (;;)
            write(pair.server, bytes, sizeof bytes);
    pthread_cleanup_pop(0);
    return NULL;
}

static void cancelled(const char *what)
{
    pthread_t thread;
    void *result = NULL;
    cleaned = 0;
    CHECK(pthread_create(&thread, NULL, blocks, NULL) == 0);
    sleep_ms(20);
    CHECK(pthread_cancel(thread) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    say("%s: cancelled %d, cleaned %d", what, result == PTHREAD_CANCELED, cleaned);
    way++;
}

int main(void)
{
    char bytes[1024], id[ID_SIZE];
    pair = tcp_pair();
    cancelled("accept");
    cancelled("read");
    cancelled("small read");
    cancelled("recvmsg");
    send_text(pair.client, "GET /c HT");
    CHECK(read(pair.server, bytes, 9) == 9);
    way = 1;
    cancelled("read in a head");
    cancelled("small read in a head");
    cancelled("recvmsg in a head");
    cancelled("peek in a head");
    send_text(pair.client, "TP/1.1\r\nHost: test\r\n\r\n");
    size_t len = 9;
    while (head_length(bytes, len) == 0)
        len += (size_t)read(pair.server, bytes + len, sizeof bytes - len);
    show("service", bytes, check_request(bytes, len, id));
    reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, id));
    CHECK(pipe(ends) == 0);
    way = 5;
    cancelled("splice");
    exchange(&pair, "GET /after HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    cancelled("write");
    pair_close(&pair);
    return 0;
}
