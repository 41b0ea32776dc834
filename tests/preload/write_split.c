// The response goes out in two pieces, for every place to cut, the blank line's CR | LF among them; every
// write takes all of its piece. (H33)
//
// events: request.started=46 request.completed=46
#include "preload.h"

static size_t cut;
static size_t written;

static ssize_t piece(int fd, void *bytes, size_t n)
{
    if (written < cut && cut - written < n)
        n = cut - written;
    ssize_t k = write(fd, bytes, n);
    CHECK(k == (ssize_t)n);
    written += n;
    return k;
}

int main(void)
{
    static const char response[] = "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\nok";
    struct pair pair = tcp_pair();
    CHECK(sizeof response == 47);
    for (cut = 1; cut < sizeof response; cut++) {
        written = 0;
        exchange(&pair, "GET / HTTP/1.1\r\nHost: test\r\n\r\n", plain_read, response, piece);
    }
    pair_close(&pair);
    return 0;
}
