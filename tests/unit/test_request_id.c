/*
 * Request IDs: the set of characters, the ones we make, the line.
 */
#include "guard.h"
#include "proto/request_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

static void test_characters(void **state)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:/+=@-";

    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[3] = {'a', (char)c, 'b'};
        bool wanted = c != 0 && strchr(set, c) != NULL;

        assert_int_equal(octo_id_char((unsigned char)c), wanted);
        assert_int_equal(octo_id_usable(text, 3), wanted);
        assert_int_equal(octo_id_usable(text + 1, 1), wanted);
    }
}

static void test_lengths(void **state)
{
    struct guard g = guard_new(200);
    char text[129];

    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t n = 0; n <= sizeof(text); n++)
        assert_int_equal(octo_id_usable((char *)guard_tail(&g, text, n), n), n >= 1 && n <= 128);
    guard_free(&g);
}

static void test_make(void **state)
{
    static const struct {
        uint64_t bits;
        const char *id;
    } made[] = {
        {0, "req_0000000000000000"},
        {1, "req_0000000000000001"},
        {UINT64_MAX, "req_ffffffffffffffff"},
        {0x0123456789abcdef, "req_0123456789abcdef"},
        {0xf000000000000000, "req_f000000000000000"},
    };
    struct guard g = guard_new(OCTO_ID_MADE_LEN);
    char *out = (char *)g.end - OCTO_ID_MADE_LEN;

    (void)state;
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        octo_id_make(out, made[i].bits);
        assert_memory_equal(out, made[i].id, OCTO_ID_MADE_LEN);
        assert_true(octo_id_usable(out, OCTO_ID_MADE_LEN));
    }
    guard_free(&g);
}

static void test_line(void **state)
{
    struct guard g = guard_new(OCTO_ID_LINE_MAX);
    char id[128], *out;

    (void)state;
    memset(id, 'i', sizeof(id));
    for (size_t n = 1; n <= sizeof(id); n++) {
        out = (char *)g.end - (16 + n); /* not a byte more than the line */
        assert_int_equal(octo_id_line(out, id, n), 16 + n);
        assert_memory_equal(out, "X-Request-ID: ", 14);
        assert_memory_equal(out + 14, id, n);
        assert_memory_equal(out + 14 + n, "\r\n", 2);
    }
    assert_int_equal(OCTO_ID_LINE_MAX, 16 + 128);
    assert_int_equal(OCTO_ID_LINE_MADE, 36);
    guard_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_make),
        cmocka_unit_test(test_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
