/*
 * The picker on random documents, and on damaged ones, against jansson.
 *
 * A document is made together with the tree of its values, each with the place of its text. So what a path leads to is
 * known without the picker, equal keys included, and jansson says what that text means. Where there are no equal keys
 * jansson is asked to follow the path as well, and of a damaged document it says whether it is one.
 */
#include "choices.h"
#include "pick_oracle.h"
#include "pick_run.h"

enum { DOC_MAX = 20000, NODES = 400, CHILDREN = 12, DOCUMENTS = 4000, DAMAGED_EACH = 6, SHORT = 150 };

struct node {
    char kind;       /* { [ or another */
    size_t from, to; /* its text */
    size_t children;
    const char *key[CHILDREN];
    struct node *child[CHILDREN];
};

struct document {
    char text[DOC_MAX];
    size_t len;
    struct node node[NODES];
    size_t nodes;
    bool odd; /* bad UTF-8 and lone surrogates too */
};

static struct pick_rig rig;
static struct document d;
static uint64_t first_seed = 20251110;

static const char *const keys[] = {"a",
                                   "b",
                                   "id",
                                   "task",
                                   "items",
                                   "a.b",
                                   "",
                                   "x y",
                                   "\"",
                                   "\\",
                                   "\x7f",
                                   "]",
                                   "tas",
                                   "\xc3\xa9",
                                   "\xe2\x82\xac",
                                   "\xf0\x9f\x98\x80",
                                   "b\"c",
                                   "\\u",
                                   "0",
                                   "a/b",
                                   "a long key of more than sixteen bytes, or two times so"};

/* What a string is made of. */
static const char *const pieces[] = {"x",
                                     "some words ",
                                     "\\n",
                                     "\\\"",
                                     "\\\\",
                                     "\\/",
                                     "\\u0041",
                                     "\\u00e9",
                                     "\\u20AC",
                                     "\\ud83d\\ude00",
                                     "\xc3\xa9",
                                     "\xe2\x82\xac",
                                     "\xf0\x9f\x98\x80",
                                     "{\\\"a\\\":[1,",
                                     "\\u0000",
                                     "a rather long run of letters which is longer than a vector",
                                     "]}",
                                     "\x7f"};
static const char *const odd_pieces[] = {"\xff",         "\xc3",     "\xe2\x82",        "\xf0\x9f\x98",
                                         "\x80",         "\\ud83d",  "\\ude00",         "\\uDBFF",
                                         "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80"};

static void put(const char *text)
{
    size_t n = strlen(text);

    assert_true(d.len + n < DOC_MAX);
    memcpy(d.text + d.len, text, n + 1);
    d.len += n;
}

static void put_space(struct choices *c)
{
    static const char *const spaces[] = {"", "", "", " ", "\n", "\t", "\r\n", "    ", "\n        "};

    put(spaces[choose(c, COUNT(spaces))]);
}

static void put_string(struct choices *c)
{
    size_t n = rarely(c, 20) ? 40 : choose(c, 6);

    put("\"");
    for (; n > 0; n--)
        put(d.odd && rarely(c, 4) ? odd_pieces[choose(c, COUNT(odd_pieces))] : pieces[choose(c, COUNT(pieces))]);
    put("\"");
}

/* A key, in one of the ways in which it can be written. */
static void put_key(struct choices *c, const char *key)
{
    put("\"");
    for (const uint8_t *p = (const uint8_t *)key; *p != '\0';) {
        char one[16] = {0};
        int n = oracle_utf8(p, strlen((const char *)p));
        uint32_t code = n == 1 ? *p : n == 2 ? *p & 0x1fu : n == 3 ? *p & 0xfu : *p & 7u;

        for (int i = 1; i < n; i++)
            code = code << 6 | (p[i] & 0x3f);
        memcpy(one, p, (size_t)n);
        if (rarely(c, 5) && code < 0x10000)
            sprintf(one, rarely(c, 2) ? "\\u%04x" : "\\u%04X", code);
        else if (rarely(c, 5) && code >= 0x10000)
            sprintf(one, "\\u%04x\\u%04X", 0xd800 + ((code - 0x10000) >> 10), 0xdc00 + (code & 0x3ff));
        else if (*p == '"' || *p == '\\' || (*p == '/' && rarely(c, 2)))
            sprintf(one, "\\%c", *p);
        put(one);
        p += n;
    }
    put("\"");
}

static void put_number(struct choices *c)
{
    char text[200];
    int n = 0;

    if (rarely(c, 3))
        text[n++] = '-';
    n += choose(c, 4) == 0 ? sprintf(text + n, "0") : sprintf(text + n, "%u", 1 + choose(c, 1u << choose(c, 31)));
    if (rarely(c, 8))
        n += sprintf(text + n, "%0*u", 1 + (int)choose(c, rarely(c, 8) ? 140 : 16), choose(c, 1000));
    if (n > 1 && text[n - 1] != '-' && (text[0] == '0' || (text[0] == '-' && text[1] == '0')))
        n = text[0] == '-' ? 2 : 1;
    if (rarely(c, 2))
        n += sprintf(text + n, ".%0*u", 1 + (int)choose(c, 12), choose(c, 1u << choose(c, 31)));
    if (rarely(c, 3))
        n += sprintf(text + n, "%c%s%0*u", rarely(c, 2) ? 'E' : 'e',
                     rarely(c, 2)   ? "-"
                     : rarely(c, 2) ? "+"
                                    : "",
                     1 + (int)choose(c, 3), choose(c, rarely(c, 4) ? 150 : 14));
    text[n] = '\0';
    put(text);
}

static struct node *put_value(struct choices *c, unsigned depth)
{
    static const char *const literals[] = {"true", "false", "null"};
    struct node *node = &d.node[d.nodes++];
    uint32_t what = choose(c, depth == 0 ? 24 : 12);
    bool has_room = d.nodes < NODES - 2 * CHILDREN && d.len < DOC_MAX / 3 && depth < 12;

    assert_true(d.nodes < NODES);
    node->children = 0;
    node->kind = ' ';
    node->from = d.len;
    if ((what > 6 || depth == 0) && what > 1 && has_room) {
        size_t n = depth == 0 ? 1 + choose(c, 6) : choose(c, 5);

        node->kind = what % 5 < 3 ? '{' : '[';
        put(node->kind == '{' ? "{" : "[");
        put_space(c);
        for (size_t i = 0; i < n && d.nodes < NODES - 20; i++) {
            if (i > 0) {
                put(",");
                put_space(c);
            }
            node->key[i] = keys[choose(c, rarely(c, 3) ? COUNT(keys) : 5)];
            if (node->kind == '{') {
                put_key(c, node->key[i]);
                put_space(c);
                put(":");
                put_space(c);
            }
            node->child[i] = put_value(c, depth + 1);
            node->children++;
            put_space(c);
        }
        put(node->kind == '{' ? "}" : "]");
    } else if (what % 3 == 0) {
        put_string(c);
    } else if (what % 3 == 1) {
        put_number(c);
    } else {
        put(literals[choose(c, 3)]);
    }
    node->to = d.len;
    return node;
}

static void make_document(struct choices *c)
{
    d.len = 0;
    d.nodes = 0;
    d.odd = rarely(c, 2);
    put_space(c);
    put_value(c, 0);
    put_space(c);
}

static void add_key(struct oracle_path *path, const char *key)
{
    path->step[path->steps].is_index = false;
    path->step[path->steps].len = strlen(key);
    memcpy(path->step[path->steps].key, key, strlen(key));
    path->steps++;
}

/* A path into the document, which may go astray. */
static void make_path(struct choices *c, struct oracle_path *path)
{
    const struct node *node = &d.node[0];
    size_t most = 1 + choose(c, ORACLE_STEPS_MAX);

    path->steps = 0;
    while (path->steps < most) {
        size_t i = node->children > 0 ? choose(c, (uint32_t)node->children) : 0;

        if (node->children == 0 || rarely(c, 8)) {
            if (path->steps > 0 && !rarely(c, 3))
                return;
            if (rarely(c, 3)) {
                path->step[path->steps].is_index = true;
                path->step[path->steps++].index = choose(c, 6);
            } else {
                add_key(path, keys[choose(c, COUNT(keys))]);
            }
            continue;
        }
        if (node->kind == '[') {
            path->step[path->steps].is_index = true;
            path->step[path->steps++].index = (unsigned)i;
        } else {
            add_key(path, node->key[i]);
        }
        node = node->child[i];
    }
}

/* Where the path leads in the tree: of equal keys to the first. NULL: nowhere. */
static const struct node *follow(const struct oracle_path *path)
{
    const struct node *node = &d.node[0];

    for (size_t i = 0; i < path->steps && node != NULL; i++) {
        const struct node *next = NULL;

        if (path->step[i].is_index && node->kind == '[' && path->step[i].index < node->children)
            next = node->child[path->step[i].index];
        for (size_t j = 0; !path->step[i].is_index && node->kind == '{' && j < node->children && next == NULL; j++)
            if (strlen(node->key[j]) == path->step[i].len &&
                memcmp(node->key[j], path->step[i].key, path->step[i].len) == 0)
                next = node->child[j];
        node = next;
    }
    return node;
}

struct paths {
    struct oracle_path path[OCTO_PICK_PATHS_MAX];
    int number[OCTO_PICK_PATHS_MAX];
    size_t count;
};

static void make_paths(struct choices *c, struct paths *paths, bool to_the_end)
{
    static const char *const nowhere[] = {NOWHERE};
    size_t most = to_the_end ? OCTO_PICK_PATHS_MAX - COUNT(nowhere) : OCTO_PICK_PATHS_MAX;
    size_t wanted = 1 + choose(c, (uint32_t)most);

    memset(&rig.set, 0, sizeof(rig.set));
    paths->count = 0;
    while (paths->count < wanted) {
        char text[2 * ORACLE_KEY_MAX * ORACLE_STEPS_MAX];
        size_t n;

        make_path(c, &paths->path[paths->count]);
        n = oracle_path_text(&paths->path[paths->count], rarely(c, 3), text);
        paths->number[paths->count] = octo_pick_set_add(&rig.set, text, n, NULL, NULL);
        if (paths->number[paths->count] < 0) /* the set is full of other things */
            break;
        paths->count++;
    }
    for (size_t i = 0; to_the_end && i < COUNT(nowhere); i++)
        if (octo_pick_set_add(&rig.set, nowhere[i], strlen(nowhere[i]), NULL, NULL) < 0) {
            make_paths(c, paths, to_the_end);
            return;
        }
}

static void show(const char *what, uint64_t seed, const struct oracle_path *path, const char *text, size_t n)
{
    char written[2 * ORACLE_KEY_MAX * ORACLE_STEPS_MAX] = "";

    if (path != NULL)
        written[oracle_path_text(path, false, written)] = '\0';
    print_error("seed %llu: %s: %s in\n%.*s\n", (unsigned long long)seed, what, written, (int)n, text);
    fail();
}

/* The document in pieces of random lengths. */
static void run_random(struct choices *c, struct pick_run *run, const char *text, size_t n)
{
    uint32_t most = choose(c, 3) == 0 ? 4 : choose(c, 2) == 0 ? 40 : 400;

    pick_run_begin(&rig, run);
    for (size_t at = 0; at < n;) {
        size_t piece = choose(c, most);

        piece = piece < n - at ? piece : n - at;
        pick_run_feed(&rig, run, text + at, piece);
        at += piece;
    }
    pick_run_end(&rig, run);
}

/* However the text is cut, the picker says the same; this is kept. */
static void check_pieces(struct choices *c, uint64_t seed, const char *text, size_t n, struct pick_kept *kept)
{
    struct pick_run run;

    pick_run_steps(&rig, &run, text, n, RUN_PIECE_MAX);
    pick_keep(&run, kept);
    for (int i = 0; i < 4; i++) {
        run_random(c, &run, text, n);
        if (pick_differs(&run, kept) != SIZE_MAX)
            show("random pieces differ", seed, NULL, text, n);
    }
    for (size_t split = 0; n <= SHORT && split <= n; split++) {
        pick_run_split(&rig, &run, text, n, split);
        if (pick_differs(&run, kept) != SIZE_MAX)
            show("a split differs", seed, NULL, text, n);
    }
}

/* What is known of a document's beginning stays true. */
static void check_prefixes(uint64_t seed, const struct pick_kept *kept)
{
    struct pick_run run;

    rig.unended = true;
    pick_run_begin(&rig, &run);
    for (size_t at = 0; at < d.len; at++) {
        pick_run_feed(&rig, &run, d.text + at, 1);
        for (size_t i = 0; i < rig.set.paths; i++) {
            struct octo_pick_value v = octo_pick_get(&run.p, i);

            if (v.kind != OCTO_PICK_UNKNOWN &&
                (!pick_same_value(&v, &kept->value[i]) || memcmp(v.text, kept->text[i], v.len) != 0))
                show("a prefix differs", seed, NULL, d.text, at + 1);
        }
    }
    rig.unended = false;
}

static void check_values(uint64_t seed, const struct paths *paths, const struct pick_kept *kept, size_t *found)
{
    struct oracle whole = oracle_ask((const uint8_t *)d.text, d.len);

    for (size_t i = 0; i < paths->count; i++) {
        const struct octo_pick_value *v = &kept->value[paths->number[i]];
        const struct node *node = follow(&paths->path[i]);
        struct oracle part = {.verdict = ORACLE_REJECT};
        const char *wrong;

        if (node != NULL)
            part = oracle_ask((const uint8_t *)d.text + node->from, node->to - node->from);
        *found += node != NULL;
        if (part.verdict != ORACLE_SILENT) {
            wrong = oracle_compare(v, part.root);
            if (wrong != NULL)
                show(wrong, seed, &paths->path[i], d.text, d.len);
        }
        if (whole.verdict == ORACLE_ACCEPT && !whole.duplicates) {
            wrong = oracle_compare(v, oracle_resolve(whole.root, &paths->path[i]));
            if (wrong != NULL)
                show(wrong, seed, &paths->path[i], d.text, d.len);
        }
        oracle_free(&part);
    }
    oracle_free(&whole);
}

static void test_documents(void **state)
{
    size_t found = 0, asked = 0, bytes = 0;

    (void)state;
    for (uint64_t seed = first_seed; seed < first_seed + DOCUMENTS; seed++) {
        struct choices c = {.seed = seed * 0x9e3779b97f4a7c15u};
        struct pick_kept kept;
        struct paths paths;

        make_document(&c);
        make_paths(&c, &paths, rarely(&c, 2));
        check_pieces(&c, seed, d.text, d.len, &kept);
        if (kept.state != OCTO_PICK_DONE)
            show("not done", seed, NULL, d.text, d.len);
        for (size_t i = 0; i < paths.count; i++) /* texts are kept by copy */
            kept.value[paths.number[i]].text = kept.text[paths.number[i]];
        check_values(seed, &paths, &kept, &found);
        check_prefixes(seed, &kept);
        asked += paths.count;
        bytes += d.len;
    }
    print_message("%d documents of %zu bytes, %zu paths, %zu lead somewhere\n", DOCUMENTS, bytes / DOCUMENTS,
                  asked, found);
    assert_true(found > asked / 4 && found < asked);
}

/* Changes a few bytes, in ways that often leave a document. */
static void damage(struct choices *c)
{
    static const char bytes[] = "{}[]:,\"\\0123456789eE.-+tfnu \n\t\x01\x80\xff/'a";

    for (uint32_t times = 1 + choose(c, 3); times > 0 && d.len > 1; times--) {
        size_t at = choose(c, (uint32_t)d.len), n = 1 + choose(c, 3);

        n = n < d.len - at ? n : d.len - at;
        switch (choose(c, 5)) {
        case 0:
            d.text[at] = bytes[choose(c, sizeof(bytes))];
            break;
        case 1: /* away with some */
            memmove(d.text + at, d.text + at + n, d.len - at - n);
            d.len -= n;
            break;
        case 2: /* one more */
            memmove(d.text + at + 1, d.text + at, d.len - at);
            d.text[at] = bytes[choose(c, sizeof(bytes))];
            d.len++;
            break;
        case 3: /* some twice */
            memmove(d.text + at + n, d.text + at, d.len - at);
            d.len += n;
            break;
        default:
            if (rarely(c, 3))
                d.len = at;
            else
                d.text[at] = (char)(d.text[at] ^ 1 << choose(c, 8));
            break;
        }
    }
}

static void test_damaged(void **state)
{
    size_t verdicts[3] = {0}, compared = 0;

    (void)state;
    for (uint64_t seed = first_seed; seed < first_seed + DOCUMENTS * DAMAGED_EACH; seed++) {
        struct choices c = {.seed = seed * 0xd1342543de82ef95u};
        struct pick_kept kept;
        struct paths paths;
        struct oracle o;

        make_document(&c);
        make_paths(&c, &paths, true);
        damage(&c);
        o = oracle_ask((const uint8_t *)d.text, d.len);
        check_pieces(&c, seed, d.text, d.len, &kept);
        verdicts[o.verdict]++;
        if (o.verdict != ORACLE_SILENT && (o.verdict == ORACLE_ACCEPT) != (kept.state == OCTO_PICK_DONE))
            show(o.verdict == ORACLE_ACCEPT ? "jansson takes this" : "jansson does not take this", seed, NULL,
                 d.text, d.len);
        for (size_t i = 0; i < paths.count && o.verdict == ORACLE_ACCEPT && !o.duplicates; i++) {
            struct octo_pick_value v = kept.value[paths.number[i]];
            const char *wrong;

            v.text = kept.text[paths.number[i]];
            wrong = oracle_compare(&v, oracle_resolve(o.root, &paths.path[i]));
            if (wrong != NULL)
                show(wrong, seed, &paths.path[i], d.text, d.len);
            compared++;
        }
        oracle_free(&o);
    }
    print_message("%zu accepted, %zu rejected, %zu not judged; %zu values compared\n", verdicts[ORACLE_ACCEPT],
                  verdicts[ORACLE_REJECT], verdicts[ORACLE_SILENT], compared);
    assert_true(verdicts[ORACLE_ACCEPT] > DOCUMENTS && verdicts[ORACLE_REJECT] > DOCUMENTS);
    assert_true(verdicts[ORACLE_SILENT] < DOCUMENTS / 10);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_damaged),
    };

    if (argc > 1) /* other documents */
        first_seed = strtoull(argv[1], NULL, 10);
    rig = pick_rig_new();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
