/*
 * The picker: which values it finds, on every split point of every document, with every piece and the buffer flush
 * against a guard page.
 *
 * Paths: test_pick_path.c. What is well-formed, and when: test_pick_grammar.c. Documents that nobody thought of:
 * test_pick_random.c.
 */
#include "pick_oracle.h"
#include "pick_run.h"

static struct pick_rig rig;

#define FFFD "\xef\xbf\xbd"

struct value_case {
    const char *path, *doc;
    enum octo_pick_kind kind;
    const char *text;
};

static const struct value_case values[] = {
    {"a", "{\"a\":null}", OCTO_PICK_NULL, "null"},
    {"a", "{\"a\":true}", OCTO_PICK_BOOL, "true"},
    {"a", "{\"a\":false}", OCTO_PICK_BOOL, "false"},
    {"a", "{\"a\":\"\"}", OCTO_PICK_STRING, ""},
    {"a", "{\"a\":\"x\"}", OCTO_PICK_STRING, "x"},
    {"a", " \t\r\n{ \"a\" \n: \t\"x\" } ", OCTO_PICK_STRING, "x"},
    {"a", "{\"a\":12}", OCTO_PICK_NUMBER, "12"},
    {"a", "{\"a\":-1.5e+3 }", OCTO_PICK_NUMBER, "-1.5e+3"},
    {"a", "{\"a\":{}}", OCTO_PICK_COMPOSITE, ""},
    {"a", "{\"a\":[]}", OCTO_PICK_COMPOSITE, ""},
    {"a", "{\"a\":[{\"a\":1},[2,{}],\"]\"]}", OCTO_PICK_COMPOSITE, ""},
    {"a", "{}", OCTO_PICK_ABSENT, ""},
    {"a", "[]", OCTO_PICK_ABSENT, ""},
    {"a", "1", OCTO_PICK_ABSENT, ""},
    {"a", "\"a\"", OCTO_PICK_ABSENT, ""},
    {"a", " null ", OCTO_PICK_ABSENT, ""},
    {"a", "{\"A\":1,\"aa\":2,\"\":3}", OCTO_PICK_ABSENT, ""},
    {"aa", "{\"a\":1}", OCTO_PICK_ABSENT, ""},
    {"a", "{\"b\":{\"a\":1}}", OCTO_PICK_ABSENT, ""},
    {"a", "{\"b\":[\"a\",{\"a\":1}]}", OCTO_PICK_ABSENT, ""},
    {"a", "{\"b\":\"a\",\"a\":1}", OCTO_PICK_NUMBER, "1"},
    {"a.b", "{\"a\":1}", OCTO_PICK_ABSENT, ""},
    {"a.b", "{\"a\":\"b\"}", OCTO_PICK_ABSENT, ""},
    {"a.b", "{\"a\":[1]}", OCTO_PICK_ABSENT, ""},
    {"a.b", "{\"a\":{\"c\":{\"b\":1}}}", OCTO_PICK_ABSENT, ""},
    {"a.b", "{\"x\":{\"b\":1},\"a\":{\"x\":{\"b\":2},\"b\":3}}", OCTO_PICK_NUMBER, "3"},
    {"a.a.a", "{\"a\":{\"a\":{\"a\":1}}}", OCTO_PICK_NUMBER, "1"},
    {"[0]", "{\"0\":1}", OCTO_PICK_ABSENT, ""},
    {"0", "[1]", OCTO_PICK_ABSENT, ""},
    {"[1]", "[[5,6],7]", OCTO_PICK_NUMBER, "7"},
    {"[2]", "[1,2]", OCTO_PICK_ABSENT, ""},
    {"[0].a", "[{\"a\":1},{\"a\":2}]", OCTO_PICK_NUMBER, "1"},
    {"[1].a", "[{\"a\":1},{\"a\":2}]", OCTO_PICK_NUMBER, "2"},
    {"[1][1]", "[[1,2,[3,4]],[[5,6],7],[8,9]]", OCTO_PICK_NUMBER, "7"},
    {"[1][0][1]", "[[1,2,[3,4]],[[5,6],7],[8,9]]", OCTO_PICK_NUMBER, "6"},
    {"a[1].b[0]", "{\"a\":[{\"b\":[0]},{\"c\":1,\"b\":[\"x\",1]}]}", OCTO_PICK_STRING, "x"},

    /* the first of equal keys */
    {"a", "{\"a\":1,\"a\":2}", OCTO_PICK_NUMBER, "1"},
    {"a", "{\"a\":1,\"\\u0061\":2}", OCTO_PICK_NUMBER, "1"},
    {"a", "{\"\\u0061\":1,\"a\":2}", OCTO_PICK_NUMBER, "1"},
    {"a.b", "{\"a\":{\"c\":1},\"a\":{\"b\":2}}", OCTO_PICK_ABSENT, ""},
    {"a.b", "{\"a\":1,\"a\":{\"b\":2}}", OCTO_PICK_ABSENT, ""},
    {"a.b", "{\"a\":{\"b\":1},\"a\":{\"b\":2}}", OCTO_PICK_NUMBER, "1"},
    {"a.b", "{\"a\":{\"b\":1,\"b\":3},\"a\":{\"b\":2}}", OCTO_PICK_NUMBER, "1"},

    /* keys are unescaped */
    {"task", "{\"t\\u0061sk\":1}", OCTO_PICK_NUMBER, "1"},
    {"task", "{\"\\u0074\\u0061\\u0073\\u006B\":1}", OCTO_PICK_NUMBER, "1"},
    {"task", "{\"t\\u0061sk\\u0000\":1}", OCTO_PICK_ABSENT, ""},
    {"task", "{\"t\\u0062sk\":1}", OCTO_PICK_ABSENT, ""},
    {"a/b", "{\"a\\/b\":1}", OCTO_PICK_NUMBER, "1"},
    {"[\"a\\\"b\\\\\"]", "{\"a\\\"b\\\\\":1}", OCTO_PICK_NUMBER, "1"},
    {"[\"a\\\\u0062\"]", "{\"a\\\\u0062\":1}", OCTO_PICK_NUMBER, "1"},
    {"\xc3\xa9", "{\"\\u00e9\":1}", OCTO_PICK_NUMBER, "1"},
    {"\xe2\x82\xac", "{\"\\u20AC\":1}", OCTO_PICK_NUMBER, "1"},
    {"x\xf0\x9f\x98\x80", "{\"x\\ud83d\\uDE00\":1}", OCTO_PICK_NUMBER, "1"},
    {"\xf0\x9f\x98\x80", "{\"\xf0\x9f\x98\x80\":1}", OCTO_PICK_NUMBER, "1"},
    {FFFD, "{\"\\ufffd\":1}", OCTO_PICK_NUMBER, "1"},
    {FFFD, "{\"\\ud800\":1}", OCTO_PICK_ABSENT, ""},
    {FFFD, "{\"\\udc00\":1}", OCTO_PICK_ABSENT, ""},
    {FFFD, "{\"\xff\":1}", OCTO_PICK_ABSENT, ""},
    {FFFD "a", "{\"\\ud800a\":1}", OCTO_PICK_ABSENT, ""},
    {"a", "{\"a\\ud800\":1}", OCTO_PICK_ABSENT, ""},
    {"a", "{\"a\\ud800\":1,\"a\":2}", OCTO_PICK_NUMBER, "2"},
    {"a", "{\"\\udc00a\":1}", OCTO_PICK_ABSENT, ""},
    {"a", "{\"a\xff\":1}", OCTO_PICK_ABSENT, ""},
    {"a", "{\"\xc3\":1,\"a\":2}", OCTO_PICK_NUMBER, "2"},

    /* strings are unescaped and mended */
    {"a", "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", OCTO_PICK_STRING, "\"\\/\b\f\n\r\t"},
    {"a", "{\"a\":\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"}", OCTO_PICK_STRING,
     "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"a", "{\"a\":\"\\uD800\\uDC00\\uDBFF\\uDFFF\"}", OCTO_PICK_STRING, "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
    {"a", "{\"a\":\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"}", OCTO_PICK_STRING,
     "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
    {"a", "{\"a\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"}", OCTO_PICK_STRING,
     "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"a", "{\"a\":\"x\\ud800y\"}", OCTO_PICK_STRING, "x" FFFD "y"},
    {"a", "{\"a\":\"\\ud800\"}", OCTO_PICK_STRING, FFFD},
    {"a", "{\"a\":\"\\udc00\"}", OCTO_PICK_STRING, FFFD},
    {"a", "{\"a\":\"\\udc00\\ud800\"}", OCTO_PICK_STRING, FFFD FFFD},
    {"a", "{\"a\":\"\\ud800\\ud800\\udc00\"}", OCTO_PICK_STRING, FFFD "\xf0\x90\x80\x80"},
    {"a", "{\"a\":\"\\ud800\\n\"}", OCTO_PICK_STRING, FFFD "\n"},
    {"a", "{\"a\":\"\\ud800\\u0041\"}", OCTO_PICK_STRING, FFFD "A"},
    {"a", "{\"a\":\"\\ud83d\xf0\x9f\x98\x80\"}", OCTO_PICK_STRING, FFFD "\xf0\x9f\x98\x80"},
    {"a", "{\"a\":\"\xff\"}", OCTO_PICK_STRING, FFFD},
    {"a", "{\"a\":\"\x80\xbf\"}", OCTO_PICK_STRING, FFFD FFFD},
    {"a", "{\"a\":\"\xc0\xaf\"}", OCTO_PICK_STRING, FFFD FFFD},
    {"a", "{\"a\":\"\xed\xa0\x80\"}", OCTO_PICK_STRING, FFFD FFFD FFFD},
    {"a", "{\"a\":\"\xe0\x80\xaf\"}", OCTO_PICK_STRING, FFFD FFFD FFFD},
    {"a", "{\"a\":\"\xf4\x90\x80\x80\"}", OCTO_PICK_STRING, FFFD FFFD FFFD FFFD},
    {"a", "{\"a\":\"\xf8\x88\x80\x80\x80\"}", OCTO_PICK_STRING, FFFD FFFD FFFD FFFD FFFD},
    {"a", "{\"a\":\"\xc1\xbf\"}", OCTO_PICK_STRING, FFFD FFFD},
    {"a", "{\"a\":\"\xf5\x80\x80\x80\"}", OCTO_PICK_STRING, FFFD FFFD FFFD FFFD},
    {"a", "{\"a\":\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\"}", OCTO_PICK_STRING,
     "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
    {"a", "{\"a\":\"\xed\x9f\xbf\xee\x80\x80\"}", OCTO_PICK_STRING, "\xed\x9f\xbf\xee\x80\x80"},
    {"a", "{\"a\":\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"}", OCTO_PICK_STRING, "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
    {"a", "{\"a\":\"\xe2\x82\"}", OCTO_PICK_STRING, FFFD},
    {"a", "{\"a\":\"\xf0\x9f\x98\"}", OCTO_PICK_STRING, FFFD},
    {"a", "{\"a\":\"\xe2\x82(\"}", OCTO_PICK_STRING, FFFD "("},
    {"a", "{\"a\":\"\xe2\xe2\x82\xac\"}", OCTO_PICK_STRING, FFFD "\xe2\x82\xac"},
    {"a", "{\"a\":\"\xc3\\u00e9\"}", OCTO_PICK_STRING, FFFD "\xc3\xa9"},
    {"a", "{\"a\":\"\xc3\\n\"}", OCTO_PICK_STRING, FFFD "\n"},
    {"a", "{\"a\":\"\xf0\x9f\\ud83d\xf0\x9f\"}", OCTO_PICK_STRING, FFFD FFFD FFFD},
    /* Unicode 15, table 3-8, 3-9, 3-10, 3-11 */
    {"a", "{\"a\":\"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41\"}", OCTO_PICK_STRING,
     FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A"},
    {"a", "{\"a\":\"\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41\"}", OCTO_PICK_STRING,
     FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A"},
    {"a", "{\"a\":\"\xf4\x91\x92\x93\xff\x41\x80\xbf\x42\"}", OCTO_PICK_STRING,
     FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B"},
    {"a", "{\"a\":\"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41\"}", OCTO_PICK_STRING, FFFD FFFD FFFD FFFD "A"},
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        const struct value_case *c = &values[i];
        const char *const paths[] = {c->path, NOWHERE};
        struct pick_kept kept;

        for (size_t n = 1; n <= 3; n += 2) { /* the second time all of the document is read */
            rig.set = set_of(paths, n);
            run_all_ways(&rig, c->doc, strlen(c->doc), &kept);
            if (kept.state != OCTO_PICK_DONE)
                fail_msg("%s: state %d", c->doc, kept.state);
            if (kept.value[0].kind != c->kind || kept.value[0].cut || kept.value[0].len != strlen(c->text) ||
                memcmp(kept.text[0], c->text, kept.value[0].len) != 0)
                fail_msg("%s: %s is of kind %d, \"%.*s\"", c->doc, c->path, kept.value[0].kind,
                         (int)kept.value[0].len, kept.text[0]);
            assert_int_equal(kept.value[0].truth, strcmp(c->text, "true") == 0);
            if (n > 1) {
                assert_int_equal(kept.value[1].kind, OCTO_PICK_ABSENT);
                assert_int_equal(kept.value[2].kind, OCTO_PICK_ABSENT);
            }
        }
    }
    print_message("%zu cases\n", COUNT(values));
}

static void test_nul(void **state)
{
    static const char *const paths[] = {"a"};
    struct pick_kept kept;

    (void)state;
    rig.set = set_of(paths, 1);
    run_all_ways(&rig, "{\"a\":\"x\\u0000y\"}", 15, &kept);
    assert_int_equal(kept.value[0].len, 3);
    assert_memory_equal(kept.text[0], "x\0y", 3);
}

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        int64_t millionths;
        bool exact;
    } numbers[] = {
        {"0", 0, true},
        {"-0", 0, true},
        {"0.0", 0, true},
        {"0e99999999999999999999999", 0, true},
        {"-0.000E-99999999999999999999999", 0, true},
        {"1", 1000000, true},
        {"-1", -1000000, true},
        {"1.5", 1500000, true},
        {"1.50000000000000000000000000000000000", 1500000, true},
        {"10", 10000000, true},
        {"0.000001", 1, true},
        {"-0.000001", -1, true},
        {"0.0000001", 0, false},
        {"-0.0000001", 0, false},
        {"0.0000009999", 0, false},
        {"0.9999999", 999999, false},
        {"-0.9999999", -999999, false},
        {"1e3", 1000000000, true},
        {"1E+3", 1000000000, true},
        {"1e-3", 1000, true},
        {"1.25e2", 125000000, true},
        {"125e-2", 1250000, true},
        {"1e-6", 1, true},
        {"1e-7", 0, false},
        {"10e-7", 1, true},
        {"19e-7", 1, false},
        {"1e12", 1000000000000000000, true},
        {"1e13", INT64_MAX, false},
        {"-1e13", INT64_MIN, false},
        {"9223372036854.775807", INT64_MAX, true},
        {"9223372036854.7758070", INT64_MAX, true},
        {"9223372036854.7758071", INT64_MAX, false},
        {"9223372036854.775808", INT64_MAX, false},
        {"9223372036854.775806", INT64_MAX - 1, true},
        {"-9223372036854.775808", INT64_MIN, true},
        {"-9223372036854.7758079", INT64_MIN + 1, false},
        {"-9223372036854.7758081", INT64_MIN, false},
        {"-9223372036854.775809", INT64_MIN, false},
        {"9223372036854775807e-6", INT64_MAX, true},
        {"9223372036854775807", INT64_MAX, false},
        {"18446744073709551615", INT64_MAX, false},
        {"18446744073709551616", INT64_MAX, false},
        {"18446744073709551616000000e-20", 184467440737, false},
        {"18446744073709551616000000e-14", 184467440737095516, false},
        {"1844674407370955161600000000000000000e-26", 18446744073709551, false},
        {"100000000000000000000000000000000000000e-38", 1000000, true},
        {"100000000000000000000000000000000000001e-38", 1000000, false},
        {"1e308", INT64_MAX, false},
        {"-1e308", INT64_MIN, false},
        {"1e999999999999999999999999999999999999", INT64_MAX, false},
        {"1e-999999999999999999999999999999999999", 0, false},
        {"1e18446744073709551617", INT64_MAX, false},
        {"1e-18446744073709551617", 0, false},
        {"1e00000000000000000000000000000000002", 100000000, true},
        {"0.00000000000000000000000000000000001e35", 1000000, true},
        {"0.00000000000000000000000000000000001e34", 100000, true},
        {"3.14159265358979", 3141592, false},
        {"123456.789012", 123456789012, true},
        {"123456.7890123", 123456789012, false},
        {"4096", 4096000000, true},
    };
    static const char *const paths[] = {"a", NOWHERE};

    (void)state;
    rig.set = set_of(paths, 3);
    for (size_t i = 0; i < COUNT(numbers); i++) {
        static const char *const around[] = {"{\"a\":%s}", "{\"a\": %s ,\"b\":2}", "{\"a\":%s\n}"};
        bool exact;

        if (oracle_millionths(numbers[i].text, strlen(numbers[i].text), &exact) != numbers[i].millionths ||
            exact != numbers[i].exact)
            fail_msg("the oracle on %s", numbers[i].text);
        for (size_t j = 0; j < COUNT(around); j++) {
            struct pick_kept kept;
            char doc[200];
            int n = sprintf(doc, around[j], numbers[i].text);

            run_all_ways(&rig, doc, (size_t)n, &kept);
            if (kept.state != OCTO_PICK_DONE || kept.value[0].kind != OCTO_PICK_NUMBER ||
                kept.value[0].millionths != numbers[i].millionths || kept.value[0].exact != numbers[i].exact)
                fail_msg("%s is %lld%s", numbers[i].text, (long long)kept.value[0].millionths,
                         kept.value[0].exact ? ", exact" : "");
            assert_int_equal(kept.value[0].len, strlen(numbers[i].text));
            assert_memory_equal(kept.text[0], numbers[i].text, kept.value[0].len);
        }
    }
}

/* Numbers longer than what is kept of them have their value nevertheless. */
static void test_long_numbers(void **state)
{
    static const char *const paths[] = {"a"};
    char doc[3000];
    struct pick_kept kept;
    int n;

    (void)state;
    rig.set = set_of(paths, 1);
    n = sprintf(doc, "{\"a\":-%0*d.%0*de-%0*d}", 1, 12, 1000, 0, 1000, 1);
    run_all_ways(&rig, doc, (size_t)n, &kept);
    assert_int_equal(kept.state, OCTO_PICK_DONE);
    assert_true(kept.value[0].cut && kept.value[0].exact);
    assert_int_equal(kept.value[0].len, OCTO_PICK_VALUE_MAX);
    assert_memory_equal(kept.text[0], doc + 5, OCTO_PICK_VALUE_MAX);
    assert_int_equal(kept.value[0].millionths, -1200000);

    n = sprintf(doc, "{\"a\":0.%0*de1000}", 1000, 7); /* 0.00 … 07, the 7 at the thousandth place */
    run_all_ways(&rig, doc, (size_t)n, &kept);
    assert_int_equal(kept.value[0].millionths, 7000000);
    assert_true(kept.value[0].exact);

    n = sprintf(doc, "{\"a\":7%0*de-1000}", 1000, 0);
    run_all_ways(&rig, doc, (size_t)n, &kept);
    assert_int_equal(kept.value[0].millionths, 7000000);
    assert_true(kept.value[0].exact);

    n = sprintf(doc, "{\"a\":7%0*de-1000}", 1000, 1);
    run_all_ways(&rig, doc, (size_t)n, &kept);
    assert_int_equal(kept.value[0].millionths, 7000000);
    assert_false(kept.value[0].exact);

    for (size_t len = 126; len <= 130; len++) { /* cut, or just not */
        n = sprintf(doc, "{\"a\":1%0*d}", (int)len - 1, 0);
        run_all_ways(&rig, doc, (size_t)n, &kept);
        assert_int_equal(kept.value[0].cut, len > OCTO_PICK_VALUE_MAX);
        assert_int_equal(kept.value[0].len, len > OCTO_PICK_VALUE_MAX ? OCTO_PICK_VALUE_MAX : len);
    }
}

/* Strings of about the most that is kept, ending with characters of every length. */
static void test_cut(void **state)
{
    static const struct {
        const char *written, *text;
    } ends[] = {
        {"x", "x"},
        {"\\n", "\n"},
        {"\xc3\xa9", "\xc3\xa9"},
        {"\\u00e9", "\xc3\xa9"},
        {"\xe2\x82\xac", "\xe2\x82\xac"},
        {"\\u20ac", "\xe2\x82\xac"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
        {"\xff", FFFD},
        {"\xc3", FFFD},
        {"\xf0\x9f\x98", FFFD},
        {"\\ud800", FFFD},
    };
    static const char *const paths[] = {"a", "b", NOWHERE};

    (void)state;
    rig.set = set_of(paths, 4);
    for (size_t i = 0; i < COUNT(ends); i++) {
        for (size_t len = OCTO_PICK_VALUE_MAX - 6; len <= OCTO_PICK_VALUE_MAX + 2; len++) {
            for (int more = 0; more < 2; more++) {
                char doc[300], text[300];
                size_t n = (size_t)sprintf(doc, "{\"a\":\"%0*d%s%s\",\"b\":\"next\"}", (int)len, 0,
                                           ends[i].written, more ? "z" : "");
                size_t whole = (size_t)sprintf(text, "%0*d%s%s", (int)len, 0, ends[i].text, more ? "z" : "");
                size_t kept_len = whole;
                struct pick_kept kept;

                while (kept_len > OCTO_PICK_VALUE_MAX || (text[kept_len] & 0xc0) == 0x80)
                    kept_len--;
                run_all_ways(&rig, doc, n, &kept);
                assert_int_equal(kept.state, OCTO_PICK_DONE);
                assert_int_equal(kept.value[0].len, kept_len);
                assert_memory_equal(kept.text[0], text, kept_len);
                assert_int_equal(kept.value[0].cut, kept_len < whole);
                assert_int_equal(kept.value[1].len, 4);
                assert_memory_equal(kept.text[1], "next", 4);
            }
        }
    }
}

/* A buffer that is too small cuts texts, and changes nothing else. Behind it is a guard page. */
static void test_small_buffers(void **state)
{
    static const char *const paths[] = {"s", "n", "t", "u", "b", "e"};
    static const char doc[] = "{\"s\":\"gr\xc3\xb6\xc3\x9f"
                              "e\",\"n\":-12.5e1,\"t\":\"\\u20ac\xf0\x9f\x98\x80\",\"u\":\"\","
                              "\"b\":true,\"e\":\"end\"}";
    struct pick_kept whole, kept;

    (void)state;
    rig.set = set_of(paths, COUNT(paths));
    run_all_ways(&rig, doc, sizeof(doc) - 1, &whole);
    for (size_t size = 0; size < 40; size++) {
        size_t used = 0;

        rig.buffer_size = size;
        run_all_ways(&rig, doc, sizeof(doc) - 1, &kept);
        assert_int_equal(kept.state, OCTO_PICK_DONE);
        for (size_t i = 0; i < COUNT(paths); i++) {
            size_t len = whole.value[i].len;
            bool is_kept = whole.value[i].kind == OCTO_PICK_STRING || whole.value[i].kind == OCTO_PICK_NUMBER;

            while (is_kept &&
                   (used + len > size || (len < whole.value[i].len && (whole.text[i][len] & 0xc0) == 0x80)))
                len--;
            assert_int_equal(kept.value[i].kind, whole.value[i].kind);
            assert_int_equal(kept.value[i].millionths, whole.value[i].millionths);
            assert_int_equal(kept.value[i].exact, whole.value[i].exact);
            assert_int_equal(kept.value[i].truth, whole.value[i].truth);
            assert_int_equal(kept.value[i].len, len);
            assert_int_equal(kept.value[i].cut, len < whole.value[i].len);
            assert_memory_equal(kept.text[i], whole.text[i], len);
            used += is_kept ? len : 0;
        }
    }
    rig.buffer_size = 0;
    run_all_ways(&rig, "{\"s\":\"\"}", 8, &kept);
    assert_false(kept.value[0].cut);
    rig.buffer_size = RUN_BUFFER_MAX;
}

/* Sixteen values of the greatest length fit. */
static void test_full_buffer(void **state)
{
    struct octo_pick_set set = {0};
    static char doc[OCTO_PICK_PATHS_MAX * 200];
    struct pick_run run;
    size_t n = 0;

    (void)state;
    for (int i = 0; i < OCTO_PICK_PATHS_MAX; i++) {
        char path[16];
        int len = sprintf(path, "k%d", i);

        assert_int_equal(octo_pick_set_add(&set, path, (size_t)len, NULL, NULL), i);
        n += (size_t)sprintf(doc + n, "%c\"k%d\":\"%0*d\"", i == 0 ? '{' : ',', i, OCTO_PICK_VALUE_MAX, i);
    }
    rig.set = set;
    pick_run_steps(&rig, &run, doc, n, 1000); /* the brace that closes it is not needed */
    assert_int_equal(run.p.state, OCTO_PICK_DONE);
    for (size_t i = 0; i < OCTO_PICK_PATHS_MAX; i++) {
        struct octo_pick_value v = octo_pick_get(&run.p, i);

        assert_int_equal(v.len, OCTO_PICK_VALUE_MAX);
        assert_false(v.cut);
        assert_int_equal(v.text[OCTO_PICK_VALUE_MAX - 2] - '0', i / 10);
        assert_int_equal(v.text[OCTO_PICK_VALUE_MAX - 1] - '0', i % 10);
    }
    assert_int_equal(octo_pick_get(&run.p, OCTO_PICK_PATHS_MAX).kind, OCTO_PICK_ABSENT);
    assert_int_equal(octo_pick_get(&run.p, SIZE_MAX).kind, OCTO_PICK_ABSENT);
}

/* A set may be copied to another address, and a picker to another place. */
static void test_relocated(void **state)
{
    static const char *const paths[] = {"a.b", "c[1]", "x"};
    static const char doc[] = "{\"a\":{\"b\":\"one\"},\"c\":[0,\"two\"],\"x\":\"three\"}";
    struct octo_pick_set set = set_of(paths, 3);
    struct octo_pick p, moved;
    char text[100];

    (void)state;
    rig.set = set;
    memset(&set, 0xff, sizeof(set));
    octo_pick_begin(&p, &rig.set, text, sizeof(text), UINT64_MAX);
    for (size_t i = 0; i < sizeof(doc) - 1; i++) {
        moved = p;
        memset(&p, 0xff, sizeof(p));
        octo_pick_feed(&moved, doc + i, 1);
        p = moved;
    }
    assert_int_equal(p.state, OCTO_PICK_DONE);
    assert_memory_equal(octo_pick_get(&p, 0).text, "one", 3);
    assert_memory_equal(octo_pick_get(&p, 1).text, "two", 3);
    assert_memory_equal(octo_pick_get(&p, 2).text, "three", 5);
    assert_true(sizeof(p) <= 512);
    print_message("a picker has %zu bytes, a set %zu\n", sizeof(p), sizeof(set));
}

static void test_empty_set(void **state)
{
    struct octo_pick p;

    (void)state;
    memset(&rig.set, 0, sizeof(rig.set));
    octo_pick_begin(&p, &rig.set, NULL, 0, 0);
    assert_int_equal(p.state, OCTO_PICK_DONE);
    assert_int_equal(octo_pick_feed(&p, "{", 1), OCTO_PICK_DONE);
    assert_int_equal(octo_pick_end(&p), OCTO_PICK_DONE);
    assert_int_equal(octo_pick_get(&p, 0).kind, OCTO_PICK_ABSENT);
}

/* Many items, of which one is wanted. */
static void test_indexes(void **state)
{
    static const char *const paths[] = {"[0]", "[9]", "[10]", "[4999].a", "[5000]", "[49].b[1]"};
    static char doc[RUN_PIECE_MAX];
    struct pick_run run;
    size_t n = 0;

    (void)state;
    for (int i = 0; i < 5000; i++)
        n += (size_t)sprintf(doc + n,
                             i == 0      ? "[%d"
                             : i == 49   ? ",{\"b\":[[],%d,0]}"
                             : i == 4999 ? ",{\"a\":%d}"
                                         : ",%d",
                             i);
    doc[n++] = ']';
    rig.set = set_of(paths, COUNT(paths));
    for (size_t step = 1; step < 100000; step = step * 3 + 1) {
        pick_run_steps(&rig, &run, doc, n, step);
        assert_int_equal(run.p.state, OCTO_PICK_DONE);
        assert_int_equal(octo_pick_get(&run.p, 0).millionths, 0);
        assert_int_equal(octo_pick_get(&run.p, 1).millionths, 9000000);
        assert_int_equal(octo_pick_get(&run.p, 2).millionths, 10000000);
        assert_int_equal(octo_pick_get(&run.p, 3).millionths, 4999000000);
        assert_int_equal(octo_pick_get(&run.p, 4).kind, OCTO_PICK_ABSENT);
        assert_int_equal(octo_pick_get(&run.p, 5).millionths, 49000000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),      cmocka_unit_test(test_nul),
        cmocka_unit_test(test_numbers),     cmocka_unit_test(test_long_numbers),
        cmocka_unit_test(test_cut),         cmocka_unit_test(test_small_buffers),
        cmocka_unit_test(test_full_buffer), cmocka_unit_test(test_relocated),
        cmocka_unit_test(test_empty_set),   cmocka_unit_test(test_indexes),
    };

    rig = pick_rig_new();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
