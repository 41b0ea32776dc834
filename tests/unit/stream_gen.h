/*
 * Random HTTP streams: pipelined messages of every framing, and some that are none.
 *
 * For: the editors' models, and the fuzzers' first corpus.
 */
#ifndef OCTO_TESTS_STREAM_GEN_H
#define OCTO_TESTS_STREAM_GEN_H

#include "choices.h"
#include "proto/framer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { STREAM_MAX = 6000, STREAM_MESSAGES = 16 };

struct stream_text {
    uint8_t bytes[STREAM_MAX];
    size_t len;
    uint8_t methods[STREAM_MESSAGES]; /* responses: of the requests they answer, in turn */
};

static inline void __attribute__((format(printf, 2, 3))) gen_put(struct stream_text *s, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf((char *)s->bytes + s->len, STREAM_MAX - s->len, format, args);
    va_end(args);
    if (n > 0 && s->len + (size_t)n < STREAM_MAX)
        s->len += (size_t)n;
}

/* Body bytes; some look like the end of a head, or like a head. */
static inline void gen_data(struct stream_text *s, struct choices *c, size_t n)
{
    static const char bait[] = "\r\n\r\nGET / HTTP/1.1\r\nA: b\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    size_t from = choose(c, sizeof(bait) - 1);

    if (s->len + n > STREAM_MAX)
        n = STREAM_MAX - s->len;
    for (size_t i = 0; i < n; i++)
        s->bytes[s->len++] = (uint8_t)bait[(from + i) % (sizeof(bait) - 1)];
}

static inline size_t gen_size(struct choices *c)
{
    switch (choose(c, 6)) {
    case 0:
        return 0;
    case 1:
        return 1 + choose(c, 5);
    case 5:
        return choose(c, 1200);
    default:
        return choose(c, 60);
    }
}

static inline void gen_chunks(struct stream_text *s, struct choices *c)
{
    static const char *const after[] = {"", "", ";a", ";a=b;c=\"d e\"", " ; x"};

    for (uint32_t i = choose(c, 4); i > 0; i--) {
        size_t n = 1 + gen_size(c);

        if (s->len + n + 200 > STREAM_MAX)
            break;
        gen_put(s, choose(c, 2) ? "%zx%s\r\n" : "%05zX%s\r\n", n, after[choose(c, 5)]);
        gen_data(s, c, n);
        gen_put(s, "\r\n");
    }
    gen_put(s, "0%s\r\n", after[choose(c, 5)]);
    for (uint32_t i = choose(c, 3); i > 0; i--)
        gen_put(s, "Trailer-%u: X-Request-ID\r\n", i);
    gen_put(s, "\r\n");
}

static inline void gen_fields(struct stream_text *s, struct choices *c)
{
    static const char *const fields[] = {
        "Host: a.example\r\n",
        "Accept: */*\r\n",
        "A:\r\n",
        "User-Agent: some agent or other, 1.0\r\n",
        "Connection: keep-alive\r\n",
        "Connection: close, X-Request-ID\r\n",
        "X-Request-ID: abc-1\r\n",
        "x-request-id: two words\r\n",
        "X-Request-ID:\r\n",
        "Cookie: c=0123456789012345678901234567890123456789\r\n",
    };

    for (uint32_t i = choose(c, 4); i > 0; i--)
        gen_put(s, "%s", fields[choose(c, rarely(c, 3) ? 10 : 5)]);
}

/* The blank line and a body, framed in one of the ways that are allowed. */
static inline void gen_rest(struct stream_text *s, struct choices *c, bool body)
{
    size_t n;

    switch (choose(c, 3)) {
    case 0:
        gen_put(s, "\r\n");
        break;
    case 1:
        n = gen_size(c);
        if (s->len + n + 200 > STREAM_MAX)
            n = 0;
        gen_put(s, "Content-Length: %zu\r\n\r\n", n);
        if (body)
            gen_data(s, c, n);
        break;
    default:
        gen_put(s, "Transfer-Encoding: chunked\r\n\r\n");
        if (body)
            gen_chunks(s, c);
        break;
    }
}

static inline void gen_request(struct stream_text *s, struct choices *c)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT"};

    if (rarely(c, 16))
        gen_put(s, "\r\n");
    gen_put(s, "%s /%u HTTP/1.1\r\n", methods[rarely(c, 20) ? 5 : choose(c, 5)], choose(c, 1000));
    gen_fields(s, c);
    gen_rest(s, c, true);
}

static inline void gen_response(struct stream_text *s, struct choices *c, enum octo_method method)
{
    static const int codes[] = {200, 404, 204, 304, 201, 500};
    int code = codes[choose(c, 6)];

    while (rarely(c, 5))
        gen_put(s, "HTTP/1.1 %d Wait\r\nLink: x\r\n\r\n", rarely(c, 8) ? 101 : choose(c, 2) ? 100 : 103);
    gen_put(s, "HTTP/1.1 %d Reason\r\n", code);
    gen_fields(s, c);
    if (rarely(c, 10)) { /* until close: the last one, if it has a body */
        gen_put(s, "\r\n");
        return;
    }
    if (code == 204 && !rarely(c, 10))
        gen_put(s, choose(c, 2) ? "\r\n" : "Content-Length: 0\r\n\r\n");
    else
        gen_rest(s, c, method != OCTO_METHOD_HEAD && code != 204 && code != 304);
}

static inline void gen_stream(struct stream_text *s, enum octo_role role, struct choices *c)
{
    s->len = 0;
    for (size_t i = 0; i < STREAM_MESSAGES; i++) {
        s->methods[i] = OCTO_METHOD_OTHER;
        if (role == OCTO_RESPONSE && rarely(c, 5))
            s->methods[i] = rarely(c, 6) ? OCTO_METHOD_CONNECT : OCTO_METHOD_HEAD;
    }
    for (uint32_t i = 0, n = 1 + choose(c, 5); i < n; i++) {
        if (role == OCTO_REQUEST)
            gen_request(s, c);
        else
            gen_response(s, c, (enum octo_method)s->methods[i]);
    }
    if (rarely(c, 6) && s->len > 0) /* a fault somewhere */
        s->bytes[choose(c, (uint32_t)s->len)] = (uint8_t)choose(c, 256);
    if (rarely(c, 8) && s->len > 0) /* cut off */
        s->len = 1 + choose(c, (uint32_t)s->len);
}

#endif
