/*
 * Recognising protocols by their first bytes: what real clients and servers send, what is near it, and that a decision stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/recognise.h"

#include <string.h>

struct example {
    bool client;
    enum octo_protocol protocol;
    const char *bytes;
    size_t n;
};

#define BYTES(literal) literal, sizeof(literal) - 1

static const struct example examples[] = {
    {true, OCTO_PROTOCOL_POSTGRESQL, BYTES("\0\0\0\x08\x04\xd2\x16\x2f")},                     /* SSLRequest */
    {true, OCTO_PROTOCOL_POSTGRESQL, BYTES("\0\0\0\x08\x04\xd2\x16\x30")},                     /* GSSENCRequest */
    {true, OCTO_PROTOCOL_POSTGRESQL, BYTES("\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02")}, /* CancelRequest */
    {true, OCTO_PROTOCOL_POSTGRESQL, BYTES("\0\0\0\x13\0\x03\0\0user\0me\0\0")},               /* 3.0 */
    {true, OCTO_PROTOCOL_POSTGRESQL, BYTES("\0\0\0\x13\0\x03\0\x02user\0me\0\0")},             /* 3.2 */
    {true, OCTO_PROTOCOL_NONE, BYTES("\0\0\0\x13\0\x02\0\0user")},                             /* 2.0 */
    {true, OCTO_PROTOCOL_NONE, BYTES("\0\0\0\x09\x04\xd2\x16\x2f")},
    {true, OCTO_PROTOCOL_NONE, BYTES("\0\x10\0\0\0\x03\0\0")},
    {false, OCTO_PROTOCOL_NONE, BYTES("\0\0\0\x13\0\x03\0\0user\0me\0\0")}, /* a server does not say that */
    {false, OCTO_PROTOCOL_MYSQL,
     BYTES("\x4a\0\0\0\x0a"
           "8.0.36\0")},
    {false, OCTO_PROTOCOL_MYSQL,
     BYTES("\x59\0\0\0\x0a"
           "5.5.5-10.11.6-MariaDB-0+deb12u1\0")},
    {true, OCTO_PROTOCOL_NONE,
     BYTES("\x4a\0\0\0\x0a"
           "8.0.36\0")},
    {false, OCTO_PROTOCOL_NONE,
     BYTES("\x4a\0\0\x01\x0a"
           "8.0.36\0")},
    {false, OCTO_PROTOCOL_NONE,
     BYTES("\x4a\0\0\0\x09"
           "4.0.36\0")},
    {false, OCTO_PROTOCOL_NONE, BYTES("220 mail.example.org ESMTP\r\n")},
    {false, OCTO_PROTOCOL_NONE, BYTES("SSH-2.0-OpenSSH_9.2\r\n")},
    {true, OCTO_PROTOCOL_REDIS, BYTES("*1\r\n$4\r\nPING\r\n")},
    {true, OCTO_PROTOCOL_REDIS, BYTES("*512\r\n$4\r\nMGET\r\n")},
    {true, OCTO_PROTOCOL_NONE, BYTES("*0\r\n$4\r\nPING\r\n")},
    {true, OCTO_PROTOCOL_NONE, BYTES("*1\n$4\nPING\n")},
    {true, OCTO_PROTOCOL_NONE, BYTES("*1234\r\n$4\r\n")},
    {true, OCTO_PROTOCOL_NONE, BYTES("*1\r\n+OK\r\n")},
    {true, OCTO_PROTOCOL_HTTP, BYTES("GET / HTTP/1.1\r\n")},
    {true, OCTO_PROTOCOL_HTTP, BYTES("OPTIONS * HTTP/1.1\r\n")},
    {true, OCTO_PROTOCOL_HTTP, BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")},
    {true, OCTO_PROTOCOL_NONE, BYTES("GETTY / HTTP/1.1\r\n")},
    {true, OCTO_PROTOCOL_NONE, BYTES("get / HTTP/1.1\r\n")},
    {true, OCTO_PROTOCOL_NONE, BYTES("HELO example.org\r\n")},
    {false, OCTO_PROTOCOL_NONE, BYTES("GET / HTTP/1.1\r\n")},
    {true, OCTO_PROTOCOL_TLS, BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")},
    {true, OCTO_PROTOCOL_NONE, BYTES("\x16\x03\x01\x02\x00\x02\x00\x01\xfc\x03\x03")}, /* no ClientHello */
    {true, OCTO_PROTOCOL_NONE, BYTES("\x17\x03\x03\x02\x00\x01\x00\x01\xfc\x03\x03")},
    {true, OCTO_PROTOCOL_NONE, BYTES("\x10\x0e\0\x04MQTT\x04\x02")},
};
enum { EXAMPLES = sizeof(examples) / sizeof(examples[0]) };

static void examples_are_told(void **state)
{
    (void)state;
    for (unsigned i = 0; i < EXAMPLES; i++) {
        const struct example *e = &examples[i];

        if (octo_recognise(e->client, (const uint8_t *)e->bytes, e->n) != e->protocol)
            fail_msg("example %u", i);
    }
}

/* Of every beginning: the answer is not yet, or the one that it stays at. */
static void decisions_stay(void **state)
{
    (void)state;
    for (unsigned i = 0; i < EXAMPLES; i++) {
        const struct example *e = &examples[i];
        enum octo_protocol last = octo_recognise(e->client, (const uint8_t *)e->bytes, 0);

        if (last != OCTO_PROTOCOL_UNDECIDED)
            fail_msg("example %u, no bytes", i);
        for (size_t n = 1; n <= e->n; n++) {
            enum octo_protocol now = octo_recognise(e->client, (const uint8_t *)e->bytes, n);

            if (last != OCTO_PROTOCOL_UNDECIDED && now != last)
                fail_msg("example %u, %zu bytes: %d after %d", i, n, now, last);
            last = now;
        }
    }
}

/* Whatever the bytes are, enough of them decide, and what is behind them does not matter. */
static void enough_decides(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (unsigned round = 0; round < 300000; round++) {
        const struct example *e = &examples[round % EXAMPLES];
        uint8_t bytes[OCTO_RECOGNISE_MAX + 8] = {0};
        enum octo_protocol short_of, all;

        memcpy(bytes, e->bytes, e->n < sizeof(bytes) ? e->n : sizeof(bytes));
        for (unsigned changes = 0; changes < round % 4; changes++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bytes[(seed >> 33) % sizeof(bytes)] = (uint8_t)(seed >> 56);
        }
        short_of = octo_recognise(e->client, bytes, OCTO_RECOGNISE_MAX);
        all = octo_recognise(e->client, bytes, sizeof(bytes));
        if (short_of == OCTO_PROTOCOL_UNDECIDED || short_of != all)
            fail_msg("round %u: %d, %d", round, short_of, all);
        for (unsigned n = 1, last = 0; n <= OCTO_RECOGNISE_MAX; n++) {
            unsigned now = octo_recognise(e->client, bytes, n);

            if (last != OCTO_PROTOCOL_UNDECIDED && now != last)
                fail_msg("round %u, %u bytes: %u after %u", round, n, now, last);
            last = now;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_are_told),
        cmocka_unit_test(decisions_stay),
        cmocka_unit_test(enough_decides),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
