/*
 * Rules: limits, metrics that several rules share or that are there already.
 */
#include "rules_rig.h"

/* {"rules": [rule…]}: n times what format makes of the numbers 0 to n - 1. */
static const char *many(unsigned n, const char *format)
{
    static char text[65536];
    size_t used = (size_t)snprintf(text, sizeof(text), "{\"rules\": [");

    for (unsigned i = 0; i < n; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, i > 0 ? ",\n" : "");
        used += (size_t)snprintf(text + used, sizeof(text) - used, format, i, i);
    }
    snprintf(text + used, sizeof(text) - used, "]}");
    return text;
}

static void test_limits(void **state)
{
    (void)state;
    read_well(many(64, RULE("a", "")));
    assert_int_equal(octo_rules.count, 64);
    assert_int_equal(octo_rules.on[OCTO_ON_REQUEST], UINT64_MAX);
    rig_read(many(70, RULE("a", "")));
    assert_int_equal(octo_rules.count, 64);
    assert_complains(
        1, "f.json: line 65, column 1: rules[64]: more than 64 rules; this one and all after it are left out\n");
    rig_read(many(5000, "5"));
    assert_complains(65, "rules[64]: more than 64 rules");

    read_well(many(64, RULE("a%u", "")));
    assert_int_equal(atomic_load(&rig_metrics->families), 64);
    rig_begin();
    rig_family(rig_metrics, "other_total", OCTO_COUNTER);
    rig_read_into(many(64, RULE("a%u", "")), rig_metrics);
    assert_int_equal(octo_rules.count, 63);
    assert_complains(1, "f.json: line 64, column 12: rules[63].metric: no place for \"a63_total\": a service has "
                        "at most 64 metrics; the rule is left out\n");

    read_well(many(8, RULE("a", ", \"labels\": {\"x\": \"$header.h%u\"}")));
    rig_read(many(10, RULE("a", ", \"labels\": {\"x\": \"$header.h%u\"}")));
    assert_int_equal(octo_rules.count, 8);
    assert_complains(2, "rules[8].labels.x: more than 8 different header fields of requests in all rules; the");
    rig_read(many(10, RULE("a", ", \"when\": {\"response_header\": {\"h%u\": 1}}")));
    assert_complains(2,
                     "rules[9].when.response_header.h9: more than 8 different header fields of responses in all");

    read_well(many(16, RULE("a", ", \"labels\": {\"x\": \"$request.h%u\"}")));
    rig_read(many(17, RULE("a", ", \"labels\": {\"x\": \"$request.h%u\", \"y\": \"$response.h%u\"}")));
    assert_int_equal(octo_rules.count, 16);
    assert_int_equal(octo_rules.request.paths, 16);
    assert_complains(1, "rules[16].labels.x: the limit of all rules is reached: more than 16 paths; the rule");

    rig_read("{\"rules\": [" RULE(
        "a", ", \"when\": {\"log\": {\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1}}") "]}");
    assert_int_equal(octo_rules.count, 1);
    assert_int_equal(octo_rules.rule[0].conditions, 8);
    rig_read("{\"rules\": [" RULE(
        "a",
        ", \"when\": {\"log\": {\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1}}") "]}");
    assert_complains(1, "column 122: rules[0].when.log.i: more than 8 conditions; the rule");

    /* Each port is a rule. */
    read_well(many(32, RULE("a", ", \"when\": {\"connection\": {\"port\": [1, 2]}}")));
    assert_int_equal(octo_rules.count, 64);
    rig_read(many(22, RULE("a", ", \"when\": {\"connection\": {\"port\": [1, 2, 3]}}")));
    assert_int_equal(octo_rules.count, 63);
    assert_complains(
        1, "line 22, column 1: rules[21]: more than 64 rules, as each port makes one; the rule is left out\n");
    rig_read(many(13, RULE("a", ", \"when\": {\"connection\": {\"port\": [1, 2, 3, 4, 5]}}")));
    assert_int_equal(octo_rules.count, 60);
    assert_complains(1, "rules[12]: more than 64 rules, as each port makes one");
}

/* A rule with an error leaves nothing behind, so that those after it have all the room. */
static void test_errors_take_no_room(void **state)
{
    (void)state;
    rig_read(many(
        60,
        RULE("a",
             ", \"when\": {\"header\": {\"h%u\": 1}, \"request\": {\"p%u\": 1}}, \"labels\": {\"le\": \"\"}")));
    assert_int_equal(octo_rules.count, 0);
    assert_int_equal(rig_lines(), 60);
    assert_int_equal(octo_rules.request_headers, 0);
    assert_int_equal(octo_rules.request.nodes, 0);
    assert_int_equal(octo_rules.request.text_len, 0);
    assert_int_equal(octo_rules.on[0] | octo_rules.needs_request | octo_rules.needs_request_head, 0);
}

/* ── metrics ───────────────────────────────────────────────────────────────────────────────────────── */

static void test_rules_share_metrics(void **state)
{
    const struct octo_metric_plan errors = {"errors_total", "Built in.", OCTO_COUNTER, OCTO_UNIT_ONE, NULL, 0};
    int built_in;

    (void)state;
    rig_begin();
    built_in = octo_metrics_family(rig_metrics, &errors);
    rig_read_into("{\"rules\": [" RULE("a", "") "," RULE(
                      "errors",
                      ", \"labels\": {\"error_type\": \"x\", "
                      "\"component\": \"y\"}") "," RULE("a", ", \"help\": \"Later.\"") "," RULE("a", "") "]}",
                  rig_metrics);
    assert_string_equal(rig_complaints, "");
    assert_int_equal(octo_rules.rule[1].family, built_in);
    assert_int_equal(octo_rules.rule[0].family, octo_rules.rule[2].family);
    assert_int_equal(octo_rules.rule[0].family, octo_rules.rule[3].family);
    assert_family(0, "a_total", "Later.", OCTO_COUNTER, OCTO_UNIT_ONE);
    assert_int_equal(atomic_load(&rig_metrics->families), 2);

    rig_read("{\"rules\": [{\"metric\": \"a\", \"type\": \"histogram\", \"value\": \"duration\"},\n"
             "{\"metric\": \"a\", \"type\": \"gauge\", \"value\": \"duration\"},\n"
             "{\"metric\": \"a\", \"type\": \"histogram\", \"value\": \"duration\", \"buckets\": [1]},\n"
             "{\"metric\": \"a\", \"type\": \"histogram\", \"value\": \"duration\", \"buckets\": [0.01, 0.05, "
             "0.1, 0.5, 1, 2.5, 5, 10]},\n"
             "{\"metric\": \"b\", \"type\": \"gauge\", \"value\": \"duration\"},\n"
             "{\"metric\": \"b\", \"type\": \"gauge\", \"value\": \"in_progress\"}]}");
    assert_int_equal(octo_rules.count, 3);
    assert_complains(3, "line 2, column 25: rules[1].type: another rule of this metric has other types;");
    assert_complains(3, "line 3, column 70: rules[2].buckets: another rule of this metric has other buckets;");
    assert_complains(3,
                     "line 6, column 43: rules[5].value: another rule of this metric has other kinds of values;");

    rig_read("{\"rules\": [{\"metric\": \"a\", \"type\": \"gauge\", \"value\": \"bytes_in\"},\n"
             "{\"metric\": \"a\", \"type\": \"gauge\", \"value\": \"in_progress\"},\n"
             "{\"metric\": \"b\", \"type\": \"histogram\", \"value\": \"duration\", \"buckets\": [1, 2]},\n"
             "{\"metric\": \"b\", \"type\": \"histogram\", \"value\": \"duration\", \"buckets\": [1, 3]}]}");
    assert_complains(2, "rules[1].value: another rule of this metric has other kinds of values;");
    assert_complains(2, "rules[3].buckets: another rule of this metric has other buckets;");
}

/* What another process of this service, or the shim, has made already. */
static void test_metrics_that_are_there(void **state)
{
    const struct octo_metric_plan errors = {"errors_total", "Built in.", OCTO_COUNTER, OCTO_UNIT_ONE, NULL, 0};

    (void)state;
    rig_begin();
    octo_metrics_family(rig_metrics, &errors);
    rig_family(rig_metrics, "h", OCTO_HISTOGRAM);
    rig_family(rig_metrics, "g", OCTO_GAUGE_SET);
    strcpy(rig_metrics->labels, "service=\"a\\\"region=\\\\\",zone=\"\",");
    rig_read_into("{\"rules\": [\n"
                  "{\"metric\": \"h_count\", \"type\": \"gauge\", \"value\": \"duration\"},\n"
                  "{\"metric\": \"h_total\", \"type\": \"counter\"},\n"
                  "{\"metric\": \"h_sum_total\", \"type\": \"counter\"},\n"
                  "{\"metric\": \"h\", \"type\": \"histogram\", \"value\": \"duration\"},\n"
                  "{\"metric\": \"g_total\", \"type\": \"counter\"},\n"
                  "{\"metric\": \"errors_created\", \"type\": \"gauge\", \"value\": \"duration\"},\n"
                  "{\"metric\": \"errors_total\", \"type\": \"counter\", \"value\": \"$request.n\", \"labels\": "
                  "{\"error_type\": \"x\", \"component\": \"y\"}},\n"
                  "{\"metric\": \"z_total\", \"type\": \"counter\", \"labels\": {\"zone\": \"x\"}},\n"
                  "{\"metric\": \"y_total\", \"type\": \"counter\", \"when\": {\"connection\": {\"port\": [1, "
                  "2]}}, \"labels\": {\"a\": \"x\", \"service\": \"x\"}},\n"
                  "{\"metric\": \"g_count\", \"type\": \"gauge\", \"value\": \"duration\"},\n"
                  "{\"metric\": \"h_counts\", \"type\": \"gauge\", \"value\": \"duration\"},\n"
                  "{\"metric\": \"x_total\", \"type\": \"counter\", \"labels\": {\"region\": \"x\", \"serv\": "
                  "\"x\", \"zones\": \"y\"}}]}",
                  rig_metrics);
    assert_complains(
        9, "line 2, column 12: rules[0].metric: the name would be mixed up with that of \"h\"; the rule");
    assert_complains(
        9, "line 3, column 12: rules[1].metric: the name would be mixed up with that of \"h\"; the rule");
    assert_complains(
        9, "line 4, column 12: rules[2].metric: the name would be mixed up with that of \"h\"; the rule");
    assert_complains(9, "line 5, column 12: rules[3].metric: this service has \"h\" already, of another type or "
                        "with other values or buckets; the rule");
    assert_complains(
        9, "line 6, column 12: rules[4].metric: the name would be mixed up with that of \"g\"; the rule");
    assert_complains(
        9,
        "line 7, column 12: rules[5].metric: the name would be mixed up with that of \"errors_total\"; the rule");
    assert_complains(9, "line 8, column 12: rules[6].metric: this service has \"errors_total\" already");
    assert_complains(9, "line 9, column 12: rules[7].metric: all metrics have the label \"zone\" already, by "
                        "OCTOSHIM_METRICS_LABELS; the rule");
    assert_complains(9, "line 10, column 12: rules[8].metric: all metrics have the label \"service\" already");
    assert_int_equal(octo_rules.count, 3);
    assert_string_equal(family_of(0)->name, "g_count");
    assert_string_equal(family_of(2)->name, "x_total");
    assert_int_equal(octo_rules.on[OCTO_ON_REQUEST], 7);
    assert_int_equal(octo_rules.on[OCTO_ON_CONNECTION], 0);
}

/* The settings are read before there is shared memory: families come later. */
static void test_families_may_come_later(void **state)
{
    (void)state;
    rig_begin();
    rig_family(rig_metrics, "b", OCTO_GAUGE_SET);
    octo_rules_make(rig_metrics, rig_complain); /* nothing was read: nothing is made */
    rig_read_into("{\"rules\": [5,\n" RULE("b", "") ",\n" RULE("a", ", \"labels\": {\"x\": \"$header.Y\"}") "]}",
                  NULL);
    assert_complains(1, "rules[0]: must be an object");
    assert_int_equal(octo_rules.count, 0);
    assert_int_equal(octo_rules.on[OCTO_ON_REQUEST], 0);
    octo_rules_make(rig_metrics, rig_complain);
    assert_complains(
        2, "f.json: line 2, column 12: rules[1].metric: the name would be mixed up with that of \"b\"; the rule");
    assert_int_equal(octo_rules.count, 1);
    assert_family(0, "a_total", "By rule.", OCTO_COUNTER, OCTO_UNIT_ONE);
    assert_int_equal(octo_rules.needs_request_head, 1);
    octo_rules_make(rig_metrics, rig_complain); /* once */
    assert_int_equal(octo_rules.count, 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_errors_take_no_room),
        cmocka_unit_test(test_rules_share_metrics),
        cmocka_unit_test(test_metrics_that_are_there),
        cmocka_unit_test(test_families_may_come_later),
    };

    return cmocka_run_group_tests_name("rules_limits", tests, NULL, NULL);
}
