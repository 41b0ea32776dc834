// An echo service of arbitrary bytes of all sizes, blocking: what comes back is what was sent, and every call
// returns what it would bare. (law 2)
//
// events: request.started=0
#include "preload.h"

int main(void)
{
    static unsigned char sent[5000], got[5000];
    uint32_t state = 7;
    struct pair pair = tcp_pair();
    for (size_t n = 1; n < sizeof sent; n = n * 3 / 2 + 1) {
        for (size_t i = 0; i < n; i++)
            sent[i] = (unsigned char)((state = state * 1664525 + 1013904223) >> 24);
        send_all(pair.client, sent, n);
        size_t len = 0;
        while (len < n) {
            ssize_t k = read(pair.server, got + len, sizeof got - len);
            CHECK(k > 0);
            CHECK(write(pair.server, got + len, (size_t)k) == k);
            len += (size_t)k;
        }
        memset(got, 0, n);
        recv_all(pair.client, got, n);
        CHECK(memcmp(sent, got, n) == 0);
        show("echo", got, n);
    }
    pair_close(&pair);
    return 0;
}
