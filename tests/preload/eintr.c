// A signal during a blocked read, recv and accept: EINTR without SA_RESTART, and the call goes on with it;
// with half a head read and with small buffers too. (law 1)
// valgrind: no, it is too slow for these alarms
//
// events: request.started=1 request.completed=1
#include "preload.h"

#include <sys/time.h>

static volatile sig_atomic_t alarms;

static void ring(int signal)
{
    (void)signal;
    alarms++;
}

static void alarm_in_ms(int ms, int again_ms)
{
    const struct itimerval timer = {.it_value.tv_usec = ms * 1000, .it_interval.tv_usec = again_ms * 1000};
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

int main(void)
{
    char bytes[2048], id[ID_SIZE];
    const size_t sizes[] = {1, 20, 600};
    struct pair pair = tcp_pair();
    struct sigaction action = {.sa_handler = ring};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    for (int half = 0; half < 2; half++) {
        if (half) {
            send_text(pair.client, "GET /eintr HTT");
            CHECK(read(pair.server, bytes, 14) == 14);
        }
        for (size_t i = 0; i < COUNT(sizes); i++) {
            alarm_in_ms(5, 0);
            CHECK(read(pair.server, bytes + 14, sizes[i]) == -1 && errno == EINTR);
            alarm_in_ms(5, 0);
            CHECK(recv(pair.server, bytes + 14, sizes[i], 0) == -1 && errno == EINTR);
        }
        alarm_in_ms(5, 0);
        CHECK(accept(pair.listener, NULL, NULL) == -1 && errno == EINTR);
    }
    say("EINTR each time, %d alarms", (int)alarms);

    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    alarms = 0;
    alarm_in_ms(3, 3);
    pid_t pid = forked(); /* timers are not inherited */
    if (pid == 0) {
        sleep_ms(40);
        send_text(pair.client, "P/1.1\r\nHost: test\r\n\r\n");
        _exit(0);
    }
    size_t len = 14;
    while (head_length(bytes, len) == 0) {
        ssize_t k = read(pair.server, bytes + len, 7);
        CHECK(k > 0);
        len += (size_t)k;
    }
    alarm_in_ms(0, 0);
    CHECK(alarms > 0);
    wait_ok(pid);
    show("restarted", bytes, check_request(bytes, len, id));
    reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, id));
    pair_close(&pair);
    return 0;
}
