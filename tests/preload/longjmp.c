// A time limit on a read, the old way: a signal handler jumps out of the blocked call. The connection goes on as before,
// its next request has its ID; also in the middle of a head. (H26, H28)
//
// events: request.started=2 request.completed=2 shim.degraded=0
#include "preload.h"

#include <setjmp.h>
#include <sys/time.h>

static sigjmp_buf out;

static void leave(int signal)
{
    (void)signal;
    siglongjmp(out, 1);
}

/* A read of n bytes that nobody answers within 30 ms. */
static void give_up_reading(int fd, size_t n)
{
    char bytes[1024];
    struct itimerval soon = {.it_value = {.tv_usec = 30000}};

    if (sigsetjmp(out, 1) == 0) {
        CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
        (void)!read(fd, bytes, n);
        CHECK(!"read gave nothing back");
    }
}

int main(void)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    char bytes[1024], id[ID_SIZE];

    CHECK(signal(SIGALRM, leave) != SIG_ERR);
    struct pair pair = tcp_pair();
    give_up_reading(pair.server, sizeof bytes);
    give_up_reading(pair.server, 10);
    exchange(&pair, "GET /late HTTP/1.1\r\nHost: test\r\n\r\n", plain_read, answer, plain_write);

    send_text(pair.client, "GET /half HTT");
    recv_all(pair.server, bytes, 13);
    give_up_reading(pair.server, sizeof bytes - 13);
    give_up_reading(pair.server, 10);
    send_text(pair.client, "P/1.1\r\nHost: test\r\n\r\n");
    size_t len = 13;
    while (head_length(bytes, len) == 0)
        len += (size_t)read(pair.server, bytes + len, sizeof bytes - len);
    show("service", bytes, check_request(bytes, len, id));
    reply(pair.server, answer);
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, id));
    pair_close(&pair);
    return 0;
}
