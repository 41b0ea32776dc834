/* The settings about metrics: where they are served, which labels all have, which buckets; and how a bad value is told of. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/settings_table.h"
#include "settings_test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ── where ─────────────────────────────────────────────────────────────────────────────────────────── */

static int parse_listen(const char *value, size_t len, struct octo_listen *to)
{
    char *copy = memcpy(malloc(len), value, len); /* so that a byte too many is seen by AddressSanitizer */
    int verdict = octo_setting_parse_listen(copy, len, to);

    free(copy);
    return verdict;
}

static void good_addresses(void **state)
{
    static const struct {
        const char *text, *address;
        uint16_t port;
    } cases[] = {
        {"127.0.0.1:9464", "127.0.0.1", 9464},
        {"0.0.0.0:1", "0.0.0.0", 1},
        {"255.255.255.255:65535", "255.255.255.255", 65535},
        {"10.1.2.3:0", "10.1.2.3", 0},
        {"10.1.2.3:00080", "10.1.2.3", 80},
        {"localhost:9464", "127.0.0.1", 9464},
        {"LocalHost:9464", "127.0.0.1", 9464},
        {"*:9464", "0.0.0.0", 9464},
        {":9464", "0.0.0.0", 9464},
        {"[::1]:9464", "::1", 9464},
        {"[::]:0", "::", 0},
        {"[2001:DB8::a]:9464", "2001:db8::a", 9464},
        {"[::ffff:10.1.2.3]:80", "::ffff:10.1.2.3", 80},
        {"[1111:2222:3333:4444:5555:6666:7777:8888]:80", "1111:2222:3333:4444:5555:6666:7777:8888", 80},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool is_6 = strchr(cases[i].address, ':') != NULL;
        struct octo_listen to;
        char text[64] = "";

        memset(&to, 0xa5, sizeof(to));
        if (parse_listen(cases[i].text, strlen(cases[i].text), &to) != 0)
            fail_msg("refused: %s", cases[i].text);
        inet_ntop(is_6 ? AF_INET6 : AF_INET, to.address, text, sizeof(text));
        assert_string_equal(text, cases[i].address);
        assert_int_equal(to.kind, is_6 ? OCTO_LISTEN_IPV6 : OCTO_LISTEN_IPV4);
        assert_int_equal(to.port, cases[i].port);
        assert_string_equal(to.path, "");
    }
}

/* A path of that many bytes. */
static const char *unix_path(size_t n)
{
    static char text[300];

    memset(text, 'p', sizeof(text));
    memcpy(text, "unix:/", 6);
    text[5 + n] = '\0';
    return text;
}

static void unix_sockets_and_off(void **state)
{
    struct octo_listen to;

    (void)state;
    assert_int_equal(parse_listen("unix:/run/a:b.sock", 18, &to), 0);
    assert_int_equal(to.kind, OCTO_LISTEN_UNIX);
    assert_string_equal(to.path, "/run/a:b.sock");
    assert_int_equal(to.port, 0);
    assert_int_equal(parse_listen("UNIX:/x", 7, &to), 0);
    assert_string_equal(to.path, "/x");
    assert_int_equal(parse_listen(unix_path(107), 112, &to), 0);
    assert_int_equal(strlen(to.path), 107);
    assert_int_equal(parse_listen("OFF", 3, &to), 0);
    assert_int_equal(to.kind, OCTO_LISTEN_OFF);
    assert_string_equal(to.path, "");
}

static void bad_addresses(void **state)
{
    static const char *const texts[] = {"",
                                        ":",
                                        "on",
                                        "9464",
                                        "127.0.0.1",
                                        "127.0.0.1:",
                                        "127.0.0.1:65536",
                                        "127.0.0.1:99999",
                                        "127.0.0.1:123456",
                                        "127.0.0.1:-1",
                                        "127.0.0.1:+1",
                                        "127.0.0.1: 1",
                                        "127.0.0.1:1 ",
                                        "127.0.0.1:http",
                                        "127.0.0.1:0x50",
                                        "127.1:80",
                                        "127.0.0.256:80",
                                        "127.0.0.1.1:80",
                                        "127.0.0.01:80",
                                        " 127.0.0.1:80",
                                        "127.0.0.1 :80",
                                        "example.com:80",
                                        "localhos:80",
                                        "localhosts:80",
                                        "**:80",
                                        "::1:9464",
                                        "[::1]",
                                        "[::1]9464",
                                        "[::1:9464",
                                        "::1]:9464",
                                        "[]:80",
                                        "[:]:80",
                                        "[*]:80",
                                        "[localhost]:80",
                                        "[127.0.0.1]:80",
                                        "[::g]:80",
                                        "[fe80::1%lo]:80",
                                        "[[::1]]:80",
                                        "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa]:80",
                                        "http://127.0.0.1:80",
                                        "unix:",
                                        "unix:relative",
                                        "unix:./x",
                                        "unix:9464",
                                        "unix",
                                        "unix/x",
                                        "off:80",
                                        "offf"};
    struct octo_listen to, before;

    (void)state;
    memset(&before, 0xa5, sizeof(before));
    for (size_t i = 0; i <= COUNT(texts) + 1; i++) {
        const char *text = i < COUNT(texts) ? texts[i] : unix_path(i == COUNT(texts) ? 108 : 250);

        to = before;
        if (parse_listen(text, strlen(text), &to) != -EINVAL)
            fail_msg("taken: %s", text);
        assert_memory_equal(&to, &before, sizeof(to));
    }
}

/* ── labels ────────────────────────────────────────────────────────────────────────────────────────── */

/* What becomes of them, or NULL: refused, and nothing is touched. */
static const char *labels(const char *value, size_t len)
{
    static char to[512];
    char *copy = memcpy(malloc(len + 1), value, len), before[512];
    int verdict;

    copy = realloc(copy, len ? len : 1);
    memset(to, 0xa5, sizeof(to));
    memset(before, 0xa5, sizeof(before));
    verdict = octo_setting_parse_labels(copy, len, to, sizeof(to));
    free(copy);
    if (verdict == 0)
        return to;
    assert_int_equal(verdict, -EINVAL);
    assert_memory_equal(to, before, sizeof(to));
    return NULL;
}

static void good_labels(void **state)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"", ""},
        {"service=orders", "service=\"orders\","},
        {"service=orders,region=eu", "service=\"orders\",region=\"eu\","},
        {"a=b,", "a=\"b\","},
        {"a=", "a=\"\","},
        {"a=b=c", "a=\"b=c\","},
        {"a= b c ", "a=\" b c \","},
        {"a=\"b\"", "a=\"\\\"b\\\"\","},
        {"a=c:\\d", "a=\"c:\\\\d\","},
        {"a=\\", "a=\"\\\\\","},
        {"a=\\n", "a=\"\\\\n\","},
        {"a={}#~", "a=\"{}#~\","},
        {"_=1,A9_z=2,a=3,A=4", "_=\"1\",A9_z=\"2\",a=\"3\",A=\"4\","},
        {"_a_=1", "_a_=\"1\","},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *shown = labels(cases[i].text, strlen(cases[i].text));

        if (shown == NULL)
            fail_msg("refused: %s", cases[i].text);
        assert_string_equal(shown, cases[i].shown);
    }
}

static void bad_labels(void **state)
{
    static const char *const texts[] = {"a",     "=",        "=b",      ",",          ",a=b",       "a=b,,c=d",
                                        "a=b,c", "a=b, c=d", " a=b",    "a =b",       "9a=b",       "__a=b",
                                        "__=b",  "a-b=c",    "a.b=c",   "a:b=c",      "\xc3\xa4=b", "a=\xc3\xa4",
                                        "a=b\n", "a=\tb",    "a=b\x7f", "a=\x1b[31m", "a=b,c=\r",   "a\n=b"};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        if (labels(texts[i], strlen(texts[i])) != NULL)
            fail_msg("taken: %s", texts[i]);
    assert_null(labels("a=b\0c", 5));
    assert_null(labels("a\0=b", 4));
}

/* A name twice, and names that the shim's own series have. */
static void labels_that_spoil_the_scrape(void **state)
{
    (void)state;
    assert_null(labels("a=1,b=2,a=3", 11));
    assert_null(labels("a=1,a=1", 7));
    assert_null(labels("le=1", 4));
    assert_null(labels("method=x", 8));
    assert_non_null(labels("a=1,A=2,aa=3", 12));
}

static void long_labels(void **state)
{
    char text[600] = "a=";

    (void)state;
    memset(text + 2, 'x', sizeof(text) - 2);
    assert_int_equal(strlen(labels(text, 500)), 503); /* what is promised */
    assert_int_equal(strlen(labels(text, 508)), 511); /* and as much as there is room for */
    assert_null(labels(text, 509));
    assert_null(labels(text, 600));
    memset(text + 2, '"', sizeof(text) - 2); /* escapes take room, too */
    assert_int_equal(strlen(labels(text, 255)), 511);
    assert_null(labels(text, 256));
}

/* ── buckets ───────────────────────────────────────────────────────────────────────────────────────── */

static int parse_buckets(const char *value, struct octo_buckets *to)
{
    size_t len = strlen(value);
    char *copy = memcpy(malloc(len), value, len);
    int verdict = octo_setting_parse_buckets(copy, len, to);

    free(copy);
    return verdict;
}

static void good_buckets(void **state)
{
    static const struct {
        const char *text;
        unsigned count;
        uint64_t bound[OCTO_BUCKETS_MAX];
    } cases[] = {
        {"1", 1, {1000000000}},
        {"0.01,0.05,0.1,0.5,1,2.5,5,10",
         8,
         {10000000, 50000000, 100000000, 500000000, 1000000000, 2500000000, 5000000000, 10000000000}},
        {"0.000000001,0.123456789,1", 3, {1, 123456789, 1000000000}},
        {"0.1, 0.2,  1.,", 3, {100000000, 200000000, 1000000000}},
        {"01.50,999999,1000000", 3, {1500000000, 999999000000000, 1000000000000000}},
        {"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20", 20, {1000000000, 2000000000}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct octo_buckets to;

        memset(&to, 0xa5, sizeof(to));
        if (parse_buckets(cases[i].text, &to) != 0)
            fail_msg("refused: %s", cases[i].text);
        assert_int_equal(to.count, cases[i].count);
        for (unsigned k = 0; k < cases[i].count; k++)
            assert_true(to.bound[k] == (cases[i].bound[k] ?: (k + 1) * 1000000000ull));
    }
}

static void bad_buckets(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        ",",
                                        ",1",
                                        "1,,2",
                                        "0",
                                        "0.0",
                                        "0,1",
                                        "1,1",
                                        "2,1",
                                        "0.1,1,0.5",
                                        "1,1.0",
                                        "-1",
                                        "+1",
                                        "1e3",
                                        "0x1",
                                        "1,+Inf",
                                        "inf",
                                        "nan",
                                        "a",
                                        "1s",
                                        "1 ",
                                        "1 ,2",
                                        "1;2",
                                        ".5",
                                        ".",
                                        "1.2.3",
                                        "1,2,x",
                                        "1000001",
                                        "1\t",
                                        "99999999999999999999999",
                                        "0.0000000001",
                                        "1\n",
                                        "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21"};
    struct octo_buckets to, before;

    (void)state;
    memset(&before, 0xa5, sizeof(before));
    for (size_t i = 0; i < COUNT(texts); i++) {
        to = before;
        if (parse_buckets(texts[i], &to) != -EINVAL)
            fail_msg("taken: %s", texts[i]);
        assert_memory_equal(&to, &before, sizeof(to));
    }
}

/* ── through the environment ───────────────────────────────────────────────────────────────────────── */

static void what_is_the_default(void **state)
{
    (void)state;
    NO_ENV();
    assert_int_equal(s.listen.kind, OCTO_LISTEN_OFF);
    assert_string_equal(s.labels, "");
    assert_int_equal(s.buckets.count, 8);
    assert_true(s.buckets.bound[0] == 10000000 && s.buckets.bound[7] == 10000000000);
    assert_true(s.sample == ALL);
}

static void from_the_environment(void **state)
{
    (void)state;
    ENV("OCTOSHIM_METRICS_LISTEN=[::1]:9464", "OCTOSHIM_METRICS_LABELS=service=orders,region=eu",
        "OCTOSHIM_METRICS_BUCKETS=0.5,1");
    assert_string_equal(s.complaints, "");
    assert_int_equal(s.listen.kind, OCTO_LISTEN_IPV6);
    assert_int_equal(s.listen.port, 9464);
    assert_string_equal(s.labels, "service=\"orders\",region=\"eu\",");
    assert_int_equal(s.buckets.count, 2);
    ENV("OCTOSHIM_METRICS_LISTEN=", "OCTOSHIM_METRICS_LABELS=", "OCTOSHIM_METRICS_BUCKETS=");
    assert_string_equal(s.complaints, "");
    assert_int_equal(s.buckets.count, 8);
}

/* The setting, the value, what is allowed, and what is used instead: the default, whole. */
static void bad_values_are_told_of(void **state)
{
    (void)state;
    ENV("OCTOSHIM_METRICS_LISTEN=127.0.0.1:65536");
    assert_string_equal(
        s.complaints,
        "octoshim: OCTOSHIM_METRICS_LISTEN=\"127.0.0.1:65536\" is not understood; allowed: off, ADDRESS:PORT as "
        "127.0.0.1:9464 or [::1]:9464, or unix:/path of at most 107 bytes; using off\n");
    assert_int_equal(s.listen.kind, OCTO_LISTEN_OFF);
    ENV("OCTOSHIM_METRICS_LABELS=service=orders,9=eu");
    assert_complains("octoshim: OCTOSHIM_METRICS_LABELS=\"service=orders,9=eu\" is not understood; allowed: "
                     "name=value,name2=value2, ");
    assert_complains("; using none\n");
    assert_int_equal(lines(s.complaints), 1);
    assert_string_equal(s.labels, "");
    ENV("OCTOSHIM_METRICS_BUCKETS=1,0.5");
    assert_string_equal(s.complaints, "octoshim: OCTOSHIM_METRICS_BUCKETS=\"1,0.5\" is not understood; allowed: "
                                      "seconds, ascending, as 0.01,0.1,1, "
                                      "at most 20; using 0.01,0.05,0.1,0.5,1,2.5,5,10\n");
    assert_int_equal(s.buckets.count, 8);
    ENV("OCTOSHIM_METRICS_LISTEN=x", "OCTOSHIM_METRICS_LABELS=\033[31m", "OCTOSHIM_METRICS_BUCKETS=\n");
    assert_int_equal(lines(s.complaints), 3);
    assert_complains("OCTOSHIM_METRICS_LABELS=\"?[31m\" is not");
    assert_complains("OCTOSHIM_METRICS_BUCKETS=\"?\" is not");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_addresses),       cmocka_unit_test(unix_sockets_and_off),
        cmocka_unit_test(bad_addresses),        cmocka_unit_test(good_labels),
        cmocka_unit_test(bad_labels),           cmocka_unit_test(labels_that_spoil_the_scrape),
        cmocka_unit_test(long_labels),          cmocka_unit_test(good_buckets),
        cmocka_unit_test(bad_buckets),          cmocka_unit_test(what_is_the_default),
        cmocka_unit_test(from_the_environment), cmocka_unit_test(bad_values_are_told_of),
    };

    return cmocka_run_group_tests_name("settings_metrics", tests, NULL, NULL);
}
