// A Unix stream socket with a path.
//
// events: request.started=2 request.completed=2
#include "preload.h"

int main(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "service.sock"};
    struct pair pair = {.listener = socket(AF_UNIX, SOCK_STREAM, 0), .client = socket(AF_UNIX, SOCK_STREAM, 0)};
    CHECK(bind(pair.listener, (struct sockaddr *)&un, sizeof un) == 0 && listen(pair.listener, 5) == 0);
    CHECK(connect_unseen(pair.client, (struct sockaddr *)&un, sizeof un) == 0);
    pair.server = accept(pair.listener, NULL, NULL);
    for (int i = 0; i < 2; i++)
        exchange(&pair, "PUT /u HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
