// A service that wipes its environment and overwrites argv, as nginx and others do for their titles, is
// served as it was started. (settings.h; H22)
// env: SERVICE_NAME=orders
//
// events: request.started=2 request.completed=2
// event: request.completed service=orders
#include "preload.h"

int main(int argc, char **argv)
{
    extern char **environ;
    for (char **e = environ; *e; e++)
        memset(*e, 'x', strlen(*e));
    for (int i = 0; i < argc; i++)
        memset(argv[i], 'y', strlen(argv[i]));
    CHECK(clearenv() == 0);
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++)
        exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
