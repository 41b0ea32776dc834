/*
 * The text builder: what it writes, and that it never writes past its buffer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

enum { GUARD = 0x5a };

static void numbers_are_those_of_printf(void **state)
{
    static const uint64_t values[] = {0,           1,           9,         10,         99,        100,
                                      4294967295u, 4294967296u, INT64_MAX, 1ull << 63, UINT64_MAX};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(values) / sizeof(*values); i++) {
        char ours[80], theirs[80];
        struct octo_text t;

        octo_text_begin(&t, ours, sizeof(ours));
        octo_text_u64(&t, values[i]);
        octo_text_char(&t, ' ');
        octo_text_i64(&t, (int64_t)values[i]);
        octo_text_char(&t, ' ');
        octo_text_i64(&t, -(int64_t)(values[i] & INT64_MAX));
        octo_text_char(&t, ' ');
        octo_text_hex(&t, values[i], 16);
        snprintf(theirs, sizeof(theirs), "%llu %lld %lld %016llx", (unsigned long long)values[i],
                 (long long)values[i], -(long long)(values[i] & INT64_MAX), (unsigned long long)values[i]);
        assert_string_equal(ours, theirs);
        assert_false(t.cut);
    }
}

static void hex_takes_the_low_digits(void **state)
{
    char buffer[16];
    struct octo_text t;

    (void)state;
    octo_text_begin(&t, buffer, sizeof(buffer));
    octo_text_hex(&t, 0x123456789abcdef0ull, 4);
    octo_text_hex(&t, 7, 2);
    assert_string_equal(buffer, "def007");
    assert_int_equal(octo_text_len(&t), 6);
}

/* Every size of buffer: the text is cut where it must be, ends in NUL, and the byte behind is untouched. */
static void never_writes_past_the_buffer(void **state)
{
    static const char whole[] = "abc18446744073709551615x00ffdef";
    size_t size;

    (void)state;
    for (size = 1; size <= sizeof(whole) + 2; size++) {
        char buffer[64];
        struct octo_text t;

        memset(buffer, GUARD, sizeof(buffer));
        octo_text_begin(&t, buffer, size);
        octo_text_str(&t, "abc");
        octo_text_u64(&t, UINT64_MAX);
        octo_text_bytes(&t, "x", 1);
        octo_text_hex(&t, 255, 4);
        octo_text_str(&t, "def");
        assert_int_equal(buffer[size], GUARD);
        assert_int_equal(strlen(buffer), octo_text_len(&t));
        assert_int_equal(t.cut, size < sizeof(whole));
        if (!t.cut)
            assert_string_equal(buffer, whole);
    }
}

static void a_number_is_whole_or_absent(void **state)
{
    char buffer[4];
    struct octo_text t;

    (void)state;
    octo_text_begin(&t, buffer, sizeof(buffer));
    octo_text_u64(&t, 1234);
    assert_string_equal(buffer, "");
    assert_true(t.cut);
    octo_text_u64(&t, 123);
    assert_string_equal(buffer, "123");
}

static void compares_without_case(void **state)
{
    (void)state;
    assert_true(octo_text_same("TrUe", 4, "true"));
    assert_true(octo_text_same("", 0, ""));
    assert_false(octo_text_same("true", 3, "true"));
    assert_false(octo_text_same("true", 4, "tru"));
    assert_false(octo_text_same("[", 1, "{")); /* differ by the bit that letters' cases differ by */
}

static void globs(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool match;
    } cases[] = {
        {"nginx", "nginx", true}, {"nginx", "nginx2", false},  {"nginx*", "nginx2", true},
        {"*", "", true},          {"*", "any", true},          {"?", "", false},
        {"?", "a", true},         {"n?inx", "nginx", true},    {"*py*3*", "python3", true},
        {"*a*b", "aXbXb", true},  {"*a*b", "aXbXc", false},    {"", "", true},
        {"", "a", false},         {"a**b", "ab", true},        {"*.so", "x.so.so", true},
        {"a*", "b", false},       {"*ab*cd", "abcabcd", true}, {"php-fpm?.?", "php-fpm8.2", true},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if (octo_text_glob(cases[i].pattern, strlen(cases[i].pattern), cases[i].text) != cases[i].match)
            fail_msg("glob %s on %s", cases[i].pattern, cases[i].text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_printf),  cmocka_unit_test(hex_takes_the_low_digits),
        cmocka_unit_test(never_writes_past_the_buffer), cmocka_unit_test(a_number_is_whole_or_absent),
        cmocka_unit_test(compares_without_case),        cmocka_unit_test(globs),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
