// A service that changes its root before it is known to be one: what it has in there is all that there is, its log as well.
//
// events: request.completed=2
#include "preload.h"

#include <sys/stat.h>

int main(void)
{
    if (geteuid() != 0)
        skip("needs root");
    CHECK(chroot("/") == 0);
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++)
        exchange(&pair, "GET /jailed HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    if (shimmed()) {
        struct stat log = {0};
        for (int ms = 0; log.st_size == 0 && ms < 3000; ms += 20, sleep_ms(20))
            stat(getenv("OCTOSHIM_LOG"), &log);
        CHECK(log.st_size > 0);
    }
    return 0;
}
