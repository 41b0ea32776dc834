/*
 * Rules, read from the settings file. See rules.h for what they are, rules_parts.h for who reads which part.
 *
 * Context: as octo_settings_from_file(), which calls this while jansson's memory is there.
 */
#include "conn/rules_parts.h"

#include "base/json_locate.h"
#include "base/sys.h"

#include <string.h>
#include <sys/mman.h>

struct octo_rules_reader *octo_rules_reader;

/* ── value and labels ──────────────────────────────────────────────────────────────────────────────── */

static bool is_one(const json_t *value)
{
    return !value || (json_is_integer(value) && json_integer_value(value) == 1);
}

static bool has_word(const json_t *value, const char *word)
{
    return json_is_string(value) && strcmp(json_string_value(value), word) == 0;
}

/* What a rule may count besides a reference. */
static const struct {
    const char *word;
    uint8_t value, unit, on;
    bool shared; /* a gauge only; else any type */
} values[] = {
    {"duration", OCTO_VALUE_DURATION, OCTO_UNIT_NANO, OCTO_ON_REQUEST, false},
    {"bytes_in", OCTO_VALUE_BYTES_IN, OCTO_UNIT_ONE, OCTO_ON_REQUEST, false},
    {"bytes_out", OCTO_VALUE_BYTES_OUT, OCTO_UNIT_ONE, OCTO_ON_REQUEST, false},
    {"in_progress", OCTO_VALUE_IN_PROGRESS, OCTO_UNIT_ONE, OCTO_ON_REQUEST, true},
    {"open", OCTO_VALUE_OPEN, OCTO_UNIT_ONE, OCTO_ON_CONNECTION, true},
};

static bool read_word(struct octo_rules_reader *r, const json_t *value)
{
    struct octo_rule *rule = r->rule;

    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (!has_word(value, values[i].word))
            continue;
        if (rule->on != values[i].on)
            return octo_rules_wrong(r, "%q is known of %s only", values[i].word,
                                    values[i].on == OCTO_ON_REQUEST ? "requests" : "connections");
        if (values[i].shared && rule->type != OCTO_GAUGE_SET)
            return octo_rules_wrong(r, "%q is for gauges only", values[i].word);
        if (values[i].shared)
            rule->type = OCTO_GAUGE_SHARED;
        rule->value = values[i].value;
        octo_rules_present(r)->unit = values[i].unit;
        return true;
    }
    return octo_rules_wrong(
        r, "must be a reference as \"$log.bytes\", or duration, bytes_in, bytes_out, in_progress, open, 1");
}

static bool read_value(struct octo_rules_reader *r, const json_t *value)
{
    const char *text = json_string_value(value);

    octo_rules_present(r)->unit = OCTO_UNIT_ONE;
    r->rule->value = OCTO_VALUE_ONE;
    if (is_one(value) && r->rule->on == OCTO_ON_INFO)
        return octo_rules_wrong(r, "\"value\" is missing: a field of INFO, as \"$info.used_memory\"");
    if (is_one(value) && r->rule->type == OCTO_COUNTER)
        return true;
    if (!value)
        return octo_rules_wrong(r, "\"value\" is missing: only counters do without");
    if (is_one(value))
        return octo_rules_wrong(r, "1 is for counters only");
    if (!text || text[0] != '$' || text[1] == '$')
        return read_word(r, value);
    octo_rules_present(r)->unit = OCTO_UNIT_MICRO;
    r->rule->value = OCTO_VALUE_NUMBER;
    return octo_rules_ref(r, text, true, &r->rule->number);
}

static bool check_label(struct octo_rules_reader *r, const char *name)
{
    size_t len = strlen(name);

    if (!octo_rules_is_name(name, len))
        return octo_rules_wrong_key(r, "a label's name is made of letters, digits and _");
    if (len > OCTO_RULE_NAME_MAX)
        return octo_rules_wrong_key(r, "a label's name of more than %u bytes", OCTO_RULE_NAME_MAX);
    if (strncmp(name, "__", 2) == 0 || strcmp(name, "le") == 0)
        return octo_rules_wrong_key(r, "%q is Prometheus' own label", name);
    if (r->rule->labels == OCTO_RULE_LABELS)
        return octo_rules_wrong_key(r, "more than %u labels", OCTO_RULE_LABELS);
    return true;
}

static bool read_label(struct octo_rules_reader *r, const char *name, const json_t *value)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    struct octo_ref ref = {.kind = OCTO_REF_CONSTANT};

    if (!check_label(r, name))
        return false;
    if (!text || len == 0)
        return octo_rules_wrong(r, "must be a text, or a reference as \"$status\"");
    if (text[0] == '$' && text[1] != '$') {
        if (!octo_rules_ref(r, text, false, &ref))
            return false;
    } else {
        text += text[0] == '$';
        len = strlen(text);
        if (len > OCTO_RULE_VALUE_MAX)
            return octo_rules_wrong(r, "longer than %u bytes", OCTO_RULE_VALUE_MAX);
        ref.text = octo_rules_keep(r, text, len, false);
        ref.len = (uint16_t)len;
    }
    r->rule->label[r->rule->labels].name = octo_rules_keep(r, name, strlen(name), false);
    r->rule->label[r->rule->labels].len = (uint8_t)strlen(name);
    r->rule->label[r->rule->labels++].ref = ref;
    return true;
}

static bool read_labels(struct octo_rules_reader *r, const json_t *value)
{
    const char *name;
    json_t *text;

    if (value && !json_is_object(value))
        return octo_rules_wrong(r, "must be an object, as {\"priority\": \"$request.priority\"}");
    if (!value)
        return true;
    json_object_foreach ((json_t *)value, name, text) {
        char *before = octo_rules_down(r, name);

        if (!read_label(r, name, text))
            return false;
        octo_rules_up(r, before);
    }
    return true;
}

static bool read_body_limit(struct octo_rules_reader *r, const json_t *value)
{
    json_int_t bytes = json_integer_value(value);
    bool looks = octo_rules_kinds(r->rule) & OCTO_RULES_BODIES;

    if (!value)
        bytes = OCTO_RULE_BODY_USUAL;
    else if (bytes < 1 || bytes > OCTO_RULE_BODY_MAX)
        return octo_rules_wrong(r, "must be bytes, from 1 to %u", OCTO_RULE_BODY_MAX);
    else if (!looks)
        return octo_rules_wrong_key(r, "the rule does not look into bodies");
    if (looks && (uint32_t)bytes > octo_rules.body_limit)
        octo_rules.body_limit = (uint32_t)bytes;
    return true;
}

/* ── the rule ──────────────────────────────────────────────────────────────────────────────────────── */

/* read(), at that key if the rule has it, else with NULL. */
static bool read_key(struct octo_rules_reader *r, const json_t *rule, const char *key,
                     bool (*read)(struct octo_rules_reader *r, const json_t *value))
{
    const json_t *value = json_object_get(rule, key);
    char *before = value ? octo_rules_down(r, key) : r->where.at;

    if (!read(r, value))
        return false;
    octo_rules_up(r, before);
    return true;
}

/* A rule of several ports is as many rules; there is room for them. */
static void end_rule(struct octo_rules_reader *r, unsigned number, size_t line, size_t column)
{
    const struct octo_rule rule = *r->rule;
    unsigned i = 0;

    do {
        struct octo_rule *copy = &octo_rules.rule[r->rules];

        *copy = rule;
        for (unsigned c = 0; r->ports > 0 && c < copy->conditions; c++) {
            char digits[8];
            struct octo_text t;

            if (copy->condition[c].ref.kind != OCTO_REF_PORT)
                continue;
            octo_text_begin(&t, digits, sizeof(digits));
            octo_text_u64(&t, r->port[i]);
            copy->condition[c].glob = octo_rules_keep(r, digits, octo_text_len(&t), false);
            copy->condition[c].len = (uint16_t)octo_text_len(&t);
        }
        r->origin[r->rules].number = number;
        r->origin[r->rules].line = line;
        r->origin[r->rules++].column = column;
    } while (++i < r->ports);
}

static const char rule_keys[] = "metric, type, help, buckets, when, value, labels, body_limit";

/* All of a rule; ports are rules of their own. */
static bool read_parts(struct octo_rules_reader *r, const json_t *rule)
{
    if (!json_is_object(rule))
        return octo_rules_wrong(r, "must be an object, as {\"metric\": \"tasks_total\", \"type\": \"counter\"}");
    if (!octo_rules_keys(r, rule, rule_keys) || !read_key(r, rule, "metric", octo_rules_name) ||
        !read_key(r, rule, "type", octo_rules_type) || !read_key(r, rule, "metric", octo_rules_check_name) ||
        !read_key(r, rule, "help", octo_rules_help))
        return false;
    r->early = has_word(json_object_get(rule, "value"), "in_progress");
    if (!read_key(r, rule, "when", octo_rules_when) || !read_key(r, rule, "value", read_value) ||
        !read_key(r, rule, "buckets", octo_rules_buckets) || !read_key(r, rule, "labels", read_labels) ||
        !read_key(r, rule, "body_limit", read_body_limit))
        return false;
    if (r->ports > OCTO_RULES_MAX - r->rules)
        return octo_rules_wrong(r, "more than %u rules, as each port makes one", OCTO_RULES_MAX);
    return octo_rules_share(r, rule);
}
/* ── the list ──────────────────────────────────────────────────────────────────────────────────────── */

static void remember(struct octo_rules_reader *r)
{
    r->before.at = r->at;
    r->before.request_headers = octo_rules.request_headers;
    r->before.response_headers = octo_rules.response_headers;
    r->before.request = octo_rules.request;
    r->before.response = octo_rules.response;
    r->before.log = octo_rules.log;
}

static void take_back(struct octo_rules_reader *r)
{
    r->at = r->before.at;
    octo_rules.request_headers = r->before.request_headers;
    octo_rules.response_headers = r->before.response_headers;
    octo_rules.request = r->before.request;
    octo_rules.response = r->before.response;
    octo_rules.log = r->before.log;
    memset(r->rule, 0, sizeof(*r->rule));
}

static void read_rule(struct octo_rules_reader *r, const json_t *rule, unsigned number)
{
    char *before = octo_rules_item(r, number);
    size_t line = 0, column = 0;

    r->rule = &octo_rules.rule[r->rules];
    r->ports = 0;
    memset(r->rule, 0, sizeof(*r->rule));
    memset(octo_rules_present(r), 0, sizeof(*octo_rules_present(r)));
    remember(r);
    if (read_parts(r, rule)) {
        octo_rules_down(r, "metric");
        octo_json_locate(r->text, r->len, r->where.start, &line, &column);
        end_rule(r, number, line, column);
    } else {
        take_back(r);
    }
    r->rule = NULL;
    octo_rules_up(r, before);
}

/* Zeroed memory, or NULL. */
static void *map(size_t size)
{
    long p = octo_sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p < 0 && p > -4096 ? NULL : (void *)p;
}

/* Memory that stays, with room for all texts of a file of that length; or NULL. */
static struct octo_rules_reader *new_reader(size_t len)
{
    size_t size = sizeof(struct octo_rules_reader) + len + 64;
    struct octo_rules_reader *r = map(size);

    if (!r)
        return NULL;
    r->at = (char *)(r + 1);
    r->end = (char *)r + size;
    octo_text_begin(&r->where, r->where_room, sizeof(r->where_room));
    return r;
}

void octo_rules_read(const json_t *rules, const char *file, const char *text, size_t len, struct octo_metrics *m,
                     void (*complain)(const char *line))
{
    struct octo_rules_reader *r = new_reader(len);
    struct octo_text name;

    if (!r) {
        complain("octoshim: no memory for rules; there are none\n");
        return;
    }
    r->text = text;
    r->len = len;
    r->complain = complain;
    octo_text_begin(&name, r->file, sizeof(r->file));
    octo_text_str(&name, file);
    octo_text_str(&r->where, "rules");
    if (!json_is_array(rules))
        octo_rules_wrong(r, "must be a list of rules; there are none");
    for (unsigned i = 0; i < json_array_size(rules); i++) {
        if (r->rules == OCTO_RULES_MAX || i == OCTO_RULES_MAX) {
            octo_rules_item(r, i);
            octo_rules_wrong(r, "more than %u rules; this one and all after it are left out", OCTO_RULES_MAX);
            break;
        }
        read_rule(r, json_array_get(rules, i), i);
    }
    if (octo_rules.body_limit == 0)
        octo_rules.body_limit = OCTO_RULE_BODY_USUAL;
    r->text = NULL;
    octo_rules_reader = r;
    if (m)
        octo_rules_make(m, complain);
}
