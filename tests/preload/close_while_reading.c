// One thread is blocked reading a connection while another shuts it down and closes it, and the number comes
// back at once as another connection that is served. (H12)
//
// events: request.completed=50
#include "preload.h"

#include <pthread.h>

static int old;

static void *reads(void *unused)
{
    char bytes[1024];
    ssize_t k;
    size_t len = 0;
    while ((k = read(old, bytes + len, (size_t)(uintptr_t)unused)) > 0)
        len += (size_t)k;
    CHECK(k == 0 || errno == EBADF);
    return NULL;
}

int main(void)
{
    for (int i = 0; i < 50; i++) {
        struct pair pair = tcp_pair();
        old = pair.server;
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, reads, (void *)(uintptr_t)(i % 2 ? 10 : 600)) == 0);
        send_text(pair.client, "GET /old HT");
        int queued = 1; /* until the reader is back in its wait */
        while (queued > 0)
            CHECK(ioctl(pair.server, FIONREAD, &queued) == 0);
        sleep_ms(1);
        CHECK(shutdown(pair.server, SHUT_RDWR) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        int next = dial(&pair.address);
        CHECK(close(pair.server) == 0);
        struct pair again = {.client = next, .server = accept(pair.listener, NULL, NULL)};
        CHECK(again.server == old);
        exchange(&again, "GET /new HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
        CHECK(close(again.client) == 0 && close(again.server) == 0);
        CHECK(close(pair.client) == 0 && close(pair.listener) == 0);
    }
    return 0;
}
