/*
 * RESP's framing: messages of all types, made at random with what is in them known, in every split.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/resp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was found: "number:text;" for each text, "!" if it was no RESP. */
static char found[65536];

static uint64_t message; /* which one the last text was in */

static void run(const char *bytes, size_t n, size_t step)
{
    struct octo_resp r = {0};
    size_t begun = SIZE_MAX, len = 0;

    for (size_t done = 0; done < n; done += step) {
        /* Of exactly its size, so that a sanitizer sees what reads beyond it. */
        size_t now = step < n - done ? step : n - done;
        uint8_t *copy = malloc(now);
        const uint8_t *at = copy, *text;
        enum octo_resp_event event;
        size_t got;

        assert_non_null(copy);
        memcpy(copy, bytes + done, now);
        while ((event = octo_resp_next(&r, &at, copy + now, &text, &got)) == OCTO_RESP_TEXT ||
               event == OCTO_RESP_END) {
            if (begun == SIZE_MAX) {
                begun = len;
                len += (size_t)sprintf(found + len, "%u:", r.number);
                message = r.messages;
            }
            if (event == OCTO_RESP_TEXT) {
                memcpy(found + len, text, got);
                len += got;
            } else {
                found[len++] = ';';
                begun = SIZE_MAX;
            }
        }
        if (event == OCTO_RESP_MORE)
            assert_ptr_equal(at, copy + now);
        free(copy);
        if (event == OCTO_RESP_BAD) {
            found[len++] = '!';
            break;
        }
    }
    found[len] = '\0';
}

static void finds(const char *bytes, const char *wanted)
{
    for (size_t step = 1; step <= strlen(bytes); step++) {
        run(bytes, strlen(bytes), step);
        assert_string_equal(found, wanted);
    }
}

static void texts_have_numbers(void **state)
{
    (void)state;
    finds("*1\r\n$4\r\nPING\r\n", "1:PING;");
    finds("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$0\r\n\r\n*1\r\n$4\r\nINFO\r\n", "1:SET;2:a;3:;1:INFO;");
    finds("$5\r\na\r\nb\n\r\n+OK\r\n$-1\r\n$1\r\nx\r\n", "0:a\r\nb\n;0:x;");
    finds("-ERR no\r\n:12\r\n,1.5\r\n#t\r\n_\r\n(123\r\n=6\r\ntxt:ab\r\n", "0:txt:ab;");
    finds("*2\r\n:1\r\n*2\r\n$1\r\na\r\n*0\r\n$1\r\nb\r\n", "3:a;0:b;");
    finds("*-1\r\n$1\r\nb\r\n", "0:b;");
    finds("%1\r\n+k\r\n$1\r\nv\r\n~2\r\n$1\r\na\r\n$1\r\nb\r\n>2\r\n+message\r\n$2\r\nhi\r\n$1\r\nz\r\n",
          "2:v;1:a;2:b;2:hi;0:z;");
    finds("|1\r\n+ttl\r\n:3\r\n$1\r\nx\r\n*1\r\n|1\r\n+k\r\n$1\r\nv\r\n$1\r\ny\r\n$1\r\nz\r\n",
          "0:x;2:v;3:y;0:z;");
}

static void messages_are_counted(void **state)
{
    static const struct {
        const char *bytes;
        uint64_t last;
    } cases[] = {
        {"$1\r\na\r\n", 1},
        {"+OK\r\n*2\r\n$1\r\na\r\n*1\r\n:1\r\n*0\r\n$-1\r\n$1\r\na\r\n", 5},
        {">2\r\n+message\r\n$2\r\nhi\r\n$1\r\na\r\n", 1}, /* a push is no answer */
        {"|1\r\n+ttl\r\n:3\r\n$1\r\nx\r\n%1\r\n+k\r\n$1\r\nv\r\n", 2},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run(cases[i].bytes, strlen(cases[i].bytes), 3);
        if (message != cases[i].last)
            fail_msg("case %u: %llu", i, (unsigned long long)message);
    }
}

static void what_is_none_is_bad(void **state)
{
    (void)state;
    finds("PING\r\n", "!");
    finds("$1\r\nxy\r\n", "0:x!");
    finds("$1\r\nx\r\r\n", "0:x!");
    finds("$\r\nx\r\n", "!");
    finds("$1x\r\n", "!");
    finds("$1234567890123\r\n", "!");
    finds("*1\r\n\r\n", "!");
    finds("$?\r\n;4\r\n", "!");
}

/* ── at random ─────────────────────────────────────────────────────────────────────────────────────── */

static uint64_t seed = 7;
static char bytes[16384], wanted[65536];
static size_t bytes_len, wanted_len;

static unsigned any(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

static void put(const char *text, size_t n)
{
    memcpy(bytes + bytes_len, text, n);
    bytes_len += n;
}

static void make_text(unsigned number)
{
    static const char parts[] = "\r\n$*# 1:a";
    unsigned len = any(12);

    bytes_len += (size_t)sprintf(bytes + bytes_len, "%c%u\r\n", "$=!"[any(3)], len);
    wanted_len += (size_t)sprintf(wanted + wanted_len, "%u:", number);
    for (unsigned i = 0; i < len; i++) {
        char c = parts[any(sizeof(parts) - 1)];

        put(&c, 1);
        wanted[wanted_len++] = c;
    }
    put("\r\n", 2);
    wanted[wanted_len++] = ';';
}

/* An element; *number is that of the last one, NULL: it is a message. */
static void make(unsigned depth, unsigned *number)
{
    static const char *const simple[] = {"+OK\r\n", "-ERR $1\r\n", ":-1\r\n", "$-1\r\n",
                                         "*-1\r\n", "_\r\n",       "#f\r\n"};
    unsigned own = 0, kind = any(depth < 4 ? 3 : 2);

    if (number)
        ++*number;
    else
        number = &own;
    if (kind == 0) {
        bytes_len += (size_t)sprintf(bytes + bytes_len, "%s", simple[any(7)]);
    } else if (kind == 1) {
        make_text(number == &own ? 0 : *number);
    } else {
        unsigned n = any(5), type = any(4);

        bytes_len += (size_t)sprintf(bytes + bytes_len, "%c%u\r\n", "*~>%"[type], n);
        for (unsigned i = 0; i < (type == 3 ? 2 * n : n); i++)
            make(depth + 1, number);
    }
}

static void random_messages(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        bytes_len = wanted_len = 0;
        for (unsigned messages = 1 + any(4); messages > 0 && bytes_len < sizeof(bytes) / 4; messages--)
            make(2, NULL);
        wanted[wanted_len] = '\0';
        for (size_t step = 1; step <= bytes_len; step += 1 + any(7)) {
            run(bytes, bytes_len, step);
            assert_string_equal(found, wanted);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_have_numbers),
        cmocka_unit_test(messages_are_counted),
        cmocka_unit_test(what_is_none_is_bad),
        cmocka_unit_test(random_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
