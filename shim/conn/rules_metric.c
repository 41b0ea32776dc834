/* A rule's metric: name, type, help, buckets, and which rules have the same. See rules_parts.h. */
#include "conn/rules_parts.h"

#include <string.h>

static const char usual_help[] = "By rule.";
static const double usual_buckets[] = {0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10};

static bool ends_in_total(const char *name)
{
    size_t len = strlen(name), end = sizeof("_total") - 1;

    return len > end && strcmp(name + len - end, "_total") == 0;
}

static bool is_reserved(const char *name)
{
    return strncmp(name, "process_", 8) == 0 || strncmp(name, "octoshim_", 9) == 0 ||
           octo_rules_is_listed(
               name, "up, http_requests_total, http_request_duration_seconds, http_requests_in_progress");
}

bool octo_rules_name(struct octo_rules_reader *r, const json_t *value)
{
    const char *name = json_string_value(value);

    if (!value)
        return octo_rules_wrong(r, "\"metric\" is missing");
    if (!name || !octo_rules_is_name(name, strlen(name)))
        return octo_rules_wrong(r, "must be a name of letters, digits and _, as \"tasks_total\"");
    if (strlen(name) >= OCTO_FAMILY_NAME_MAX)
        return octo_rules_wrong(r, "longer than %u bytes", OCTO_FAMILY_NAME_MAX - 1);
    if (is_reserved(name))
        return octo_rules_wrong(r, "%q is not for rules: the name has a meaning already", name);
    octo_rules_present(r)->name = octo_rules_keep(r, name, strlen(name), false);
    return true;
}

bool octo_rules_type(struct octo_rules_reader *r, const json_t *value)
{
    const char *type = json_string_value(value);

    if (!value)
        return octo_rules_wrong(r, "\"type\" is missing");
    if (!type || !octo_rules_is_listed(type, "counter, gauge, histogram"))
        return octo_rules_wrong(r, "must be one of: counter, gauge, histogram");
    r->rule->type = *type == 'c' ? OCTO_COUNTER : *type == 'g' ? OCTO_GAUGE_SET : OCTO_HISTOGRAM;
    return true;
}

/* At the metric's name, once the type is known. */
bool octo_rules_check_name(struct octo_rules_reader *r, const json_t *value)
{
    bool total = ends_in_total(json_string_value(value));

    if (total != (r->rule->type == OCTO_COUNTER))
        return octo_rules_wrong(r, total ? "only a counter's name ends in _total"
                                         : "a counter's name ends in _total, with something before it");
    return true;
}

bool octo_rules_help(struct octo_rules_reader *r, const json_t *value)
{
    const char *help = json_string_value(value);
    size_t len = json_string_length(value);

    octo_rules_present(r)->help = usual_help;
    if (!value)
        return true;
    if (!help || len == 0)
        return octo_rules_wrong(r, "must be a text");
    if (len >= OCTO_FAMILY_HELP_MAX)
        return octo_rules_wrong(r, "longer than %u bytes", OCTO_FAMILY_HELP_MAX - 1);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)help[i] < ' ' || help[i] == 0x7f || help[i] == '"' || help[i] == '\\')
            return octo_rules_wrong(r, "has a control character, a quotation mark or a \\");
    octo_rules_present(r)->help = octo_rules_keep(r, help, len, false);
    return true;
}

/* A bound in the metric's unit; false if it has none. */
static bool convert(double bound, enum octo_unit unit, uint64_t *to)
{
    double value = bound * (unit == OCTO_UNIT_NANO ? 1e9 : unit == OCTO_UNIT_MICRO ? 1e6 : 1);
    double off;

    if (!(value >= 0 && value <= 9e15)) /* up to there a double has the whole numbers */
        return false;
    *to = (uint64_t)(value + 0.5);
    off = (double)*to - value;
    return off < 1e-3 + value * 1e-15 && off > -1e-3 - value * 1e-15;
}

static bool read_bound(struct octo_rules_reader *r, const json_t *item)
{
    static const char *const smallest[] = {[OCTO_UNIT_ONE] = "whole numbers",
                                           [OCTO_UNIT_NANO] = "seconds of at most 9 decimals",
                                           [OCTO_UNIT_MICRO] = "numbers of at most 6 decimals"};
    struct octo_rules_metric *m = octo_rules_present(r);
    uint64_t *to = m->bound + m->bounds;

    if (!json_is_number(item) || !convert(json_number_value(item), (enum octo_unit)m->unit, to))
        return octo_rules_wrong(r, "buckets are %s, none negative or very large", smallest[m->unit]);
    if (m->bounds > 0 && to[0] <= to[-1])
        return octo_rules_wrong(r, "buckets must ascend");
    m->bounds++;
    return true;
}

bool octo_rules_buckets(struct octo_rules_reader *r, const json_t *value)
{
    struct octo_rules_metric *m = octo_rules_present(r);

    m->bounds = 0;
    if (!value && r->rule->type != OCTO_HISTOGRAM)
        return true;
    if (r->rule->type != OCTO_HISTOGRAM)
        return octo_rules_wrong_key(r, "only histograms have buckets");
    if (!value && m->unit == OCTO_UNIT_ONE)
        return octo_rules_wrong(r, "\"buckets\" is missing: the usual ones are seconds");
    for (size_t i = 0; !value && i < sizeof(usual_buckets) / sizeof(usual_buckets[0]); i++)
        convert(usual_buckets[i], (enum octo_unit)m->unit, &m->bound[m->bounds++]);
    if (!value)
        return true;
    if (!json_is_array(value) || json_array_size(value) == 0)
        return octo_rules_wrong(r, "must be a list of numbers, as [0.1, 1, 10]");
    if (json_array_size(value) > OCTO_BOUNDS_MAX)
        return octo_rules_wrong(r, "more than %u buckets", OCTO_BOUNDS_MAX);
    for (size_t i = 0; i < json_array_size(value); i++) {
        char *before = octo_rules_item(r, i);

        if (!read_bound(r, json_array_get(value, i)))
            return false;
        octo_rules_up(r, before);
    }
    return true;
}

/* ── sharing ───────────────────────────────────────────────────────────────────────────────────────── */

static bool same_labels(const struct octo_rule *a, const struct octo_rule *b)
{
    if (a->labels != b->labels)
        return false;
    for (unsigned i = 0; i < a->labels; i++)
        if (strcmp(a->label[i].name, b->label[i].name) != 0)
            return false;
    return true;
}

/* Complains at that key of the rule, or of all of it. */
static bool differs(struct octo_rules_reader *r, const json_t *rule, const char *key, const char *what)
{
    if (json_object_get(rule, key))
        octo_rules_down(r, key);
    return octo_rules_wrong(r, "another rule of this metric has other %s", what);
}

/* Gives the rule its metric: that of an earlier rule, which must be the same, or a new one. */
bool octo_rules_share(struct octo_rules_reader *r, const json_t *rule)
{
    struct octo_rules_metric *m = octo_rules_present(r);

    m->type = r->rule->type;
    m->rule = r->rules;
    for (unsigned i = 0; i < r->metrics; i++) {
        struct octo_rules_metric *other = &r->metric[i];

        if (strcmp(other->name, m->name) != 0)
            continue;
        if (other->type != m->type && (other->type == OCTO_COUNTER || other->type == OCTO_HISTOGRAM ||
                                       m->type == OCTO_COUNTER || m->type == OCTO_HISTOGRAM))
            return differs(r, rule, "type", "types");
        if (other->type != m->type || other->unit != m->unit)
            return differs(r, rule, "value", "kinds of values");
        if (other->bounds != m->bounds || memcmp(other->bound, m->bound, m->bounds * sizeof(m->bound[0])) != 0)
            return differs(r, rule, "buckets", "buckets");
        if (!same_labels(&octo_rules.rule[other->rule], r->rule))
            return differs(r, rule, "labels", "labels, or the same in another order");
        if (m->help != usual_help && other->help != usual_help && strcmp(m->help, other->help) != 0)
            return differs(r, rule, "help", "help");
        if (m->help != usual_help)
            other->help = m->help;
        r->rule->family = (uint16_t)i;
        return true;
    }
    if (strcmp(m->name, "errors_total") == 0 &&
        (r->rule->labels != 2 || strcmp(r->rule->label[0].name, "error_type") != 0 ||
         strcmp(r->rule->label[1].name, "component") != 0))
        return octo_rules_wrong(r, "the labels of errors_total are error_type and component, in this order");
    r->rule->family = (uint16_t)r->metrics++;
    return true;
}
