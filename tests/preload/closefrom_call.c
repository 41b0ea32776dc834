// closefrom ends connections; their numbers come back fresh; what is below stays. (H12)
// valgrind: no, it keeps descriptors among the service's own
//
// events: request.started=3 request.completed=3
#include "preload.h"

int main(void)
{
    static const char request[] = "GET /a HTTP/1.1\r\nHost: test\r\n\r\n";
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    struct pair pair = tcp_pair();
    exchange(&pair, request, plain_read, response, plain_write);
    int file = open("/dev/null", O_RDONLY);
    CHECK(file > pair.server);
    closefrom(file);
    CHECK(fcntl(file, F_GETFD) == -1);
    exchange(&pair, request, plain_read, response, plain_write);
    int server = pair.server;
    CHECK(server > pair.client && pair.client > pair.listener);
    closefrom(server);
    CHECK(write(server, "x", 1) == -1 && errno == EBADF);
    char byte;
    CHECK(recv(pair.client, &byte, 1, 0) == 0);
    close(pair.client);
    pair.client = dial(&pair.address);
    pair.server = accept(pair.listener, NULL, NULL);
    exchange(&pair, request, plain_read, response, plain_write);
    closefrom(3);
    char text[100];
    open_descriptors(text, sizeof text);
    say("left: %s", text);
    return 0;
}
