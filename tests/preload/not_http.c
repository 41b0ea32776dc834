// Redis, TLS, an HTTP/2 preface, SMTP where the server speaks first, random bytes: untouched both ways,
// whatever the sizes, and HTTP that follows is untouched too. (H41, law 2)
//
// events: request.started=0 request.completed=0
#include "preload.h"

static void both_ways(const char *name, const void *up, size_t up_len, const void *down, size_t down_len)
{
    static const char http[] = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";
    for (size_t step = 1; step <= 4096; step *= 64) {
        char bytes[8192];
        struct pair pair = tcp_pair();
        send_all(pair.client, up, up_len);
        for (size_t len = 0; len < up_len;) {
            ssize_t k = read(pair.server, bytes + len, step);
            CHECK(k > 0);
            len += (size_t)k;
            CHECK(len <= up_len);
        }
        CHECK(memcmp(bytes, up, up_len) == 0);
        for (size_t len = 0; len < down_len; len += step)
            write_all(pair.server, plain_write, (const char *)down + len,
                      step < down_len - len ? step : down_len - len);
        recv_all(pair.client, bytes, down_len);
        CHECK(memcmp(bytes, down, down_len) == 0);
        send_text(pair.client, http);
        CHECK(read(pair.server, bytes, sizeof bytes) == (ssize_t)strlen(http));
        CHECK(memcmp(bytes, http, strlen(http)) == 0);
        pair_close(&pair);
    }
    say("%s", name);
}

int main(void)
{
    static const char redis[] = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n", bulk[] = "$5\r\nhello\r\n";
    static const char inline_redis[] = "PING\r\n", pong[] = "+PONG\r\n";
    static const char tls[] = "\x16\x03\x01\x00\x2c\x01\x00\x00\x28\x03\x03GET / HTTP/1.1\r\n\r\n";
    static const char hello[] = "\x16\x03\x03\x00\x04\x02\x00\x00\x00";
    static const char h2[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    static const char settings[] = "\x00\x00\x00\x04\x01\x00\x00\x00\x00";
    char random[4000];
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (char)((state = state * 1664525 + 1013904223) >> 24);
    both_ways("redis", redis, sizeof redis - 1, bulk, sizeof bulk - 1);
    both_ways("redis inline", inline_redis, sizeof inline_redis - 1, pong, sizeof pong - 1);
    both_ways("tls", tls, sizeof tls - 1, hello, sizeof hello - 1);
    both_ways("http/2", h2, sizeof h2 - 1, settings, sizeof settings - 1);
    both_ways("random", random, sizeof random, random, sizeof random);
    both_ways("looks like a method", "GETTING 1\r\n", 11, "HTTP/1.1 200 OK\r\n\r\n", 19);

    struct pair pair = tcp_pair(); /* SMTP: the service speaks first */
    char bytes[256];
    CHECK(write(pair.server, "220 ready\r\n", 11) == 11);
    recv_all(pair.client, bytes, 11);
    send_text(pair.client, "EHLO a\r\n");
    CHECK(read(pair.server, bytes, sizeof bytes) == 8);
    show("smtp", bytes, 8);
    pair_close(&pair);
    return 0;
}
