/*
 * Rules that can be: what they become; the rules that are shipped, whole and spoilt.
 */
#include "choices.h"
#include "rules_rig.h"

static const char *const tasks_file = "deploy/rules/tasks.json";

static void assert_ref(const struct octo_ref *ref, enum octo_ref_kind kind, unsigned index, const char *text)
{
    assert_int_equal(ref->kind, kind);
    assert_int_equal(ref->index, index);
    assert_int_equal(ref->len, text ? strlen(text) : 0);
    if (text)
        assert_string_equal(ref->text, text);
    else
        assert_null(ref->text);
}

static void assert_label(const struct octo_rule *rule, unsigned i, const char *name, enum octo_ref_kind kind,
                         unsigned index, const char *text)
{
    assert_string_equal(rule->label[i].name, name);
    assert_int_equal(rule->label[i].len, strlen(name));
    assert_ref(&rule->label[i].ref, kind, index, text);
}

static void assert_condition(const struct octo_rule *rule, unsigned i, enum octo_ref_kind kind, unsigned index,
                             const char *glob)
{
    assert_ref(&rule->condition[i].ref, kind, index, NULL);
    assert_int_equal(rule->condition[i].len, strlen(glob));
    assert_string_equal(rule->condition[i].glob, glob);
}

static void test_the_least_rule(void **state)
{
    const struct octo_rule *rule = octo_rules.rule;
    struct octo_rule expected = {.on = OCTO_ON_REQUEST, .type = OCTO_COUNTER, .value = OCTO_VALUE_ONE};

    (void)state;
    read_well("{\"rules\": [{\"metric\": \"a_total\", \"type\": \"counter\"}]}");
    assert_int_equal(octo_rules.count, 1);
    assert_memory_equal(rule, &expected, sizeof(expected));
    assert_family(0, "a_total", "By rule.", OCTO_COUNTER, OCTO_UNIT_ONE);
    assert_int_equal(octo_rules.on[OCTO_ON_REQUEST], 1);
    assert_int_equal(octo_rules.body_limit, 65536);
    read_well("{\"rules\": [{\"metric\": \"a_total\", \"type\": \"counter\", \"value\": 1, \"when\": {}, "
              "\"labels\": {}}]}");
    assert_memory_equal(rule, &expected, sizeof(expected));
}

static void test_a_request(void **state)
{
    const struct octo_rule *rule = octo_rules.rule;

    (void)state;
    read_well(
        "{\"rules\": [{\"metric\": \"a_total\", \"type\": \"counter\", \"help\": \"Some.\",\n"
        " \"when\": {\"method\": [\"POST\", \"PUT\", \"OTHER\"], \"path\": \"/a/{b}/{c}\", \"host\": "
        "\"*.example.org\",\n"
        "  \"status\": [\"2xx\", 301, \"404\", \"5xx\"], \"direction\": \"in\",\n"
        "  \"header\": {\"X-Kind\": \"a*\", \"Accept\": \"*json*\"}, \"response_header\": {\"X-KIND\": true},\n"
        "  \"request\": {\"task.n\": 1.50e1}, \"response\": {\"[0].ok\": false}},\n"
        " \"labels\": {\"a\": \"$path.c\", \"b\": \"$header.x-kind\", \"c\": \"$$x\", \"d\": "
        "\"$request.task[\\\"x.y\\\"]\",\n"
        "  \"e\": \"$response[0].id\", \"f\": \"$method\"}}]}");
    assert_int_equal(octo_rules.count, 1);
    assert_int_equal(rule->on, OCTO_ON_REQUEST);
    assert_int_equal(rule->verbs, 1 << octo_verb("POST", 4) | 1 << octo_verb("PUT", 3) | 1);
    assert_string_equal(rule->pattern, "/a/{b}/{c}");
    assert_int_equal(rule->pattern_len, 10);
    assert_int_equal(rule->statuses, 4);
    assert_int_equal(rule->status[0], 2);
    assert_int_equal(rule->status[1], 301);
    assert_int_equal(rule->status[2], 404);
    assert_int_equal(rule->status[3], 5);
    assert_int_equal(rule->conditions, 6);
    assert_condition(rule, 0, OCTO_REF_HOST, 0, "*.example.org");
    assert_condition(rule, 1, OCTO_REF_HEADER, 0, "a*");
    assert_condition(rule, 2, OCTO_REF_HEADER, 1, "*json*");
    assert_condition(rule, 3, OCTO_REF_RESPONSE_HEADER, 0, "true");
    assert_condition(rule, 4, OCTO_REF_REQUEST, 0, "1.50e1");
    assert_condition(rule, 5, OCTO_REF_RESPONSE, 0, "false");
    assert_int_equal(rule->labels, 6);
    assert_label(rule, 0, "a", OCTO_REF_PATH, 1, NULL);
    assert_label(rule, 1, "b", OCTO_REF_HEADER, 0, NULL);
    assert_label(rule, 2, "c", OCTO_REF_CONSTANT, 0, "$x");
    assert_label(rule, 3, "d", OCTO_REF_REQUEST, 1, NULL);
    assert_label(rule, 4, "e", OCTO_REF_RESPONSE, 1, NULL);
    assert_label(rule, 5, "f", OCTO_REF_METHOD, 0, NULL);
    assert_int_equal(octo_rules.request_headers, 2);
    assert_string_equal(octo_rules.request_header[0].name, "x-kind");
    assert_int_equal(octo_rules.request_header[0].len, 6);
    assert_string_equal(octo_rules.request_header[1].name, "accept");
    assert_int_equal(octo_rules.response_headers, 1);
    assert_int_equal(octo_rules.request.paths, 2);
    assert_int_equal(octo_rules.response.paths, 2);
    assert_int_equal(octo_rules.log.paths, 0);
    assert_family(0, "a_total", "Some.", OCTO_COUNTER, OCTO_UNIT_ONE);
}

static void test_values(void **state)
{
    static const struct {
        const char *rule;
        enum octo_rule_on on;
        enum octo_metric_type type;
        enum octo_unit unit;
        enum octo_rule_value value;
        struct octo_ref number;
    } cases[] = {
        {"\"type\": \"gauge\", \"value\": \"in_progress\"",
         OCTO_ON_REQUEST,
         OCTO_GAUGE_SHARED,
         OCTO_UNIT_ONE,
         OCTO_VALUE_IN_PROGRESS,
         {0}},
        {"\"type\": \"gauge\", \"value\": \"duration\"",
         OCTO_ON_REQUEST,
         OCTO_GAUGE_SET,
         OCTO_UNIT_NANO,
         OCTO_VALUE_DURATION,
         {0}},
        {"\"type\": \"histogram\", \"value\": \"bytes_in\", \"buckets\": [1]",
         OCTO_ON_REQUEST,
         OCTO_HISTOGRAM,
         OCTO_UNIT_ONE,
         OCTO_VALUE_BYTES_IN,
         {0}},
        {"\"type\": \"histogram\", \"value\": \"bytes_out\", \"buckets\": [1]",
         OCTO_ON_REQUEST,
         OCTO_HISTOGRAM,
         OCTO_UNIT_ONE,
         OCTO_VALUE_BYTES_OUT,
         {0}},
        {"\"type\": \"histogram\", \"value\": \"$header.n\"",
         OCTO_ON_REQUEST,
         OCTO_HISTOGRAM,
         OCTO_UNIT_MICRO,
         OCTO_VALUE_NUMBER,
         {.kind = OCTO_REF_HEADER}},
        {"\"type\": \"gauge\", \"value\": \"$path.n\", \"when\": {\"path\": \"/{m}/{n}\"}",
         OCTO_ON_REQUEST,
         OCTO_GAUGE_SET,
         OCTO_UNIT_MICRO,
         OCTO_VALUE_NUMBER,
         {.kind = OCTO_REF_PATH, .index = 1}},
        {"\"type\": \"gauge\", \"value\": \"$log.n\", \"when\": {\"log\": {\"m\": \"*\"}}",
         OCTO_ON_LOG,
         OCTO_GAUGE_SET,
         OCTO_UNIT_MICRO,
         OCTO_VALUE_NUMBER,
         {.kind = OCTO_REF_LOG, .index = 1}},
        {"\"type\": \"gauge\", \"value\": \"open\", \"when\": {\"connection\": {}}",
         OCTO_ON_CONNECTION,
         OCTO_GAUGE_SHARED,
         OCTO_UNIT_ONE,
         OCTO_VALUE_OPEN,
         {0}},
        {"\"type\": \"gauge\", \"value\": \"$info.db0.keys\", \"when\": {\"redis\": \"INFO\"}",
         OCTO_ON_INFO,
         OCTO_GAUGE_SET,
         OCTO_UNIT_MICRO,
         OCTO_VALUE_NUMBER,
         {.kind = OCTO_REF_INFO, .text = "db0.keys", .len = 8}},
    };
    char text[256];

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct octo_rule *rule = octo_rules.rule;

        snprintf(text, sizeof(text), "{\"rules\": [{\"metric\": \"a\", %s}]}", cases[i].rule);
        read_well(text);
        assert_int_equal(octo_rules.count, 1);
        assert_int_equal(rule->on, cases[i].on);
        assert_int_equal(rule->value, cases[i].value);
        assert_ref(&rule->number, cases[i].number.kind, cases[i].number.index, cases[i].number.text);
        assert_family(0, "a", "By rule.", cases[i].type, cases[i].unit);
        for (unsigned on = 0; on < 4; on++)
            assert_int_equal(octo_rules.on[on], on == cases[i].on);
    }
    read_well("{\"rules\": [{\"metric\": \"a_total\", \"type\": \"counter\", \"value\": \"$response.n\"}]}");
    assert_family(0, "a_total", "By rule.", OCTO_COUNTER, OCTO_UNIT_MICRO);
}

static void assert_bounds(const char *rule, unsigned n, const uint64_t *bounds)
{
    char text[256];

    snprintf(text, sizeof(text), "{\"rules\": [{\"metric\": \"a\", \"type\": \"histogram\", %s}]}", rule);
    read_well(text);
    assert_int_equal(family_of(0)->bounds, n);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(family_of(0)->bound[i], bounds[i]);
}

static void test_buckets(void **state)
{
    static const uint64_t nano[] = {10000000,   50000000,   100000000,  500000000,
                                    1000000000, 2500000000, 5000000000, 10000000000};
    static const uint64_t micro[] = {10000, 50000, 100000, 500000, 1000000, 2500000, 5000000, 10000000};
    static const uint64_t own_nano[] = {0, 1, 7000001, 299999999, 1001000000, 9000000000000000};
    static const uint64_t own_micro[] = {1, 3970, 1000000000000};
    static const uint64_t bytes[] = {0, 1024, 1048576};

    (void)state;
    assert_bounds("\"value\": \"duration\"", 8, nano);
    assert_bounds("\"value\": \"$request.n\"", 8, micro);
    assert_bounds("\"value\": \"duration\", \"buckets\": [0, 1e-9, 0.007000001, 0.299999999, 1.001, 9e6]", 6,
                  own_nano);
    assert_bounds("\"value\": \"$request.n\", \"buckets\": [0.000001, 0.00397, 1e6]", 3, own_micro);
    assert_bounds("\"value\": \"bytes_in\", \"buckets\": [0, 1024, 1048576.0]", 3, bytes);
}

static void test_connections(void **state)
{
    (void)state;
    read_well(
        "{\"rules\": [{\"metric\": \"a\", \"type\": \"gauge\", \"value\": \"open\",\n"
        " \"when\": {\"connection\": {\"protocol\": \"mysql\", \"port\": [3306, 13306], \"address\": \"10.*\"}},\n"
        " \"labels\": {\"a\": \"$address\", \"b\": \"$port\", \"c\": \"$protocol\", \"d\": \"$host\"}},\n"
        " {\"metric\": \"b\", \"type\": \"gauge\", \"value\": \"$info.x\",\n"
        "  \"when\": {\"redis\": \"INFO\", \"connection\": {\"port\": 6379, \"protocol\": \"redis\"}}}]}");
    assert_int_equal(octo_rules.count, 3);
    for (unsigned i = 0; i < 2; i++) {
        const struct octo_rule *rule = &octo_rules.rule[i];

        assert_int_equal(rule->family, octo_rules.rule[0].family);
        assert_int_equal(rule->conditions, 3);
        assert_condition(rule, 0, OCTO_REF_PROTOCOL, 0, "mysql");
        assert_condition(rule, 1, OCTO_REF_HOST, 0, "10.*");
        assert_condition(rule, 2, OCTO_REF_PORT, 0, i == 0 ? "3306" : "13306");
        assert_label(rule, 0, "a", OCTO_REF_HOST, 0, NULL);
        assert_label(rule, 1, "b", OCTO_REF_PORT, 0, NULL);
        assert_label(rule, 2, "c", OCTO_REF_PROTOCOL, 0, NULL);
        assert_label(rule, 3, "d", OCTO_REF_HOST, 0, NULL);
    }
    assert_condition(&octo_rules.rule[2], 0, OCTO_REF_PROTOCOL, 0, "redis");
    assert_condition(&octo_rules.rule[2], 1, OCTO_REF_PORT, 0, "6379");
    assert_int_equal(octo_rules.on[OCTO_ON_CONNECTION], 3);
    assert_int_equal(octo_rules.on[OCTO_ON_INFO], 4);
}

static void test_masks(void **state)
{
    (void)state;
    read_well("{\"rules\": [" RULE("a", "") "," RULE("b", ", \"labels\": {\"x\": \"$request.a\"}") "," RULE(
        "c",
        ", "
        "\"when"
        "\": "
        "{\"res"
        "ponse"
        "\": "
        "{\"a\""
        ": "
        "1}}, "
        "\"body"
        "_limit"
        "\": "
        "70000") "," RULE("d",
                          ", \"value\": \"$response.b\", \"labels\": {\"x\": \"$header.a\"}") "," RULE("e",
                                                                                                       ", "
                                                                                                       "\"when\": "
                                                                                                       "{\"respons"
                                                                                                       "e_"
                                                                                                       "header\": "
                                                                                                       "{\"A\": "
                                                                                                       "1}, "
                                                                                                       "\"header\""
                                                                                                       ": "
                                                                                                       "{\"b\": "
                                                                                                       "1}, "
                                                                                                       "\"request"
                                                                                                       "\": "
                                                                                                       "{\"a\": "
                                                                                                       "1}}") "," RULE("f",
                                                                                                                       ", "
                                                                                                                       "\"when\""
                                                                                                                       ": "
                                                                                                                       "{\"log\""
                                                                                                                       ": "
                                                                                                                       "{\"a\": "
                                                                                                                       "1}}") "]"
                                                                                                                              "}");
    assert_int_equal(octo_rules.count, 6);
    assert_int_equal(octo_rules.on[OCTO_ON_REQUEST], 0x1f);
    assert_int_equal(octo_rules.on[OCTO_ON_LOG], 0x20);
    assert_int_equal(octo_rules.needs_request, 0x12);
    assert_int_equal(octo_rules.needs_response, 0x0c);
    assert_int_equal(octo_rules.needs_request_head, 0x18);
    assert_int_equal(octo_rules.needs_response_head, 0x10);
    assert_int_equal(octo_rules.body_limit, 70000);
    assert_int_equal(octo_rules.request.paths, 1);
    assert_int_equal(octo_rules.response.paths, 2);
    /* Only those that are there count: the largest, whether or not it is the usual one. */
    read_well("{\"rules\": [" RULE("a", ", \"labels\": {\"x\": \"$request.a\"}, \"body_limit\": 100") "," RULE(
        "b", ", \"labels\": {\"x\": \"$request.a\"}, \"body_limit\": 200") "]}");
    assert_int_equal(octo_rules.body_limit, 200);
    read_well("{\"rules\": [" RULE("a", ", \"labels\": {\"x\": \"$request.a\"}, \"body_limit\": 100") "," RULE(
        "b", ", \"labels\": {\"x\": \"$request.a\"}") "]}");
    assert_int_equal(octo_rules.body_limit, 65536);
    read_well("{\"rules\": [" RULE("a", ", \"labels\": {\"x\": \"$request.a\"}, \"body_limit\": 100") "," RULE(
        "b", "") "]}");
    assert_int_equal(octo_rules.body_limit, 100);
}

/* ── the shipped rules ─────────────────────────────────────────────────────────────────────────────── */

static json_t *load_tasks(void)
{
    json_error_t error;
    json_t *root = json_load_file(tasks_file, JSON_REJECT_DUPLICATES, &error);

    if (!root)
        fail_msg("%s: line %d: %s", tasks_file, error.line, error.text);
    return root;
}

static void test_shipped_rules(void **state)
{
    static const char *const names[] = {"tasks_created_total", "task_duration_seconds", "tasks_in_progress",
                                        "errors_total",        "cache_size_bytes",      "cache_size_bytes",
                                        "db_connections",      "db_connections",        "db_connections"};
    static const enum octo_metric_type types[] = {OCTO_COUNTER,      OCTO_HISTOGRAM,    OCTO_GAUGE_SHARED,
                                                  OCTO_COUNTER,      OCTO_GAUGE_SET,    OCTO_GAUGE_SET,
                                                  OCTO_GAUGE_SHARED, OCTO_GAUGE_SHARED, OCTO_GAUGE_SHARED};
    json_t *root = load_tasks();
    char *text = json_dumps(root, JSON_INDENT(2));

    (void)state;
    read_well(text);
    assert_int_equal(octo_rules.count, 9);
    for (unsigned i = 0; i < 9; i++) {
        assert_string_equal(family_of(i)->name, names[i]);
        assert_int_equal(family_of(i)->type, types[i]);
    }
    assert_int_equal(octo_rules.on[OCTO_ON_REQUEST], 7);
    assert_int_equal(octo_rules.on[OCTO_ON_LOG], 0x18);
    assert_int_equal(octo_rules.on[OCTO_ON_INFO], 0x20);
    assert_int_equal(octo_rules.on[OCTO_ON_CONNECTION], 0x1c0);
    assert_int_equal(octo_rules.needs_request, 7);
    assert_int_equal(octo_rules.needs_response, 0);
    assert_label(&octo_rules.rule[8], 0, "pool", OCTO_REF_CONSTANT, 0, "cache");
    free(text);
    json_decref(root);
}

static json_t *some_value(struct choices *c)
{
    static const char *const texts[] = {"{\"a\": \"b\"}",
                                        "[\"GET\", \"2xx\"]",
                                        "[80, 443]",
                                        "\"$request.a\"",
                                        "\"$$\"",
                                        "\"in_progress\"",
                                        "\"INFO\"",
                                        "{}",
                                        "[]",
                                        "null",
                                        "true",
                                        "1",
                                        "2.50",
                                        "\"a_total\"",
                                        "\"histogram\"",
                                        "\"$log.x\"",
                                        "\"/a/{b}\"",
                                        "{\"log\": {\"a\": 1}}"};

    return json_loads(texts[choose(c, sizeof(texts) / sizeof(texts[0]))], JSON_DECODE_ANY, NULL);
}

/* Puts something else into one place, or more, in the tree. */
static void spoil(struct choices *c, json_t *tree)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(tree, next, key, value)
    {
        if (choose(c, 40) == 0)
            json_object_set_new(tree, key, some_value(c));
        else if (choose(c, 60) == 0)
            json_object_del(tree, key);
        else
            spoil(c, value);
    }
    for (size_t i = 0; i < json_array_size(tree); i++) {
        if (choose(c, 40) == 0)
            json_array_set_new(tree, i, some_value(c));
        else
            spoil(c, json_array_get(tree, i));
    }
}

/* Each rule is one that counts (several, if it has ports) or one complaint. */
static void test_spoilt_rules(void **state)
{
    struct choices c = {.seed = 0x9e3779b97f4a7c15};
    unsigned spoilt = 0;

    (void)state;
    for (unsigned round = 0; round < 1000; round++) {
        json_t *root = load_tasks(), *rules = json_object_get(root, "rules");
        char *text;
        unsigned there;

        spoil(&c, rules);
        text = json_dumps(root, JSON_INDENT(round % 4));
        rig_begin();
        rig_read_into(text, rig_metrics);
        there = octo_rules.count;
        for (unsigned i = 0; i < octo_rules.count; i++)
            for (unsigned k = 0; i > 0 && k < octo_rules.rule[i].conditions; k++)
                there -= octo_rules.rule[i].condition[k].ref.kind == OCTO_REF_PORT &&
                         strcmp(octo_rules.rule[i].condition[k].glob, "443") == 0;
        assert_int_equal(there + rig_lines(), json_array_size(rules));
        spoilt += rig_lines();
        free(text);
        json_decref(root);
    }
    assert_in_range(spoilt, 1000, 8000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_least_rule), cmocka_unit_test(test_a_request),    cmocka_unit_test(test_values),
        cmocka_unit_test(test_buckets),        cmocka_unit_test(test_connections),  cmocka_unit_test(test_masks),
        cmocka_unit_test(test_shipped_rules),  cmocka_unit_test(test_spoilt_rules),
    };

    return cmocka_run_group_tests_name("rules_read", tests, NULL, NULL);
}
