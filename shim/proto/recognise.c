/* Recognising: see recognise.h. Each protocol says yes, no, or not yet; the first yes wins, all no is none. */
#include "proto/recognise.h"

#include <string.h>

const char octo_protocol_names[OCTO_PROTOCOLS][12] = {"", "", "postgresql", "mysql", "redis", "http", "tls"};

enum verdict { NO, YES, NOT_YET };

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Length, itself included, and a code: version 3.x, or one of the three requests that may come before. */
static enum verdict postgresql(const uint8_t *p, size_t n)
{
    enum { MAJOR = 3, CANCEL = 80877102, SSL, GSS, STARTUP_MAX = 10000 };
    uint32_t len, code;

    if (n >= 1 && p[0] != 0)
        return NO;
    if (n < 8)
        return NOT_YET;
    len = be32(p);
    code = be32(p + 4);
    return (code >> 16 == MAJOR && len > 8 && len <= STARTUP_MAX) || ((code == SSL || code == GSS) && len == 8) ||
                   (code == CANCEL && len == 16)
               ? YES
               : NO;
}

/* A packet's length (3 bytes, low first), number 0; protocol version 10, the server's version: a text. */
static enum verdict mysql(const uint8_t *p, size_t n)
{
    enum { GREETING_MIN = 20, GREETING_MAX = 1023 };
    uint32_t len;

    if (n < 6)
        return (n > 2 && p[2] != 0) || (n > 3 && p[3] != 0) || (n > 4 && p[4] != 10) ? NO : NOT_YET;
    len = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
    return len >= GREETING_MIN && len <= GREETING_MAX && p[3] == 0 && p[4] == 10 && p[5] >= '0' && p[5] <= '9'
               ? YES
               : NO;
}

/* An array of one to three digits of texts: "*1\r\n$". */
static enum verdict redis(const uint8_t *p, size_t n)
{
    size_t i = 1;

    if (n >= 1 && p[0] != '*')
        return NO;
    while (i < n && i <= 3 && p[i] >= (i == 1 ? '1' : '0') && p[i] <= '9')
        i++;
    if (i < n && i == 1)
        return NO;
    for (const char *end = "\r\n$"; *end != '\0'; end++, i++)
        if (i >= n)
            return NOT_YET;
        else if (p[i] != (uint8_t)*end)
            return NO;
    return YES;
}

/* A method that clients use, and a blank. PRI begins HTTP/2. */
static enum verdict http(const uint8_t *p, size_t n)
{
    static const char methods[][9] = {"GET ",     "HEAD ",    "POST ",  "PUT ",   "DELETE ",
                                      "CONNECT ", "OPTIONS ", "TRACE ", "PATCH ", "PRI "};
    enum verdict verdict = NO;

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        size_t len = strlen(methods[i]);

        if (memcmp(p, methods[i], n < len ? n : len) != 0)
            continue;
        if (n >= len)
            return YES;
        verdict = NOT_YET;
    }
    return verdict;
}

/* A handshake record of TLS 1.0 to 1.3 (SSL 3.0 has the same major), with a ClientHello. */
static enum verdict tls(const uint8_t *p, size_t n)
{
    if ((n >= 1 && p[0] != 0x16) || (n >= 2 && p[1] != 3) || (n >= 3 && p[2] > 4))
        return NO;
    return n < 6 ? NOT_YET : p[5] == 1 ? YES : NO;
}

static const struct {
    bool client; /* who speaks first */
    uint8_t protocol;
    enum verdict (*look)(const uint8_t *p, size_t n);
} looks[] = {
    {true, OCTO_PROTOCOL_POSTGRESQL, postgresql},
    {false, OCTO_PROTOCOL_MYSQL, mysql},
    {true, OCTO_PROTOCOL_REDIS, redis},
    {true, OCTO_PROTOCOL_HTTP, http},
    {true, OCTO_PROTOCOL_TLS, tls},
};

enum octo_protocol octo_recognise(bool client, const uint8_t *first, size_t n)
{
    enum octo_protocol answer = OCTO_PROTOCOL_NONE;

    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        enum verdict verdict = looks[i].client == client ? looks[i].look(first, n) : NO;

        if (verdict == YES)
            return (enum octo_protocol)looks[i].protocol;
        if (verdict == NOT_YET)
            answer = OCTO_PROTOCOL_UNDECIDED;
    }
    return answer;
}
