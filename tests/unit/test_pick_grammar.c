/*
 * The picker's grammar: what is well-formed, at which byte that is decided, and that what is decided stays so.
 */
#include "pick_docs.h"
#include "pick_oracle.h"
#include "pick_run.h"

static struct pick_rig rig;

/* The mark ^ stands where both paths, a and b.c, are first known; ! where the document is first known to be bad. */
static void test_moment(void **state)
{
    static const struct {
        const char *doc;
        enum octo_pick_kind a, bc; /* at the mark */
    } cases[] = {
        {"{\"a\":1,^\"b\":{\"c\":2}}", OCTO_PICK_NUMBER, OCTO_PICK_UNKNOWN}, /* a number by the byte behind it */
        {"{\"a\":\"x\"^,\"b\":{\"c\":2}}", OCTO_PICK_STRING, OCTO_PICK_UNKNOWN},
        {"{\"a\":true^,\"b\":{\"c\":2}}", OCTO_PICK_BOOL, OCTO_PICK_UNKNOWN},
        {"{\"a\":{\"x\":[]}^,\"b\":{\"c\":2}}", OCTO_PICK_COMPOSITE, OCTO_PICK_UNKNOWN},
        {"{\"b\":{\"c\":null^,\"d\":1},\"a\":2}", OCTO_PICK_UNKNOWN, OCTO_PICK_NULL},
        {"{\"b\":{\"d\":1}^,\"a\":2}", OCTO_PICK_UNKNOWN, OCTO_PICK_ABSENT},
        {"{\"b\":[^1],\"a\":2}", OCTO_PICK_UNKNOWN, OCTO_PICK_ABSENT},
        {"{\"b\":1 ^,\"a\":2}", OCTO_PICK_UNKNOWN, OCTO_PICK_ABSENT},
        {"{\"b\":\"c\"^,\"a\":2}", OCTO_PICK_UNKNOWN, OCTO_PICK_ABSENT},
        {"{\"a\":0}^", OCTO_PICK_NUMBER, OCTO_PICK_ABSENT}, /* the brace ends both */
        {"[^1]", OCTO_PICK_ABSENT, OCTO_PICK_ABSENT},
        {"{}^", OCTO_PICK_ABSENT, OCTO_PICK_ABSENT},
        {"\"a\"^", OCTO_PICK_ABSENT, OCTO_PICK_ABSENT},
        {"null^", OCTO_PICK_ABSENT, OCTO_PICK_ABSENT},
        {"12 ^", OCTO_PICK_ABSENT, OCTO_PICK_ABSENT},
        {"{\"a\":\"x!\n", OCTO_PICK_UNKNOWN, OCTO_PICK_UNKNOWN},
        {"{\"a\":1!x", OCTO_PICK_UNKNOWN, OCTO_PICK_UNKNOWN},
        {"{\"a\":1!:", OCTO_PICK_UNKNOWN, OCTO_PICK_UNKNOWN},
        {"{\"a\":1!\"", OCTO_PICK_UNKNOWN, OCTO_PICK_UNKNOWN},
        {"{\"a\":1e!,", OCTO_PICK_UNKNOWN, OCTO_PICK_UNKNOWN},
        {"{\"a\":0!1", OCTO_PICK_UNKNOWN, OCTO_PICK_UNKNOWN},
        {"{\"a\":1.!}", OCTO_PICK_UNKNOWN, OCTO_PICK_UNKNOWN},
        {"{\"a\":tru!}", OCTO_PICK_UNKNOWN, OCTO_PICK_UNKNOWN},
        {"{\"a\":[1!}", OCTO_PICK_UNKNOWN, OCTO_PICK_UNKNOWN},
        {"{\"a\":{\"x\":1!]", OCTO_PICK_UNKNOWN, OCTO_PICK_UNKNOWN},
        {"{\"a\":1!]", OCTO_PICK_NUMBER, OCTO_PICK_UNKNOWN}, /* the number has ended well */
        {"{\"a\":\"x\"!x", OCTO_PICK_STRING, OCTO_PICK_UNKNOWN},
        {"{\"a\":null!l", OCTO_PICK_NULL, OCTO_PICK_UNKNOWN},
        {"{\"a\":1,\"b\":!}", OCTO_PICK_NUMBER, OCTO_PICK_UNKNOWN},
        {"{\"b\":{\"c\":3,!}", OCTO_PICK_UNKNOWN, OCTO_PICK_NUMBER},
        {"{\"b\":{\"d\":1},!]", OCTO_PICK_UNKNOWN, OCTO_PICK_ABSENT},
        {"{\"a\":1,\"x\":\"\\!x", OCTO_PICK_NUMBER, OCTO_PICK_UNKNOWN},
        {"{\"a\":1,\"x\":\"\\u12!g", OCTO_PICK_NUMBER, OCTO_PICK_UNKNOWN},
    };
    static const char *const paths[] = {"a", "b.c"};

    (void)state;
    rig.set = set_of(paths, 2);
    rig.unended = true;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *doc = cases[i].doc;
        size_t at = strcspn(doc, "^!");
        char bytes[100];
        struct pick_run run;

        memcpy(bytes, doc, at);
        strcpy(bytes + at, doc[at] == '\0' ? "" : doc + at + 1);
        pick_run_steps(&rig, &run, bytes, at, 7);
        if (doc[at] != '!') {
            if (octo_pick_get(&run.p, 0).kind != cases[i].a || octo_pick_get(&run.p, 1).kind != cases[i].bc)
                fail_msg("%s: kinds %d, %d", doc, octo_pick_get(&run.p, 0).kind, octo_pick_get(&run.p, 1).kind);
            assert_int_not_equal(run.p.state, OCTO_PICK_BAD);
            if (cases[i].a != OCTO_PICK_UNKNOWN && cases[i].bc != OCTO_PICK_UNKNOWN)
                assert_int_equal(run.p.state, OCTO_PICK_DONE);
            pick_run_steps(&rig, &run, bytes, at - 1, 7);
            if (octo_pick_get(&run.p, 0).kind == cases[i].a && octo_pick_get(&run.p, 1).kind == cases[i].bc)
                fail_msg("%s: too early", doc);
        } else {
            if (run.p.state != OCTO_PICK_MORE)
                fail_msg("%s: bad too early", doc);
            pick_run_feed(&rig, &run, bytes + at, 1);
            if (run.p.state != OCTO_PICK_BAD)
                fail_msg("%s: not bad", doc);
            assert_int_equal(octo_pick_get(&run.p, 0).kind, cases[i].a);
            assert_int_equal(octo_pick_get(&run.p, 1).kind, cases[i].bc);
        }
    }
    rig.unended = false;
}

static void test_well_formed(void **state)
{
    static const char *const paths[] = {NOWHERE};
    struct pick_kept kept;

    (void)state;
    rig.set = set_of(paths, 2);
    for (size_t i = 0; i < COUNT(good_docs); i++) {
        run_all_ways(&rig, good_docs[i], strlen(good_docs[i]), &kept);
        if (kept.state != OCTO_PICK_DONE)
            fail_msg("%s: state %d", good_docs[i], kept.state);
    }
    for (size_t i = 0; i < COUNT(bad_docs); i++) {
        run_all_ways(&rig, bad_docs[i], strlen(bad_docs[i]), &kept);
        if (kept.state != OCTO_PICK_BAD)
            fail_msg("%s: state %d", bad_docs[i], kept.state);
    }
    print_message("%zu good ones, %zu bad ones\n", COUNT(good_docs), COUNT(bad_docs));
}

/* And jansson says the same. */
static void check_oracle(const char *doc)
{
    struct oracle o = oracle_ask((const uint8_t *)doc, strlen(doc));
    struct pick_run run;

    pick_run_steps(&rig, &run, doc, strlen(doc), 1000);
    if (o.verdict != ORACLE_SILENT && (o.verdict == ORACLE_ACCEPT) != (run.p.state == OCTO_PICK_DONE))
        fail_msg("%s: state %d, jansson %d", doc, run.p.state, o.verdict);
    oracle_free(&o);
}

static void test_well_formed_oracle(void **state)
{
    static const char *const paths[] = {NOWHERE};

    (void)state;
    rig.set = set_of(paths, 2);
    for (size_t i = 0; i < COUNT(good_docs); i++)
        check_oracle(good_docs[i]);
    for (size_t i = 0; i < COUNT(bad_docs); i++)
        check_oracle(bad_docs[i]);
}

/* NUL is no white space, no end, and nothing that a string may hold. */
static void test_nul_bytes(void **state)
{
    static const struct {
        const char *doc;
        size_t n;
    } docs[] = {{"\0", 1},         {"[\0]", 3}, {"[1\0]", 4}, {"[\"\0\"]", 5},
                {"{\"\0\":1}", 7}, {"{}\0", 3}, {"1\0", 2},   {"[\"\\\0\"]", 6}};
    static const char *const paths[] = {NOWHERE};
    struct pick_kept kept;

    (void)state;
    rig.set = set_of(paths, 2);
    for (size_t i = 0; i < COUNT(docs); i++) {
        run_all_ways(&rig, docs[i].doc, docs[i].n, &kept);
        assert_int_equal(kept.state,
                         docs[i].doc[0] == '{' && docs[i].doc[1] == '}' ? OCTO_PICK_DONE : OCTO_PICK_BAD);
    }
}

/* Every byte that must not stand in a string does not, wherever in 40 bytes it stands, and every other one may. */
static void test_string_bytes(void **state)
{
    static const char *const paths[] = {NOWHERE};
    char doc[44];

    (void)state;
    rig.set = set_of(paths, 2);
    rig.unended = true;
    for (int c = 0; c < 256; c++) {
        for (size_t at = 1; at < 41; at++) {
            struct pick_run run;

            memset(doc, 'a', sizeof(doc));
            doc[0] = doc[41] = '"';
            doc[at] = (char)c;
            pick_run_steps(&rig, &run, doc, 42, 42);
            if (c < 0x20)
                assert_int_equal(run.p.state, OCTO_PICK_BAD);
            else if (c == '\\') /* before an a, or the quote */
                assert_int_equal(run.p.state, at == 40 ? OCTO_PICK_MORE : OCTO_PICK_BAD);
            else
                assert_int_equal(run.p.state, OCTO_PICK_DONE);
        }
    }
    rig.unended = false;
}

static void test_limit(void **state)
{
    static const char *const paths[] = {"a", "b"};
    static const char doc[] = "{\"a\":\"x\",\"b\":12}  ";
    const size_t n = sizeof(doc) - 1;
    struct pick_kept kept;
    struct pick_run run;

    (void)state;
    rig.set = set_of(paths, 2);
    for (uint64_t limit = 0; limit <= n + 1; limit++) {
        rig.limit = limit;
        run_all_ways(&rig, doc, n, &kept);
        assert_int_equal(kept.state, limit < 16 ? OCTO_PICK_TOO_LONG : OCTO_PICK_DONE);
        assert_int_equal(kept.value[0].kind, limit < 8 ? OCTO_PICK_UNKNOWN : OCTO_PICK_STRING);
        assert_int_equal(kept.value[1].kind, limit < 16 ? OCTO_PICK_UNKNOWN : OCTO_PICK_NUMBER);
    }
    /* What is as long as the limit and not longer, is not too long. */
    rig.limit = 2;
    run_all_ways(&rig, "{}", 2, &kept);
    assert_int_equal(kept.state, OCTO_PICK_DONE);
    run_all_ways(&rig, "12", 2, &kept);
    assert_int_equal(kept.state, OCTO_PICK_DONE);
    run_all_ways(&rig, "12 ", 3, &kept);
    assert_int_equal(kept.state, OCTO_PICK_TOO_LONG);
    run_all_ways(&rig, "{x", 2, &kept);
    assert_int_equal(kept.state, OCTO_PICK_BAD);
    rig.limit = 5;
    rig.unended = true;
    pick_run_steps(&rig, &run, doc, 5, 5);
    assert_int_equal(run.p.state, OCTO_PICK_MORE);
    pick_run_feed(&rig, &run, doc, 0);
    assert_int_equal(run.p.state, OCTO_PICK_MORE);
    pick_run_feed(&rig, &run, doc + 5, 1);
    assert_int_equal(run.p.state, OCTO_PICK_TOO_LONG);
    rig.unended = false;
    rig.limit = UINT64_MAX;
}

/* What is over is over, whatever follows. */
static void test_sticky(void **state)
{
    static const struct {
        const char *doc;
        uint64_t limit;
        enum octo_pick_state state;
    } cases[] = {
        {"{\"a\":7}", UINT64_MAX, OCTO_PICK_DONE},
        {"{\"b\":7}", UINT64_MAX, OCTO_PICK_DONE},
        {"{\"b\":7]", UINT64_MAX, OCTO_PICK_BAD},
        {"{\"b\":", 4, OCTO_PICK_TOO_LONG},
    };
    static const char *const paths[] = {"a"};
    static const char more[] = "{\"a\":1}";

    (void)state;
    rig.set = set_of(paths, 1);
    rig.unended = true;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pick_kept kept;
        struct pick_run run;

        rig.limit = cases[i].limit;
        pick_run_steps(&rig, &run, cases[i].doc, strlen(cases[i].doc), 100);
        pick_keep(&run, &kept);
        assert_int_equal(kept.state, cases[i].state);
        for (int j = 0; j < 3; j++) {
            /* Not one byte is read. */
            assert_int_equal(octo_pick_feed(&run.p, rig.piece.end, 1000000), cases[i].state);
            assert_int_equal(octo_pick_end(&run.p), cases[i].state);
            pick_run_feed(&rig, &run, more, sizeof(more) - 1);
            assert_int_equal(pick_differs(&run, &kept), SIZE_MAX);
        }
    }
    rig.unended = false;
    rig.limit = UINT64_MAX;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moment),
        cmocka_unit_test(test_well_formed),
        cmocka_unit_test(test_well_formed_oracle),
        cmocka_unit_test(test_nul_bytes),
        cmocka_unit_test(test_string_bytes),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_sticky),
    };

    rig = pick_rig_new();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
