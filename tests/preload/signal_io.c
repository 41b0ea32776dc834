// A SIGALRM handler a millisecond after the last does I/O itself: on a pipe, and a whole request on another connection,
// in the middle of the main program's calls; errno is kept for both. (H26)
//
// events: request.started=400+ request.completed=400+ request.aborted=0
#include "preload.h"

#include <sys/time.h>

static int ends[2], inner_client, inner_conn;
static volatile sig_atomic_t runs;

/* Once: under valgrind a handler takes longer than that, and a steady beat would leave the main program no time. */
static void alarm_in_a_millisecond(void)
{
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 1000}, NULL) == 0);
}

static void handler(int signal)
{
    (void)signal;
    int saved = errno;
    char bytes[512], id[ID_SIZE];
    if (write(ends[1], "x", 1) != 1 || read(ends[0], bytes, sizeof bytes) != 1)
        _exit(3);
    send_text(inner_client, "GET /inner HTTP/1.1\r\nHost: test\r\n\r\n");
    size_t len = 0;
    while (head_length(bytes, len) == 0)
        len += (size_t)read(inner_conn, bytes + len, runs % 2 ? 10 : sizeof bytes - len);
    check_request(bytes, len, id);
    reply(inner_conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    recv_response(inner_client, bytes, sizeof bytes, 2, id);
    runs++;
    alarm_in_a_millisecond();
    errno = saved;
}

int main(void)
{
    struct pair inner = tcp_pair(), pair = tcp_pair();
    inner_client = inner.client;
    inner_conn = inner.server;
    CHECK(pipe(ends) == 0);
    const struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    alarm_in_a_millisecond();
    for (int i = 0; i < 400 || runs < 20; i++) {
        char bytes[1024], id[ID_SIZE];
        send_text(pair.client, "GET /outer HTTP/1.1\r\nHost: test\r\n\r\n");
        size_t len = 0;
        while (head_length(bytes, len) == 0) {
            ssize_t k = read(pair.server, bytes + len, i % 2 ? 13 : sizeof bytes - len);
            CHECK(k > 0);
            len += (size_t)k;
        }
        check_request(bytes, len, id);
        reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        recv_response(pair.client, bytes, sizeof bytes, 2, id);
    }
    CHECK(signal(SIGALRM, SIG_IGN) == handler);
    say("all answered");
    return 0;
}
