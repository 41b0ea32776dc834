// Urgent data in both directions between messages passes; ordinary reads do not see it. (H33, H36)
#include "preload.h"

int main(void)
{
    char byte;
    ids_optional();
    struct pair pair = tcp_pair();
    exchange(&pair, "GET /1 HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    CHECK(send(pair.server, "!", 1, MSG_OOB) == 1);
    CHECK(poll(&(struct pollfd){.fd = pair.client, .events = POLLPRI}, 1, 5000) == 1);
    CHECK(recv(pair.client, &byte, 1, MSG_OOB) == 1 && byte == '!');
    CHECK(send(pair.client, "?", 1, MSG_OOB) == 1);
    CHECK(poll(&(struct pollfd){.fd = pair.server, .events = POLLPRI}, 1, 5000) == 1);
    CHECK(recv(pair.server, &byte, 1, MSG_OOB) == 1 && byte == '?');
    CHECK(recv(pair.server, &byte, 1, MSG_OOB) == -1 && errno == EINVAL);
    exchange(&pair, "GET /2 HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
