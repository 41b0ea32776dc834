/*
 * The picker's paths: what they lead to, what is none, how many there may be.
 */
#include "pick_run.h"

#include <errno.h>
#include <stdio.h>

static struct pick_rig rig;

static void test_paths(void **state)
{
    /* Each picks the number 1 out of its document. */
    static const struct {
        const char *path, *doc;
    } good[] = {
        {"a", "{\"a\":1}"},
        {"task.priority", "{\"task\":{\"priority\":1}}"},
        {"items[0].id", "{\"items\":[{\"id\":1}]}"},
        {"[0]", "[1]"},
        {"[3]", "[0,0,0,1]"},
        {"[0][1][2]", "[[0,[0,0,1]]]"},
        {"[10]", "[0,0,0,0,0,0,0,0,0,0,1]"},
        {"[99999999].a", NULL},
        {"[\"a.b\"]", "{\"a.b\":1}"},
        {"[\"a.b\"].c", "{\"a.b\":{\"c\":1}}"},
        {"a[\"b c\"][0]", "{\"a\":{\"b c\":[1]}}"},
        {"[\"\"]", "{\"\":1}"},
        {"a[\"\"].b", "{\"a\":{\"\":{\"b\":1}}}"},
        {"[\"say \\\"a\\\\b\\\"\"]", "{\"say \\\"a\\\\b\\\"\":1}"},
        {"[\"0\"]", "{\"0\":1}"},
        {"0", "{\"0\":1}"},
        {"@timestamp", "{\"@timestamp\":1}"},
        {"$ref.x-y_z:/?*#", "{\"$ref\":{\"x-y_z:/?*#\":1}}"},
        {"gr\xc3\xb6\xc3\x9f"
         "e.\xf0\x9f\x98\x80",
         "{\"gr\xc3\xb6\xc3\x9f"
         "e\":{\"\xf0\x9f\x98\x80\":1}}"},
        {"[\"]\"]", "{\"]\":1}"},
        {"[\"\x7f\"]", "{\"\x7f\":1}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct pick_run run;
        struct octo_pick_value v;

        rig.set = set_of(&good[i].path, 1);
        if (good[i].doc == NULL)
            continue;
        pick_run_steps(&rig, &run, good[i].doc, strlen(good[i].doc), 1000);
        v = octo_pick_get(&run.p, 0);
        if (v.kind != OCTO_PICK_NUMBER || v.millionths != 1000000)
            fail_msg("%s: kind %d", good[i].path, v.kind);
        /* One byte is enough, or too much, to be another key. */
        for (size_t j = 0; j < strlen(good[i].doc); j++) {
            char other[100];

            strcpy(other, good[i].doc);
            if (strchr("{}[]:,\"\\01", other[j]) != NULL || (unsigned char)other[j] >= 0x80)
                continue;
            other[j] ^= 4;
            pick_run_steps(&rig, &run, other, strlen(other), 1000);
            v = octo_pick_get(&run.p, 0);
            assert_int_equal(v.kind, OCTO_PICK_ABSENT);
            memmove(other + j + 1, other + j, strlen(other + j) + 1);
            pick_run_steps(&rig, &run, other, strlen(other), 1000);
            v = octo_pick_get(&run.p, 0);
            assert_int_equal(v.kind, OCTO_PICK_ABSENT);
        }
    }
}

static void test_paths_refused(void **state)
{
    static const struct {
        const char *path;
        size_t column;
        int error;
    } bad[] = {
        {"", 0, -EINVAL},
        {".", 0, -EINVAL},
        {".a", 0, -EINVAL},
        {"a.", 2, -EINVAL},
        {"a..b", 2, -EINVAL},
        {"a.[0]", 2, -EINVAL},
        {"a b", 1, -EINVAL},
        {"a\tb", 1, -EINVAL},
        {"a\x7f", 1, -EINVAL},
        {"a]", 1, -EINVAL},
        {"]", 0, -EINVAL},
        {"a\"b", 1, -EINVAL},
        {"\"a\"", 0, -EINVAL},
        {"a\\b", 1, -EINVAL},
        {"a[", 2, -EINVAL},
        {"a[]", 2, -EINVAL},
        {"a[*]", 2, -EINVAL},
        {"a[-1]", 2, -EINVAL},
        {"a[+1]", 2, -EINVAL},
        {"a[ 1]", 2, -EINVAL},
        {"a[1 ]", 3, -EINVAL},
        {"a[01]", 3, -EINVAL},
        {"a[00]", 3, -EINVAL},
        {"a[1", 3, -EINVAL},
        {"a[1.5]", 3, -EINVAL},
        {"a[100000000]", 1, -ENOSPC},
        {"[99999999999999999999999]", 0, -ENOSPC},
        {"a[b]", 2, -EINVAL},
        {"a['b']", 2, -EINVAL},
        {"a[0]b", 4, -EINVAL},
        {"a[\"b\"]c", 6, -EINVAL},
        {"a[\"b", 4, -EINVAL},
        {"a[\"b\"", 5, -EINVAL},
        {"a[\"b\\", 5, -EINVAL},
        {"a[\"b\\n\"]", 5, -EINVAL},
        {"a[\"b\nc\"]", 4, -EINVAL},
        {"a[\"b\"x]", 5, -EINVAL},
        {"a.\xff", 2, -EINVAL},
        {"ab\xc3", 2, -EINVAL},
        {"ab\xc3(", 2, -EINVAL},
        {"\xc0\xaf", 0, -EINVAL},
        {"\xed\xa0\x80", 0, -EINVAL},
        {"\xf4\x90\x80\x80", 0, -EINVAL},
        {"[\"\xe0\x9f\xbf\"]", 2, -EINVAL},
        {"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", 31, -ENOSPC},
    };
    static const char *const some[] = {"a.b", "x[3]"};
    struct octo_pick_set set = set_of(some, 2), before = set;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        size_t column = 12345;
        const char *why = NULL;
        int got = octo_pick_set_add(&set, (char *)guard_tail(&rig.piece, bad[i].path, strlen(bad[i].path)),
                                    strlen(bad[i].path), &column, &why);

        if (got != bad[i].error || column != bad[i].column || why == NULL)
            fail_msg("\"%s\": %d at %zu: %s", bad[i].path, got, column, why == NULL ? "" : why);
        assert_int_equal(octo_pick_set_add(&set, bad[i].path, strlen(bad[i].path), NULL, NULL), bad[i].error);
        assert_memory_equal(&set, &before, sizeof(set));
    }
    assert_int_equal(octo_pick_set_add(&set, "a\0b", 3, NULL, NULL), -EINVAL);
    assert_int_equal(octo_pick_set_add(&set, "[\"a\0b\"]", 7, NULL, NULL), -EINVAL);
    assert_memory_equal(&set, &before, sizeof(set));
}

static void test_path_limits(void **state)
{
    struct octo_pick_set set = {0}, before;
    char path[600];
    int n;

    (void)state;
    /* Paths; an equal one is the same, however it is written. */
    for (int i = 0; i < OCTO_PICK_PATHS_MAX; i++) {
        n = sprintf(path, "a.k%d", i);
        assert_int_equal(octo_pick_set_add(&set, path, (size_t)n, NULL, NULL), i);
    }
    before = set;
    assert_int_equal(octo_pick_set_add(&set, "a", 1, NULL, NULL), -ENOSPC);
    assert_int_equal(octo_pick_set_add(&set, "b", 1, NULL, NULL), -ENOSPC);
    assert_int_equal(octo_pick_set_add(&set, "a.k7", 4, NULL, NULL), 7);
    assert_int_equal(octo_pick_set_add(&set, "[\"a\"][\"k7\"]", 11, NULL, NULL), 7);
    assert_memory_equal(&set, &before, sizeof(set));

    /* Nodes: 15 + 15 + 15 + 15 are 60, 3 more are left. */
    memset(&set, 0, sizeof(set));
    for (int i = 0; i < 4; i++) {
        n = sprintf(path, "p%d.b.c.d.e.f.g.h.i.j.k.l.m.n.o", i);
        assert_int_equal(octo_pick_set_add(&set, path, (size_t)n, NULL, NULL), i);
    }
    before = set;
    assert_int_equal(octo_pick_set_add(&set, "q.b.c.d", 7, NULL, NULL), -ENOSPC);
    assert_memory_equal(&set, &before, sizeof(set));
    assert_int_equal(octo_pick_set_add(&set, "q.b.c", 5, NULL, NULL), 4);
    assert_int_equal(octo_pick_set_add(&set, "q.b.d", 5, NULL, NULL), -ENOSPC);
    assert_int_equal(octo_pick_set_add(&set, "p0.b.c.d.e.f", 12, NULL, NULL), 5);
    assert_int_equal(set.nodes, OCTO_PICK_NODES_MAX - 1);

    /* Steps, bytes of a key, bytes of all keys. */
    memset(&set, 0, sizeof(set));
    n = sprintf(path, "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p");
    assert_int_equal(octo_pick_set_add(&set, path, (size_t)n, NULL, NULL), 0);
    memset(&set, 0, sizeof(set));
    memset(path, 'k', sizeof(path));
    assert_int_equal(octo_pick_set_add(&set, path, OCTO_PICK_KEY_MAX + 1, NULL, NULL), -ENOSPC);
    for (int i = 0; i < 4; i++) {
        path[0] = (char)('a' + i);
        assert_int_equal(octo_pick_set_add(&set, path, OCTO_PICK_KEY_MAX, NULL, NULL), i);
    }
    assert_int_equal(set.text_len, OCTO_PICK_TEXT_MAX);
    assert_int_equal(octo_pick_set_add(&set, "x", 1, NULL, NULL), -ENOSPC);
    assert_int_equal(octo_pick_set_add(&set, "[0]", 3, NULL, NULL), 4);
    assert_int_equal(octo_pick_set_add(&set, "[\"\"]", 4, NULL, NULL), 5);
}

/* Not a byte behind the set's text is looked at, however much longer a document's key is. */
static void test_end_of_text(void **state)
{
    struct guard room = guard_new(sizeof(struct octo_pick_set));
    struct octo_pick_set *set = (struct octo_pick_set *)(room.end - sizeof(*set));
    char key[3 * OCTO_PICK_KEY_MAX], doc[4 * OCTO_PICK_KEY_MAX];

    (void)state;
    memset(set, 0, sizeof(*set));
    memset(key, 'k', sizeof(key));
    for (int i = 0; i < 4; i++) {
        key[0] = (char)('a' + i);
        assert_int_equal(octo_pick_set_add(set, key, OCTO_PICK_KEY_MAX, NULL, NULL), i);
    }
    assert_ptr_equal(set->text + set->text_len, room.end);
    for (size_t len = OCTO_PICK_KEY_MAX - 1; len < sizeof(key); len++) {
        struct octo_pick p;
        size_t n = (size_t)sprintf(doc, "{\"%.*s\":1}", (int)len, key);

        for (size_t step = 1; step <= n; step += n / 2) {
            octo_pick_begin(&p, set, NULL, 0, UINT64_MAX);
            for (size_t at = 0; at < n; at += step)
                octo_pick_feed(&p, doc + at, n - at < step ? n - at : step);
            assert_int_equal(p.state, OCTO_PICK_DONE);
            assert_int_equal(octo_pick_get(&p, 3).kind,
                             len == OCTO_PICK_KEY_MAX ? OCTO_PICK_NUMBER : OCTO_PICK_ABSENT);
        }
    }
    guard_free(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_paths_refused),
        cmocka_unit_test(test_path_limits),
        cmocka_unit_test(test_end_of_text),
    };

    rig = pick_rig_new();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
