/*
 * Patterns of paths: what may be written, what matches, against a model that splits first and compares then.
 */
#include "choices.h"
#include "guard.h"
#include "proto/endpoint.h"
#include "proto/pattern.h"

#include <errno.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define X32 "abcdefghijklmnopqrstuvwxyzabcdef"
#define NAMES8 "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}"

static struct guard pattern_room, path_room;

static int check(const char *pattern, size_t n, size_t *column, const char **why)
{
    return octo_pattern_check((char *)guard_tail(&pattern_room, pattern, n), n, column, why);
}

static bool usable(const char *pattern)
{
    size_t column = 0;
    const char *why = NULL;
    int result = check(pattern, strlen(pattern), &column, &why);

    assert_true(result == (why == NULL ? 0 : -EINVAL));
    assert_true((column == 0) == (why == NULL));
    assert_true(column <= strlen(pattern) + 1);
    return result == 0;
}

static bool match(const char *pattern, const char *path, struct octo_capture *captures)
{
    size_t pattern_len = strlen(pattern), path_len = strlen(path);

    return octo_pattern_match((char *)guard_tail(&pattern_room, pattern, pattern_len), pattern_len,
                              (char *)guard_tail(&path_room, path, path_len), path_len, captures);
}

static int name(const char *pattern, const char *wanted)
{
    size_t n = strlen(pattern);

    return octo_pattern_name((char *)guard_tail(&pattern_room, pattern, n), n, wanted, strlen(wanted));
}

static void test_errors(void **state)
{
    static const struct {
        const char *pattern;
        size_t column;
        const char *why; /* how it begins */
    } errors[] = {
        {"", 1, "must begin with '/'"},
        {"users", 1, "must begin with '/'"},
        {"*", 1, "must begin with '/'"},
        {"{a}", 1, "must begin with '/'"},
        {"http://h/a", 1, "must begin with '/'"},
        {"//", 2, "'/' after '/'"},
        {"/a//b", 4, "'/' after '/'"},
        {"/a/", 3, "'/' at the end"},
        {"/{a}/", 5, "'/' at the end"},
        {"/a/{b", 4, "'{' without '}'"},
        {"/a/{", 4, "'{' without '}'"},
        {"/a/{b/c}", 4, "'{' without '}'"},
        {"/a/b}", 5, "'}' without '{'"},
        {"/}", 2, "'}' without '{'"},
        {"/{a}}", 5, "a name is a whole segment: only"},
        {"/{a}b", 5, "a name is a whole segment: only"},
        {"/{a}{b}", 5, "a name is a whole segment: only"},
        {"/b{a}", 3, "a name is a whole segment: '{'"},
        {"/{}", 3, "no name"},
        {"/{1a}", 3, "a name is made of"},
        {"/{a-b}", 4, "a name is made of"},
        {"/{a*}", 4, "a name is made of"},
        {"/{a b}", 4, "a name is made of"},
        {"/{{a}}", 3, "a name is made of"},
        {"/{a\xc3\xa4}", 4, "a name is made of"},
        {"/{a}/b/{a}", 9, "this name is there already"},
        {"/{a}/{b_1}/{b_1}", 13, "this name is there already"},
        {NAMES8 "/{i}", 34, "more than 8 names"},
        {"/*/a", 2, "'*' must be"},
        {"/a/**", 4, "'*' must be"},
        {"/a*", 3, "'*' must be"},
        {"/*a", 2, "'*' must be"},
        {"/*/", 2, "'*' must be"},
        {"/a?b", 3, "a path ends"},
        {"/a/#", 4, "a path ends"},
        {"/users/:id", 8, "a name is written {name}"},
        {"/a\"", 3, "quotation marks"},
        {"/\\d", 2, "quotation marks"},
        {"/a b", 3, "blanks"},
        {"/a/\tb", 4, "blanks"},
        {"/a\n", 3, "blanks"},
        {"/\x7f", 2, "blanks"},
        {"/caf\xc3\xa9", 5, "blanks"},
        {"/" X32 "/" X32 "/" X32 "/" X32 "a?", 129, "longer than 128"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        size_t column = 0;
        const char *why = "";
        int result = check(errors[i].pattern, strlen(errors[i].pattern), &column, &why);

        if (result != -EINVAL || column != errors[i].column ||
            strncmp(why, errors[i].why, strlen(errors[i].why)) != 0)
            fail_msg("%s: %d, %zu, %s", errors[i].pattern, result, column, why);
    }
}

static void test_usable(void **state)
{
    static const char *const good[] = {
        "/",
        "/*",
        "/a",
        "/a/*",
        "/{a}",
        "/{_}/{A09_z}/*",
        "/{a}/{A}/{ab}/{b}",
        NAMES8,
        NAMES8 "/i/*",
        "/a:b/-._~!$&'()+,;=@%20|^`<>[]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!usable(good[i]))
            fail_msg("%s", good[i]);
}

/* Every length, and every byte in a segment. */
static void test_lengths_and_bytes(void **state)
{
    char pattern[OCTO_PATTERN_MAX + 3];

    (void)state;
    memset(pattern, 'a', sizeof(pattern));
    pattern[0] = '/';
    for (size_t n = 1; n < sizeof(pattern); n++) {
        size_t column = 0;
        const char *why;

        assert_int_equal(check(pattern, n, &column, &why), n <= OCTO_PATTERN_MAX ? 0 : -EINVAL);
        assert_int_equal(column, n <= OCTO_PATTERN_MAX ? 0 : OCTO_PATTERN_MAX + 1);
    }
    for (int c = 0; c < 256; c++) {
        char text[] = {'/', 'a', (char)c, 'b'};
        size_t column = 0;
        const char *why;
        bool wanted = c > ' ' && c < 0x7f && strchr("\"\\{}*?#", c) == NULL;

        assert_int_equal(check(text, 4, &column, &why), wanted ? 0 : -EINVAL);
        assert_int_equal(column, wanted ? 0 : 3);
    }
}

static void test_matches(void **state)
{
    static const struct {
        const char *pattern, *path;
        bool match;
        const char *captured; /* each followed by a blank */
    } cases[] = {
        {"/users/{name}/posts/{id}", "/users/alice/posts/7", true, "alice 7 "},
        {"/users/{name}/posts/{id}", "/users/alice/posts/7?id=8", true, "alice 7 "},
        {"/users/{name}/posts/{id}", "/users/alice/posts/7#8", true, "alice 7 "},
        {"/users/{name}/posts/{id}", "http://u:p@h:80/users/a%20b/posts/7?x", true, "a%20b 7 "},
        {"/users/{name}/posts/{id}", "//users///alice/posts/7//", true, "alice 7 "},
        {"/users/{name}/posts/{id}", "/users/alice/posts", false, ""},
        {"/users/{name}/posts/{id}", "/users/alice/posts/", false, ""},
        {"/users/{name}/posts/{id}", "/users/alice/posts/7/x", false, ""},
        {"/users/{name}/posts/{id}", "/users//posts/7", false, ""},
        {"/users/{name}/posts/{id}", "/Users/alice/posts/7", false, ""},
        {"/users/{name}", "/users?/alice", false, ""},
        {"/users", "/user", false, ""},
        {"/users", "/userss", false, ""},
        {"/users", "/users", true, ""},
        {"/users", "/users/", true, ""},
        {"/users", "/users?q", true, ""},
        {"/users", "/users/?q", true, ""},
        {"/users", "users", false, ""},
        {"/users", "http:/users", false, ""},
        {"/", "/", true, ""},
        {"/", "", true, ""},
        {"/", "?q", true, ""},
        {"/", "//", true, ""},
        {"/", "http://h", true, ""},
        {"/", "/a", false, ""},
        {"/", "*", false, ""},
        {"/", "h:80", false, ""},
        {"/*", "/", true, ""},
        {"/*", "/a/b", true, ""},
        {"/*", "*", false, ""},
        {"/*", "h:80", false, ""},
        {"/*", "a", false, ""},
        {"/static/*", "/static", true, ""},
        {"/static/*", "/static/", true, ""},
        {"/static/*", "/static/a/b?c", true, ""},
        {"/static/*", "/statics", false, ""},
        {"/static/*", "/", false, ""},
        {"/{a}/*", "/x/y/z", true, "x "},
        {"/{a}/*", "/x", true, "x "},
        {"/{a}/*", "/", false, ""},
        {"/a%2Fb", "/a%2Fb", true, ""},
        {"/a%2Fb", "/a%2fb", false, ""},
        {"/{x}", "/..", true, ".. "},
        {NAMES8, "/1/22/333/4/5/6/7/88888", true, "1 22 333 4 5 6 7 88888 "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct octo_capture captures[OCTO_PATTERN_CAPTURES] = {{NULL, 0}};
        char captured[1024] = "", *p = captured;

        assert_true(usable(cases[i].pattern));
        if (match(cases[i].pattern, cases[i].path, captures) != cases[i].match)
            fail_msg("%s on %s", cases[i].pattern, cases[i].path);
        for (unsigned j = 0; cases[i].match && j < OCTO_PATTERN_CAPTURES && captures[j].at != NULL; j++)
            p += sprintf(p, "%.*s ", captures[j].len, captures[j].at);
        assert_string_equal(captured, cases[i].captured);
    }
}

/* A capture's length has 16 bits. */
static void test_longest(void **state)
{
    struct guard g = guard_new(UINT16_MAX + 1);
    char *path = (char *)g.end - UINT16_MAX;
    struct octo_capture captures[OCTO_PATTERN_CAPTURES];

    (void)state;
    memset(path - 1, 'a', UINT16_MAX + 1);
    path[0] = '/';
    assert_true(octo_pattern_match("/{a}", 4, path, UINT16_MAX, captures));
    assert_ptr_equal(captures[0].at, path + 1);
    assert_int_equal(captures[0].len, UINT16_MAX - 1);
    path[-1] = '/';
    assert_false(octo_pattern_match("/{a}", 4, path - 1, UINT16_MAX + 1, captures));
    guard_free(&g);
}

static void test_names(void **state)
{
    static const char pattern[] = "/users/{user}/user/{id}/{_}/*";

    (void)state;
    assert_int_equal(name(pattern, "user"), 0);
    assert_int_equal(name(pattern, "id"), 1);
    assert_int_equal(name(pattern, "_"), 2);
    assert_int_equal(name(pattern, "use"), -1);
    assert_int_equal(name(pattern, "users"), -1);
    assert_int_equal(name(pattern, "USER"), -1);
    assert_int_equal(name(pattern, ""), -1);
    assert_int_equal(name("/a", "a"), -1);
    assert_int_equal(name(NAMES8, "h"), 7);
}

/* What pattern.h says of text, in other words. */
static bool model_usable(const regex_t *grammar, const char *text)
{
    char copy[256], *rest = copy, *names[32];
    unsigned count = 0;

    if (strlen(text) > 128 || regexec(grammar, text, 0, NULL, 0) != 0)
        return false;
    strcpy(copy, text);
    for (char *s; (s = strsep(&rest, "/")) != NULL;) {
        if (*s != '{')
            continue;
        for (unsigned i = 0; i < count; i++)
            if (strcmp(names[i], s) == 0)
                return false;
        names[count++] = s;
    }
    return count <= 8;
}

static bool model_match(char *pattern, char *path, char *captured)
{
    char *wanted[64] = {NULL}, *got[64] = {NULL};
    size_t want = 0, have = 0;

    path[strcspn(path, "?#")] = '\0';
    if (strncmp(path, "http://", 7) == 0)
        path += 7 + strcspn(path + 7, "/");
    for (char *s = strtok(pattern, "/"); s != NULL; s = strtok(NULL, "/"))
        wanted[want++] = s;
    for (char *s = strtok(path, "/"); s != NULL; s = strtok(NULL, "/"))
        got[have++] = s;
    *captured = '\0';
    for (size_t i = 0; i < want || i < have; i++) {
        if (i < want && strcmp(wanted[i], "*") == 0)
            return true;
        if (i >= want || i >= have)
            return false;
        if (wanted[i][0] == '{')
            strcat(strcat(captured, got[i]), " ");
        else if (strcmp(wanted[i], got[i]) != 0)
            return false;
    }
    return true;
}

static void random_text(struct choices *c, char *to, const char *const *pieces, uint32_t count, uint32_t length)
{
    for (uint32_t n = choose(c, length); n > 0; n--)
        to += sprintf(to, "%s", pieces[choose(c, count)]);
    *to = '\0';
}

static void test_model(void **state)
{
    static const char *const in_pattern[] = {"/a", "/b", "/ab", "/{x}", "/{y}", "/{z}", "/*", "/", "c", "*", "{x"};
    static const char *const in_path[] = {"/a", "/a", "/b", "/ab", "//", "a", "b", "%2f", "/x-y", "?", "#a"};
    static char pattern[512], path[512], pattern_copy[512], path_copy[512], wanted[1024], captured[1024];
    struct choices c = {.seed = 4};
    unsigned matched = 0, good = 0;
    regex_t grammar;

    (void)state;
    assert_int_equal(regcomp(&grammar,
                             "^(/|((/([^/{}*?#:][^/{}*?#]*|\\{[A-Za-z_][A-Za-z0-9_]*\\}))+(/\\*)?|/\\*))$",
                             REG_EXTENDED | REG_NOSUB),
                     0);
    for (int i = 0; i < 200000; i++) {
        struct octo_capture captures[OCTO_PATTERN_CAPTURES];
        char *p = captured;
        bool yes;

        random_text(&c, pattern, in_pattern, rarely(&c, 3) ? 11 : 7, rarely(&c, 30) ? 60 : 6);
        random_text(&c, path + sprintf(path, "%s", rarely(&c, 8) ? "http://h" : "/"), in_path, 11, 7);
        if (usable(pattern) != model_usable(&grammar, pattern))
            fail_msg("%s", pattern);
        if (!usable(pattern))
            continue;
        good++;
        yes = model_match(strcpy(pattern_copy, pattern), strcpy(path_copy, path), wanted);
        if (match(pattern, path, captures) != yes)
            fail_msg("%s on %s", pattern, path);
        if (!yes)
            continue;
        matched++;
        *p = '\0';
        for (const char *s = pattern; (s = strchr(s, '{')) != NULL; s++) {
            const struct octo_capture *capture =
                captures + octo_pattern_name(pattern, strlen(pattern), s + 1, strcspn(s + 1, "}"));

            p += sprintf(p, "%.*s ", capture->len, capture->at);
        }
        assert_string_equal(captured, wanted);
    }
    assert_true(good > 20000 && matched > 2000);
    regfree(&grammar);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),  cmocka_unit_test(test_usable),  cmocka_unit_test(test_lengths_and_bytes),
        cmocka_unit_test(test_matches), cmocka_unit_test(test_longest), cmocka_unit_test(test_names),
        cmocka_unit_test(test_model),
    };

    pattern_room = guard_new(512);
    path_room = guard_new(512);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
