// A service started as root drops to another user before its first request, as nginx's workers do; events go
// to a directory of that user. (H24)
// owner: 65534
//
// events: request.started=2 request.completed=2
#include "preload.h"

#include <grp.h>

int main(void)
{
    if (geteuid() != 0)
        skip("needs root");
    struct pair pair = tcp_pair();
    CHECK(setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
    CHECK(setuid(0) == -1 && errno == EPERM);
    for (int i = 0; i < 2; i++)
        exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    struct stat s;
    if (stat("events.log", &s) == 0)
        CHECK(s.st_uid == 65534);
    pair_close(&pair);
    return 0;
}
