// Processes that are gone without a word: killed, or by a signal that is none of a crash. One that was on a request, or that handles SIGTERM, is
// told by a sibling; one that did neither, or answered all and left, is not.
// valgrind: no, it keeps children
//
// events: service.crashed=3
// event: service.crashed level=critical requests_in_flight=1 reason
// event: service.crashed requests_in_flight=0 reason
// not-event: service.crashed signal
// not-event: service.crashed stack
// not-event: service.crashed stack_error
#include "crash.h"

static void busy(void)
{
    in_flight("/busy");
    raise(SIGKILL);
}

static void hung_up(void)
{
    in_flight("/hung-up");
    raise(SIGHUP);
}

static void answer_one(void)
{
    struct pair pair = tcp_pair();

    exchange(&pair, "GET /one HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
}

static void stops(int number)
{
    _exit(number);
}

static void idle(void)
{
    answer_one();
    raise(SIGKILL);
}

static void steadfast(void)
{
    signal(SIGTERM, stops);
    answer_one();
    raise(SIGKILL);
}

static void orderly(void)
{
    signal(SIGTERM, stops);
    answer_one();
    raise(SIGTERM);
}

static void leaves(void)
{
    in_flight("/leaves");
    _exit(4);
}

int main(void)
{
    struct pair pair = tcp_pair();
    static const char why[] = "\"reason\": \"died without a word";
    pid_t told[] = {crash_child("busy", busy), crash_child("hung up", hung_up),
                    crash_child("steadfast", steadfast)};
    pid_t untold[] = {crash_child("idle", idle), crash_child("orderly", orderly), crash_child("leaves", leaves)};

    exchange(&pair, "GET /sibling HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    crash_told(told[0], why, "\"path\": \"/busy\"", NULL);
    crash_told(told[1], why, "\"path\": \"/hung-up\"", NULL);
    crash_told(told[2], why, "\"requests_in_flight\": 0,", NULL);
    for (size_t i = 0; i < COUNT(untold); i++)
        crash_untold(untold[i]);
    pair_close(&pair);
    return 0;
}
