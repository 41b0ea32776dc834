/*
 * Places in a JSON text. Two models: a writer of random documents, which knows where it put what; and jansson, which writes
 * documents in its own ways and must read the same value from the place that was found.
 */
#include "base/json_locate.h"
#include "choices.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_MAX = 1 << 16, PLACES_MAX = 2000, PATH_MAX_ = 4096 };

/* A document being written. */
static char text[TEXT_MAX];
static size_t used;
static struct place {
    char *path;
    size_t value, key;
} places[PLACES_MAX];
static unsigned place_count;

static void put(const char *s)
{
    assert_true(used + strlen(s) < TEXT_MAX);
    memcpy(text + used, s, strlen(s) + 1);
    used += strlen(s);
}

static void put_space(struct choices *c)
{
    static const char *const spaces[] = {"", "", "", " ", "\n", "\t", "\r\n", "  \n   "};

    put(spaces[choose(c, 8)]);
}

/* Keys as they are in the text, and as they are in a path; several spellings of one key are not in the same list. */
static const struct {
    const char *in_text, *in_path;
} keys[] = {
    {"a", "a"},
    {"ab", "ab"},
    {"abc", "[\"abc\"]"},
    {"", "[\"\"]"},
    {"x.y", "[\"x.y\"]"},
    {"[0]", "[\"[0]\"]"},
    {"\\\"", "[\"\\\"\"]"},
    {"\\\\", "[\"\\\\\"]"},
    {"\\\\\\\"}", "[\"\\\\\\\"}\"]"},
    {"\\u0062", "b"},
    {"\\u0041\\u004a", "AJ"},
    {"\\/", "/"},
    {"\\b\\f\\n\\r\\t", "\b\f\n\r\t"},
    {"\\u00e9", "\xc3\xa9"},
    {"\\u0850", "\xe0\xa1\x90"},
    {"\\u20AC", "\xe2\x82\xac"},
    {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
    {"\xc3\xa8", "[\"\xc3\xa8\"]"},
    {"{", "{"},
    {"}, ", "}, "},
    {"]", "[\"]\"]"},
    {":", ":"},
    {"12", "12"},
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

static void remember(const char *path, size_t value, size_t key)
{
    assert_true(place_count < PLACES_MAX);
    places[place_count++] = (struct place){strdup(path), value, key};
}

static void put_value(struct choices *c, char *path, unsigned depth, size_t key);

/* Keys from a random one on, so that none comes twice. */
static void put_object(struct choices *c, char *path, unsigned depth)
{
    unsigned n = choose(c, 5), first = choose(c, KEYS), step = 1 + choose(c, 4);
    size_t len = strlen(path);

    put("{");
    put_space(c);
    for (unsigned i = 0; i < n; i++) {
        unsigned k = (first + i * step) % KEYS;
        size_t at;

        if (i > 0) {
            put(",");
            put_space(c);
        }
        at = used;
        put("\"");
        put(keys[k].in_text);
        put("\"");
        put_space(c);
        put(":");
        put_space(c);
        if (len > 0 && keys[k].in_path[0] != '[')
            strcat(path, ".");
        strcat(path, keys[k].in_path);
        put_value(c, path, depth + 1, at);
        path[len] = '\0';
        put_space(c);
    }
    put("}");
}

static void put_array(struct choices *c, char *path, unsigned depth)
{
    unsigned n = choose(c, 5);
    size_t len = strlen(path);

    put("[");
    put_space(c);
    for (unsigned i = 0; i < n; i++) {
        if (i > 0) {
            put(",");
            put_space(c);
        }
        snprintf(path + len, 16, "[%u]", i);
        put_value(c, path, depth + 1, used);
        path[len] = '\0';
        put_space(c);
    }
    put("]");
}

static void put_value(struct choices *c, char *path, unsigned depth, size_t key)
{
    static const char *const scalars[] = {"null",  "true",     "false",      "0",        "-1.5e+3", "\"\"",
                                          "\"x\"", "\"\\\"\"", "\"]}\\\\\"", "\"{[,:\"", "12345",   "\"\\u005c\""};

    remember(path, used, key);
    switch (depth > 7 ? 2 : depth == 0 ? choose(c, 2) : choose(c, 3)) {
    case 0:
        put_object(c, path, depth);
        break;
    case 1:
        put_array(c, path, depth);
        break;
    default:
        put(scalars[choose(c, 12)]);
    }
}

static void naive_place(const char *s, size_t at, size_t *line, size_t *column)
{
    const char *begin = s;

    *line = 1;
    for (const char *p = s; p < s + at; p++) {
        if (*p == '\n') {
            ++*line;
            begin = p + 1;
        }
    }
    *column = (size_t)(s + at - begin) + 1;
}

static void assert_place(const char *exact, size_t len, const struct place *p)
{
    size_t value = 0, key = 0, line = 0, column = 0, right_line, right_column;

    if (!octo_json_find(exact, len, p->path, &value, &key) || value != p->value || key != p->key)
        fail_msg("%s: value %zu, key %zu; right are %zu, %zu in %s", p->path, value, key, p->value, p->key, text);
    naive_place(text, p->value, &right_line, &right_column);
    assert_true(octo_json_locate(exact, len, p->path, &line, &column));
    assert_int_equal(line, right_line);
    assert_int_equal(column, right_column);
}

static void test_written_documents(void **state)
{
    struct choices c = {.seed = 0x5eed};
    unsigned all = 0;

    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        char path[PATH_MAX_] = "";
        json_error_t error;
        json_t *root;
        char *exact;

        used = place_count = 0;
        put_space(&c);
        put_value(&c, path, 0, used);
        put_space(&c);
        root = json_loadb(text, used, JSON_REJECT_DUPLICATES, &error);
        if (!root)
            fail_msg("%s in %s", error.text, text);
        json_decref(root);
        exact = malloc(used);
        assert_non_null(exact);
        memcpy(exact, text, used);
        all += place_count;
        for (unsigned i = 0; i < place_count; i++) {
            assert_place(exact, used, &places[i]);
            free(places[i].path);
        }
        free(exact);
    }
    assert_true(all > 20000);
}

/* ── jansson's own documents ───────────────────────────────────────────────────────────────────────── */

static json_t *random_tree(struct choices *c, unsigned depth, unsigned *number)
{
    unsigned n = choose(c, 6);
    json_t *tree;
    char key[32];

    if (depth > 0 && (depth > 6 || choose(c, 2) == 0))
        return choose(c, 2) == 0 ? json_integer(++*number) : json_sprintf("\"\\\xc3\xa9/%u]}", ++*number);
    tree = choose(c, 2) == 0 ? json_object() : json_array();
    for (unsigned i = 0; i < n; i++) {
        json_t *value = random_tree(c, depth + 1, number);

        snprintf(key, sizeof(key), "%s%u", (const char *[]){"k", "k.\"\\", "\xe2\x82\xac", "\n["}[choose(c, 4)],
                 i);
        if (json_is_object(tree))
            json_object_set_new(tree, key, value);
        else
            json_array_append_new(tree, value);
    }
    return tree;
}

/* Numbers and texts are each there once, so what equals is the right one, unless it is empty. */
static unsigned assert_tree(const char *dump, size_t len, const json_t *tree, char *path)
{
    size_t value, key, line, column, right_line, right_column, at = strlen(path);
    json_error_t error;
    unsigned seen = 1;
    const char *name;
    json_t *there, *child;

    if (!octo_json_find(dump, len, path, &value, &key))
        fail_msg("%s is not found in %s", path, dump);
    there = json_loadb(dump + value, len - value, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &error);
    assert_true(there && json_equal(there, tree));
    json_decref(there);
    assert_true(octo_json_locate(dump, len, path, &line, &column));
    naive_place(dump, value, &right_line, &right_column);
    assert_true(line == right_line && column == right_column);
    json_object_foreach ((json_t *)tree, name, child) {
        char *to = path + at;

        to = stpcpy(to, "[\"");
        for (const char *p = name; *p; p++) {
            if (*p == '"' || *p == '\\')
                *to++ = '\\';
            *to++ = *p;
        }
        strcpy(to, "\"]");
        seen += assert_tree(dump, len, child, path);
        assert_true(octo_json_find(dump, len, path, &value, &key));
        there = json_loadb(dump + key, len - key, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &error);
        assert_true(json_is_string(there) && strcmp(json_string_value(there), name) == 0 && key < value);
        json_decref(there);
        path[at] = '\0';
    }
    for (size_t i = 0; i < json_array_size(tree); i++) {
        sprintf(path + at, "[%zu]", i);
        seen += assert_tree(dump, len, json_array_get(tree, i), path);
        path[at] = '\0';
    }
    return seen;
}

static void test_dumped_documents(void **state)
{
    struct choices c = {.seed = 0xd0c};
    unsigned all = 0;

    (void)state;
    for (unsigned round = 0; round < 500; round++) {
        size_t flags = JSON_INDENT(choose(&c, 9)) | (choose(&c, 2) ? JSON_COMPACT : 0) |
                       (choose(&c, 2) ? JSON_ENSURE_ASCII : 0) | (choose(&c, 2) ? JSON_SORT_KEYS : 0) |
                       (choose(&c, 2) ? JSON_ESCAPE_SLASH : 0);
        char path[PATH_MAX_] = "";
        unsigned number = 0;
        json_t *tree = random_tree(&c, 0, &number);
        char *dump = json_dumps(tree, flags);

        all += assert_tree(dump, strlen(dump), tree, path);
        free(dump);
        json_decref(tree);
    }
    assert_true(all > 5000);
}

/* ── what is not there ─────────────────────────────────────────────────────────────────────────────── */

static void test_paths_that_lead_nowhere(void **state)
{
    static const char document[] = "{\"a\": [1, {\"b\": 2}], \"ab\": {}, \"c\": \"\", \"\\u00e9\": 1}";
    static const char *const paths[] = {"b",
                                        "a.b",
                                        "a[2]",
                                        "a[1].c",
                                        "a[1][0]",
                                        "ab.x",
                                        "ab[0]",
                                        "c.x",
                                        "c[0]",
                                        "[0]",
                                        "A",
                                        "a.",
                                        ".a",
                                        "a[",
                                        "a[]",
                                        "a[x]",
                                        "a[0",
                                        "a[00",
                                        "[\"a",
                                        "[\"a\"",
                                        "[a]",
                                        "a]",
                                        "a\"",
                                        "a..b",
                                        "a[0]1",
                                        "\xc3",
                                        "aa",
                                        "a[-1]",
                                        "a[99999999999999999999]",
                                        "[\"a\\\"]"};
    size_t value, key, line, column;

    (void)state;
    for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (octo_json_find(document, sizeof(document) - 1, paths[i], &value, &key))
            fail_msg("%s is found at %zu", paths[i], value);
        assert_false(octo_json_locate(document, sizeof(document) - 1, paths[i], &line, &column));
    }
    assert_true(octo_json_locate(document, sizeof(document) - 1, "\xc3\xa9", &line, &column));
    assert_int_equal(column, 51);
}

/* A text that is cut anywhere, or has other bytes somewhere, is not read beyond its end. */
static void test_broken_documents(void **state)
{
    static const char document[] = "{\"a\\\"\\u00e9\": [1, {\"b\": \"\\\\x\"}, true], \"ab\": {\"c\": [[], "
                                   "-1.5e3]}, \"\\ud83d\\ude00\": null}";
    static const char *const paths[] = {
        "", "[\"a\\\"\xc3\xa9\"][1].b", "ab.c[1]", "\xf0\x9f\x98\x80", "zz", "ab.c[0][0]"};
    struct choices c = {.seed = 0xbad};
    size_t value, key;

    (void)state;
    for (size_t len = 0; len < sizeof(document); len++) {
        for (unsigned round = 0; round < 20; round++) {
            char *copy = malloc(len > 0 ? len : 1);

            assert_non_null(copy);
            memcpy(copy, document, len);
            for (unsigned i = 0; len > 0 && i < round % 4; i++)
                copy[choose(&c, (uint32_t)len)] = "\"\\{}[],:ux0 \0"[choose(&c, 13)];
            for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
                if (octo_json_find(copy, len, paths[i], &value, &key))
                    assert_true(value < len && key <= value);
            free(copy);
        }
    }
}

/* As deep as you like, and in linear time. */
static void test_deep_and_long(void **state)
{
    enum { DEEP = 200000, LONG = 2000000 };
    char *document = malloc(LONG + 64);
    size_t value, key;

    (void)state;
    assert_non_null(document);
    memset(document, '[', DEEP + 1);
    memset(document + DEEP + 1, ']', DEEP);
    strcpy(document + 2 * DEEP + 1, ", 7]");
    assert_true(octo_json_find(document, strlen(document), "[1]", &value, &key));
    assert_int_equal(value, 2 * DEEP + 3);
    document[0] = '[';
    for (size_t i = 1; i < LONG; i += 2)
        memcpy(document + i, "1,", 2);
    strcpy(document + LONG + 1, "7]");
    assert_true(octo_json_find(document, LONG + 3, "[1000000]", &value, &key));
    assert_int_equal(value, LONG + 1);
    free(document);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_documents),       cmocka_unit_test(test_dumped_documents),
        cmocka_unit_test(test_paths_that_lead_nowhere), cmocka_unit_test(test_broken_documents),
        cmocka_unit_test(test_deep_and_long),
    };

    return cmocka_run_group_tests_name("json_locate", tests, NULL, NULL);
}
