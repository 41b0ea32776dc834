/* A whole program: three requests, as bare but for the IDs. For programs that are about their environment. */
#include "preload.h"

int main(void)
{
#ifdef INERT
    ids_absent();
#endif
    struct pair pair = tcp_pair();
    for (int i = 0; i < 3; i++)
        exchange(&pair, "PUT /three?token=secret HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello",
                 plain_read,
                 i == 2 ? "HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno"
                        : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                 plain_write);
    pair_close(&pair);
    return 0;
}
