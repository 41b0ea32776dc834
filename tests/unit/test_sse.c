/* Server-sent events and JSON lines: examples from the specification, and against the model in any pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sse_model.h"

static unsigned dice(unsigned below)
{
    return (unsigned)rand() % below;
}

static void check(const char *stream, bool lines, const char *wanted)
{
    for (size_t most = 1; most < 12; most++) {
        struct sse_text t = {NULL, 0, 0};

        sse_real(&t, (const uint8_t *)stream, strlen(stream), lines, most, dice);
        sse_put(&t, "", 1);
        assert_string_equal(t.at, wanted);
        free(t.at);
    }
}

static void examples(void **state)
{
    (void)state;
    check("data: YHOO\ndata: +2\ndata: 10\n\n", false, "[YHOO\n+2\n10]");
    check(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n", false,
          "[first event][second event][ third event]");
    check("data\n\ndata:\ndata:\n\ndata:\n", false, "[\n][");
    check("event: x\r\ndata: a\r\n\r\ndata: b\r\rdata: c\n\n", false, "[a][b][c]");
    check("data: {\"never\":\"ended\"}\n", false, "[{\"never\":\"ended\"}");
    check("dat: a\nxdata: b\ndata : c\nDATA: d\n\n", false, "");
    check("\n\n\r\n", false, "");
    check("{\"a\":1}\n\n{\"a\":2}\r\n{\"a\":3}", true, "[{\"a\":1}][{\"a\":2}][{\"a\":3}]");
}

static void like_the_model(void **state)
{
    static const char *const parts[] = {"data:", "data: ", "data", "\n",         "\n",        "\r\n", "\r",
                                        "x",     ":",      " ",    "event: e\n", "{\"a\":1}", "\n\n"};

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        struct sse_text stream = {NULL, 0, 0}, wanted = {NULL, 0, 0}, found = {NULL, 0, 0};
        bool lines = round % 4 == 0;

        for (unsigned n = dice(30); n > 0; n--) {
            const char *part = parts[dice(sizeof parts / sizeof *parts)];

            sse_put(&stream, part, strlen(part));
        }
        sse_put(&stream, "", 1);
        sse_model(&wanted, (const uint8_t *)stream.at, stream.len - 1, lines);
        sse_real(&found, (const uint8_t *)stream.at, stream.len - 1, lines, 1 + dice(9), dice);
        if (wanted.len != found.len || (wanted.len > 0 && memcmp(wanted.at, found.at, wanted.len) != 0))
            fail_msg("of \"%s\"\nwanted %.*s\nfound  %.*s", stream.at, (int)wanted.len, wanted.at, (int)found.len,
                     found.at);
        free(stream.at);
        free(wanted.at);
        free(found.at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples),
        cmocka_unit_test(like_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
