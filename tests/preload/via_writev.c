// writev with many iovecs: empty ones, single bytes, 1021 to 1024 of them; 1025, a negative count and an
// overflowing length are EINVAL and send nothing. (H33)
// valgrind: no, lengths beyond memory are meant
//
// events: request.started=5 request.completed=5
#include "preload.h"

#include <limits.h>

static int most;
static volatile int too_many = 1025, negative = -1, huge = INT_MAX;

static ssize_t single_bytes(int fd, void *bytes, size_t n)
{
    struct iovec iov[1025];
    size_t count = n < (size_t)most ? n : (size_t)most;
    for (size_t i = 0; i < count; i++)
        iov[i] = (struct iovec){.iov_base = (char *)bytes + i, .iov_len = i + 1 == count ? n - i : 1};
    ssize_t k = writev(fd, iov, (int)count);
    CHECK(k > 0);
    return k;
}

static ssize_t with_gaps(int fd, void *bytes, size_t n)
{
    struct iovec iov[] = {{NULL, 0}, {bytes, n / 2}, {NULL, 0}, {(char *)bytes + n / 2, n - n / 2}, {NULL, 0}};
    return writev(fd, iov, COUNT(iov));
}

int main(void)
{
    static const char request[] = "GET /v HTTP/1.1\r\nHost: test\r\n\r\n";
    static char response[4000];
    sprintf(response, "HTTP/1.1 200 OK\r\nPad: %01500d\r\nContent-Length: 1000\r\n\r\n%01000d", 1, 2);
    struct pair pair = tcp_pair();
    for (most = 1021; most <= 1024; most++)
        exchange(&pair, request, plain_read, response, single_bytes);

    static struct iovec many[1025];
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = (struct iovec){.iov_base = response, .iov_len = 1};
    CHECK(writev(pair.server, many, too_many) == -1 && errno == EINVAL);
    CHECK(writev(pair.server, many, negative) == -1 && errno == EINVAL);
    CHECK(writev(pair.server, many, huge) == -1 && errno == EINVAL);
    CHECK(writev(pair.server, many, 0) == 0);
    struct iovec over[2] = {{response, SIZE_MAX / 2 + 1}, {response, SIZE_MAX / 2 + 1}};
    CHECK(writev(pair.server, over, 2) == -1 && errno == EINVAL);
    exchange(&pair, request, plain_read, response, with_gaps);
    pair_close(&pair);
    return 0;
}
