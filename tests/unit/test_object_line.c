/*
 * Lines that are JSON objects: the place at which members are added, against jansson: what is taken is an object, and with a member
 * added it is that object with one more. Random lines, whole and damaged, against a guard page.
 */
#include "guard.h"

#include "proto/object_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>

static const char *const NAMES[] = {"request_id", "service", "a"};

static bool looks(const char *line, size_t n, struct octo_object_line *found)
{
    struct guard g = guard_new(4096);
    bool is = octo_object_line((const char *)guard_tail(&g, line, n), n, NAMES, 3, found);

    guard_free(&g);
    return is;
}

static void examples(void **state)
{
    static const struct {
        const char *line;
        size_t at;
        bool empty;
        uint32_t has;
    } good[] = {
        {"{}", 1, true, 0},
        {" { } \r", 3, true, 0},
        {"{\"b\": 1}", 7, false, 0},
        {"{\"a\":1,\"request_id\":null}", 24, false, 5},
        {"{\"b\": {\"service\": 1}, \"c\": [\"a\", {\"a\": 1}]}", 42, false, 0},
        {"{\"b\": \"}\\\"{,\"}", 13, false, 0},
        {"{\"service\" : \"x\" }", 17, false, 2},
    };
    static const char *const bad[] = {
        "",
        " ",
        "x",
        "[]",
        "\"{}\"",
        "{",
        "}",
        "{}x",
        "{} {}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":1",
        "{\"a\":[1}",
        "{\"a\":{]}",
        "{\"a\":\"x}",
        "{\"a\":\"x\\\"}",
        "{a:1}",
        "{\"a\":1 \"b\":2}x",
        "{\"\\u0061\":1}",
        "{\"a\":1}}",
        "{\"a\":\"\x01\"}",
        "2025 {\"a\": 1}",
    };
    struct octo_object_line found;

    (void)state;
    for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!looks(good[i].line, strlen(good[i].line), &found) || found.at != good[i].at ||
            found.empty != good[i].empty || found.has != good[i].has)
            fail_msg("%s: at %zu, empty %d, has %u", good[i].line, found.at, found.empty, found.has);
    }
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (looks(bad[i], strlen(bad[i]), &found))
            fail_msg("taken: %s", bad[i]);
}

static uint64_t x = 88172645463325252u;

static unsigned any(unsigned n)
{
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    return (unsigned)(x >> 20) % n;
}

static json_t *random_value(int depth)
{
    static const char *const texts[] = {"", "}", "{\"a\": 1}", "\\", "\"", "a,b", "\u00e9", "[", "request_id"};

    switch (depth > 0 ? any(6) : any(4)) {
    case 0:
        return json_integer((json_int_t)any(1000));
    case 1:
        return json_string(texts[any(9)]);
    case 2:
        return json_boolean(any(2));
    case 3:
        return json_null();
    case 4: {
        json_t *array = json_array();
        for (unsigned n = any(4); n > 0; n--)
            json_array_append_new(array, random_value(depth - 1));
        return array;
    }
    default: {
        static const char *const names[] = {"a", "b", "service", "request_id", "x y", "{", "}"};
        json_t *object = json_object();
        for (unsigned n = any(5); n > 0; n--)
            json_object_set_new(object, names[any(7)], random_value(depth - 1));
        return object;
    }
    }
}

static void against_jansson(void **state)
{
    unsigned taken = 0;

    (void)state;
    for (int i = 0; i < 40000; i++) {
        json_t *object = random_value(3);
        char *line = json_dumps(object, JSON_ENCODE_ANY | (any(2) ? JSON_COMPACT : 0)), more[4096];
        size_t n = strlen(line);
        struct octo_object_line found;
        bool whole = any(2);

        if (!whole && n > 0) /* damaged: cut, or a byte changed */
            any(2) ? (void)(n = any((unsigned)n)) : (void)(line[any((unsigned)n)] = "{}[]\",:\\x"[any(9)]);
        if (looks(line, n, &found)) {
            taken++;
            if (whole) {
                assert_true(json_is_object(object));
                for (unsigned k = 0; k < 3; k++)
                    assert_int_equal(found.has >> k & 1, json_object_get(object, NAMES[k]) != NULL);
                assert_int_equal(found.empty, json_object_size(object) == 0);
            }
            snprintf(more, sizeof(more), "%.*s%s\"added\": 1%.*s", (int)found.at, line, found.empty ? "" : ", ",
                     (int)(n - found.at), line + found.at);
            json_t *before = json_loadb(line, n, 0, NULL), *after = json_loads(more, 0, NULL);
            if (before) { /* a value's own grammar is its writer's */
                assert_non_null(after);
                json_object_set_new(before, "added", json_integer(1));
                assert_true(json_equal(before, after));
            }
            json_decref(before);
            json_decref(after);
        } else if (whole) {
            assert_false(json_is_object(object));
        }
        free(line);
        json_decref(object);
    }
    assert_true(taken > 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples),
        cmocka_unit_test(against_jansson),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
