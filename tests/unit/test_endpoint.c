/*
 * The label `endpoint`: the rules at their limits, a model of regular expressions, hostile bytes.
 */
#include "choices.h"
#include "guard.h"
#include "proto/endpoint.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SAFE "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:*"

static struct guard in, out;

/* The endpoint of target[0..n), as a string. Not a byte before, behind or beyond is touched. */
static const char *fold(const char *target, size_t n)
{
    static char text[4][OCTO_ENDPOINT_MAX + 1];
    static unsigned turn;
    char *tail = (char *)out.end - OCTO_ENDPOINT_MAX, *to = text[turn++ % 4];
    size_t len = octo_endpoint_fold((const char *)guard_tail(&in, target, n), n, tail);

    assert_in_range(len, 1, OCTO_ENDPOINT_MAX);
    memcpy(to, tail, len);
    to[len] = '\0';
    assert_int_equal(octo_endpoint_fold((const char *)guard_front(&in, target, n), n, tail), len);
    assert_memory_equal(tail, to, len);
    return to;
}

static const char *fold_text(const char *target)
{
    return fold(target, strlen(target));
}

/* What holds whatever comes in. */
static const char *fold_sound(const char *target, size_t n)
{
    const char *endpoint = fold(target, n);

    assert_int_equal(strspn(endpoint, SAFE), strlen(endpoint));
    assert_string_equal(fold_text(endpoint), endpoint);
    return endpoint;
}

#define X30 "abcdefghijklmnopqrstuvwxyzabcd"
#define X32 X30 "ef"
#define FIVE "/" X32 "/" X32 "/" X32 "/" X32 "/" X32

static const struct {
    const char *target, *endpoint;
} vectors[] = {
    /* conventions 3.2 */
    {"/api/v1/tasks/123", "/api/v1/tasks/:id"},
    {"/u/550e8400-e29b-41d4-a716-446655440000/x", "/u/:id/x"},
    {"/facade", "/facade"},
    {"/deadbeef01", "/:id"},
    {"/v2", "/v2"},
    {"/a%2e%2e/b", "/:id/b"},
    {"*", "*"},
    {"example.org:443", "CONNECT"},
    /* forms */
    {"", "/"},
    {"/", "/"},
    {"///", "/"},
    {"?a=b", "/"},
    {"#a", "/"},
    {"/?a", "/"},
    {"/a//b///c/", "/a/b/c"},
    {"/a?b/c#d", "/a"},
    {"/a#b?c", "/a"},
    {"http://example.org/tasks/1?x", "/tasks/:id"},
    {"http://u:secret@example.org:80", "/"},
    {"http://h?secret", "/"},
    {"http://h#secret/a", "/"},
    {"http:///a", "/a"},
    {"coap+tcp.x-1://h/a", "/a"},
    {"http:/h/a", ":id"},
    {"1http://h/a", ":id"},
    {"1://h/a", ":id"},
    {"a b://h/a", ":id"},
    {"a/b://h/a", ":id"},
    {"://h/a", ":id"},
    {"/http://h/a", "/:id/h/a"},
    {"*?a", "*"},
    {"*a", ":id"},
    {"[::1]:8443", "CONNECT"},
    {"u:secret@h:65535", "CONNECT"},
    {"h:123456", ":id"},
    {"h:", ":id"},
    {":80", ":id"},
    {"h:8a", ":id"},
    {"h/p:80", ":id"},
    {"h?p:80", ":id"},
    {"CONNECT", "CONNECT"},
    {"CONNECTS", ":id"},
    {"index.html", ":id"},
    /* length */
    {"/" X32, "/" X32},
    {"/g" X32, "/:id"},
    {FIVE "/" X32, FIVE "/" X32},
    {FIVE "/" X32 "/a", FIVE "/" X32 "/*"},
    {"/b" FIVE "/" X30, "/b" FIVE "/" X30},
    {"/b" FIVE "/" X30 "e", "/b" FIVE "/*"},
    /* depth */
    {"/a/b/c/d/e/f/g/h", "/a/b/c/d/e/f/g/h"},
    {"/a/b/c/d/e/f/g/h//", "/a/b/c/d/e/f/g/h"},
    {"/a/b/c/d/e/f/g/h/i", "/a/b/c/d/e/f/g/h/*"},
    {"/a/b/c/d/e/f/g/h/i/j/k", "/a/b/c/d/e/f/g/h/*"},
    /* hashed assets */
    {"/app.8f3a2b1c.js", "/:hash.js"},
    {"/static/js/main.8f3a2b1c.chunk.js.map", "/static/js/:hash.map"},
    {"/8f3a2b1c.woff2", "/:hash.woff2"},
    {"/app.8f3a2b1c.js/x", "/:hash.js/x"},
    {"/" X32 "-8f3a2b1c.js", "/:hash.js"},
    /* bytes that are not kept */
    {"/~joe/list;v=1/u@h/12:30", "/:id/:id/:id/:id"},
};

/* Become themselves. */
static const char kept[] =
    /* what folding writes */
    "/:id/x /* /*/a /:hash.js /:hash.woff2 "
    /* numbers, words */ "/3d /a/../b/./c /.well-known/x.y /oauth2 /v1beta1 /v123456789 "
    /* hex */ "/deadbe1 /deadbeef /deadbeeg1 /xdeadbee1 /abcdefab.x2y "
    /* assets */ "/a.8f3a2b1 /jquery-3.6.0.min.js /bootstrap.css /clip.mp4 "
    /* ULIDs */ "/8ZZZZZZZZZZZZZZZZZZZZZZZZZ /AZZZZZZZZZZZZZZZZZZZZZZZZ7 /7ZZZZZZZZZZZZZZZZZZZZZZZZ "
    "/7ZZZZZZZZZZZZZZZZZZZZZZZZI /7LZZZZZZZZZZZZZZZZZZZZZZZZ /7ZOZZZZZZZZZZZZZZZZZZZZZZZ "
    "/7ZZuZZZZZZZZZZZZZZZZZZZZZZ /7ZZZZZZZZZZZZ-ZZZZZZZZZZZZ "
    /* base64url */ "/abcdefghijklm12 /abcdefghijklmn12 /abcdefgh.jklm123 "
    /* prefixes */ "/task-12 /task-abc /t-123 /abcdefghijklm-z12 /task.123 /task-1.2.3 /task-a1-b2 /gpt-4o-mini "
    /* credentials */ "/sk-abcdefghijklmno /ghostwriters-article /get_something-longer /xeyJhbGciOi.abc.abcd";

/* One segment each, which becomes :id. */
static const char varying[] =
    /* what folding does not write */
    "/:ie /:idx /** /:hash. /:hash.1s /:hash.abcdef /:hash.a.b "
    /* numbers, dates */ "/0 /18446744073709551615 /2025-11-10 /10.0.0.1 /7.json /1_000 /v123456789012345 "
    /* hex */ "/deadbee1 /dEADBEe1 /order.of-deadbee1 /a_deadbee1.b_c-d "
    /* not an extension */ "/8f3a2b1c.woff22 /8f3a2b1c.2 /8f3a2b1c. "
    /* ULIDs */ "/01ARZ3NDEKTSV4RRFFQ69G5FAV /7ZZZZZZZZZZZZZZZZZZZZZZZZZ /7abcdefghjkmnpqrstvwxyzabc "
    /* base64url */ "/abcdefghijklm123 /aB3_dE-gH1jKlm9o "
    /* prefixes */ "/task-123 /req_ab12 /INV-2025-001 /tt-123 /abcdefghijkl-12z /task-123.json "
    /* credentials */ "/sk-abcdefghijklmnop /ghp_abcdefghijklmno /github_pat_abcdefgh /AKIAIOSFODNNEXAMPLE "
    "/ASIAIOSFODNNEXAMPLE /eyJhbGciOi.abc.abcd /eyJ.deadbeef01.abcd";

static void check(const char *target, const char *wanted)
{
    const char *endpoint = fold_sound(target, strlen(target));

    if (strcmp(endpoint, wanted) != 0)
        fail_msg("%s: %s, not %s", target, endpoint, wanted);
}

/* Each of the targets, which blanks separate, becomes `wanted`, or itself if that is NULL. */
static void check_each(const char *targets, const char *wanted)
{
    char target[64];

    for (size_t n; *targets != '\0'; targets += n + strspn(targets + n, " ")) {
        n = strcspn(targets, " ");
        assert_true(n < sizeof(target));
        memcpy(target, targets, n);
        target[n] = '\0';
        check(target, wanted != NULL ? wanted : target);
    }
}

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
        check(vectors[i].target, vectors[i].endpoint);
    check_each(kept, NULL);
    check_each(varying, "/:id");
}

static void test_every_byte(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char target[] = {'/', 'a', (char)c, 'b', '\0'};
        bool word = c != 0 && strchr("-_.", c) != NULL;
        const char *wanted = c == '/' ? "/a/b" : c == '?' || c == '#' ? "/a" : "/:id";

        word |= (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        assert_string_equal(fold_sound(target, 4), word ? target : wanted);
        assert_int_equal(octo_endpoint_ends((char)c), c == '/' || c == '?' || c == '#');
    }
}

/* Paths of everyday IDs come out as what they were made from. */
static void test_few_from_many(void **state)
{
    static const char hex[] = "0123456789abcdef", base32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    static const char base62[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    struct choices c = {.seed = 20251110};

    (void)state;
    for (int i = 0; i < 100000; i++) {
        char id[64] = "", target[160], *p = id;
        int n = 0;

        switch (i % 7) {
        case 0:
            sprintf(id, "%llu", (unsigned long long)choose(&c, UINT32_MAX) << choose(&c, 32));
            break;
        case 1: /* UUID, or the same without hyphens */
            for (n = 0; n < 32; n++) {
                if ((n == 8 || n == 12 || n == 16 || n == 20) && i % 2)
                    *p++ = '-';
                *p++ = n == 12 ? '4' : hex[choose(&c, 16)];
            }
            break;
        case 2: /* ULID */
            for (*p++ = (char)('0' + choose(&c, 8)); n < 25; n++)
                *p++ = base32[choose(&c, 32)];
            break;
        case 3: /* hex, one digit at least */
            for (n = 8 + (int)choose(&c, 50); n > 1; n--)
                *p++ = hex[choose(&c, 16)];
            id[choose(&c, (uint32_t)(p - id))] = (char)('0' + choose(&c, 10));
            *p = hex[choose(&c, 16)];
            break;
        case 4:
            sprintf(id, "%04u-%02u-%02u", choose(&c, 9999), 1 + choose(&c, 12), 1 + choose(&c, 31));
            break;
        case 5:
            sprintf(id, "order%c%03u", i % 2 ? '-' : '_', choose(&c, UINT32_MAX));
            break;
        default: /* base64url with three digits */
            for (n = 16 + (int)choose(&c, 40); n > 3; n--)
                *p++ = base62[choose(&c, 64)];
            sprintf(p, "%03u", choose(&c, 1000));
        }
        snprintf(target, sizeof(target), "/api/v1/orders/%s/lines/%u?q=%s", id, choose(&c, 1000), id);
        if (strcmp(fold_text(target), "/api/v1/orders/:id/lines/:id") != 0)
            fail_msg("%s: %s", target, fold_text(target));
    }
}

static bool matches(const char *expression, const char *text)
{
    static struct {
        const char *expression;
        regex_t compiled;
    } known[32];
    size_t i = 0;

    while (known[i].expression != NULL && known[i].expression != expression)
        i++;
    if (known[i].expression == NULL) {
        known[i].expression = expression;
        assert_int_equal(regcomp(&known[i].compiled, expression, REG_EXTENDED | REG_NOSUB), 0);
        assert_true(i + 1 < sizeof(known) / sizeof(known[0]));
    }
    return regexec(&known[i].compiled, text, 0, NULL, 0) == 0;
}

/* What endpoint.h says of a segment: itself, or what it becomes, perhaps in `to`. */
static const char *model_segment(const char *s, char *to)
{
    char stem[1024], parts[1024], *rest = parts;
    const char *ext = strrchr(s, '.');

    if (matches("^(:id|\\*|:hash\\.[A-Za-z][A-Za-z0-9]{0,4})$", s))
        return s;
    if (matches("[^A-Za-z0-9._-]", s) ||
        matches("^(sk-.{16}|gh._.{15}|github_pat_.{8}|AKIA.{15}|ASIA.{15}|eyJ.{16})", s))
        return ":id";
    if (!matches("^.+\\.[A-Za-z][A-Za-z0-9]{0,4}$", s))
        ext = NULL;
    strcpy(stem, s);
    if (ext != NULL)
        stem[ext - s] = '\0';
    strcpy(parts, stem);
    for (char *part; (part = strsep(&rest, "-_.")) != NULL;) {
        if (matches("^[0-9a-fA-F]{8,}$", part) && matches("[0-9]", part)) {
            sprintf(to, ":hash%s", ext != NULL ? ext : "");
            return ext != NULL ? to : ":id";
        }
    }
    if (strlen(s) > 32)
        return ":id";
    if (!matches("[0-9]", stem))
        return s;
    if (matches("^[0-9._-]+$", stem) || matches("^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$", stem) ||
        (matches("^[^.]{16,}$", stem) && matches("[0-9].*[0-9].*[0-9]", stem)) ||
        (matches("^[A-Za-z]{2,12}[-_]([A-Za-z0-9]{3,}|[0-9_-]{3,})$", stem) &&
         matches("^[A-Za-z]+[-_].*[0-9]", stem)))
        return ":id";
    return s;
}

/* What endpoint.h says of a target, which is a string. */
static void model(const char *target, char *to)
{
    char copy[4096], segment[64], *rest = copy, *p = to;
    unsigned depth = 0;

    if (matches("^(CONNECT|[^/?#]+:[0-9]{1,5})$", target)) {
        strcpy(to, "CONNECT");
        return;
    }
    strcpy(copy, target);
    copy[strcspn(copy, "?#")] = '\0';
    strcpy(to, strcmp(copy, "*") == 0 ? "*" : ":id");
    if (matches("^[A-Za-z][A-Za-z0-9.+-]*://", copy)) {
        rest = strstr(copy, "://") + 3;
        rest += strcspn(rest, "/");
    } else if (!matches("^(/|$)", copy)) {
        return;
    }
    strcpy(to, "/");
    for (char *s; (s = strsep(&rest, "/")) != NULL;) {
        const char *piece;

        if (*s == '\0')
            continue;
        piece = model_segment(s, segment);
        if (++depth > 8 || (size_t)(p - to) + 1 + strlen(piece) > 198) {
            strcpy(p, "/*");
            return;
        }
        p += sprintf(p, "/%s", piece);
    }
}

#define ULID "ABCDEFGHJKMNPQRSTVWXYZABC" /* but for one character */
#define PICK(list) list[choose(c, sizeof(list) / sizeof(list[0]))]

/* A target of pieces in which the rules are interested. */
static void random_target(struct choices *c, char *target)
{
    static const char *const starts[] = {"", "/", "http://h", "x:", "://", "*", "CONNECT", "h:80"};
    static const char *const often[] = {"/", "/", "//", "-",   "_", ".",   ".js",
                                        "v", "1", "12", "123", "a", "xyz", "task"};
    static const char *const seldom[] = {":id", ":hash", "*", "%", "@", "\"", "\\", "\x80", "\x7f", "?", "#"};
    static const char *const token[] = {ULID, ULID,    "0123456789",  "deadbeef", "c0ffee", "mnpqrst", "Z",   "7",
                                        "I",  "woff2", "github_pat_", "sk-",      "AKIA",   "eyJ",     "ghp_"};
    size_t count = choose(c, 40);

    target += sprintf(target, "%s", rarely(c, 4) ? PICK(starts) : "/");
    while (count-- > 0)
        target += sprintf(target, "%s", rarely(c, 8) ? PICK(seldom) : rarely(c, 4) ? PICK(token) : PICK(often));
}

static void test_model(void **state)
{
    static char target[1024], wanted[1024];
    struct choices c = {.seed = 7};

    (void)state;
    for (int i = 0; i < 30000; i++) {
        random_target(&c, target);
        model(target, wanted);
        check(target, wanted);
    }
}

/* Any bytes; and what follows '?' or '#' changes nothing. */
static void test_hostile(void **state)
{
    char target[1024];
    struct choices c = {.seed = 99};

    (void)state;
    for (int i = 0; i < 60000; i++) {
        size_t n = choose(&c, rarely(&c, 2) ? sizeof(target) : 30), query = choose(&c, 40);
        const char *endpoint;

        for (size_t j = 0; j < n; j++)
            target[j] = (char)(rarely(&c, 3) ? choose(&c, 256) : (uint32_t) "/ab.-1f"[choose(&c, 7)]);
        endpoint = fold_sound(target, n);
        if (n + query >= sizeof(target) || target[0] != '/')
            continue;
        target[n] = rarely(&c, 2) ? '?' : '#';
        for (size_t j = n + 1; j < n + query; j++)
            target[j] = (char)choose(&c, 256);
        if (query > 0)
            assert_string_equal(fold(target, n + query), endpoint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_every_byte), cmocka_unit_test(test_few_from_many),
        cmocka_unit_test(test_model),   cmocka_unit_test(test_hostile),
    };

    in = guard_new(1024);
    out = guard_new(OCTO_ENDPOINT_MAX);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
