/* Rules that were read, made ready: the families of their metrics, what they need. See rules_parts.h. */
#include "conn/rules_parts.h"

#include <errno.h>
#include <string.h>

/* ── names ─────────────────────────────────────────────────────────────────────────────────────────── */

/* What is put behind a metric's name, a counter's without its _total, when it is shown; the empty one for its type's line. */
static const char *const *suffixes(unsigned type)
{
    static const char *const counter[] = {"", "_total", "_created", NULL};
    static const char *const histogram[] = {"", "_bucket", "_sum", "_count", "_created", NULL};
    static const char *const gauge[] = {"", NULL};

    return type == OCTO_COUNTER ? counter : type == OCTO_HISTOGRAM ? histogram : gauge;
}

static size_t stem(const char *name, unsigned type)
{
    return strlen(name) - (type == OCTO_COUNTER ? sizeof("_total") - 1 : 0);
}

/* True if one of the names of each metric is the same: rows, or types, of both would be mixed up. */
static bool clash(const char *a, unsigned a_type, const char *b, unsigned b_type)
{
    size_t a_len = stem(a, a_type), b_len = stem(b, b_type);
    size_t common = a_len < b_len ? a_len : b_len;

    if (memcmp(a, b, common) != 0)
        return false;
    for (const char *const *x = suffixes(a_type); *x; x++) {
        for (const char *const *y = suffixes(b_type); *y; y++) {
            /* The longer stem is the common part, and what it has more must be in the other's suffix. */
            if (a_len + strlen(*x) != b_len + strlen(*y))
                continue;
            if (a_len <= b_len
                    ? memcmp(*x, b + common, b_len - common) == 0 && strcmp(*x + (b_len - common), *y) == 0
                    : memcmp(*y, a + common, a_len - common) == 0 && strcmp(*y + (a_len - common), *x) == 0)
                return true;
        }
    }
    return false;
}

/* The metric that the name would be mixed up with, or NULL. */
static const char *clashing(const struct octo_metrics *m, const struct octo_rules_metric *metric)
{
    unsigned n = atomic_load_explicit(&m->families, memory_order_acquire);

    for (unsigned i = 0; i < n; i++)
        if (strcmp(m->family[i].name, metric->name) != 0 &&
            clash(metric->name, metric->type, m->family[i].name, m->family[i].type))
            return m->family[i].name;
    return NULL;
}

/* True if every series has that label already: labels are `service="a",region="b",`, quotation marks escaped. */
static bool is_constant(const char *labels, const char *name)
{
    size_t len = strlen(name);

    while (*labels != '\0') {
        size_t n = strcspn(labels, "=");

        if (n == len && memcmp(labels, name, n) == 0)
            return true;
        labels += n;
        if (*labels == '\0')
            return false;
        for (labels += 2; *labels != '\0' && *labels != '"'; labels++)
            if (*labels == '\\' && labels[1] != '\0')
                labels++;
        labels += strspn(labels, "\",");
    }
    return false;
}

/* ── families ──────────────────────────────────────────────────────────────────────────────────────── */

/* Complains of rule i, unless that was done: several rules of one number are those of several ports. */
static bool refuse(struct octo_rules_reader *r, unsigned i, bool said, const char *why, const char *name)
{
    char *before = octo_rules_item(r, r->origin[i].number);

    octo_rules_down(r, "metric");
    r->rule = &octo_rules.rule[i];
    if (!said)
        octo_rules_wrong_at(r, r->origin[i].line, r->origin[i].column, why, name);
    r->rule = NULL;
    octo_rules_up(r, before);
    return false;
}

/* Gives rule i its family. */
static bool make(struct octo_rules_reader *r, struct octo_metrics *m, unsigned i, bool said)
{
    struct octo_rule *rule = &octo_rules.rule[i];
    const struct octo_rules_metric *metric = &r->metric[rule->family];
    const struct octo_metric_plan plan = {metric->name, metric->help,  metric->type,
                                          metric->unit, metric->bound, metric->bounds};
    const char *other = clashing(m, metric);
    int family;

    for (unsigned l = 0; l < rule->labels; l++)
        if (is_constant(m->labels, rule->label[l].name))
            return refuse(r, i, said, "all metrics have the label %q already, by OCTOSHIM_METRICS_LABELS",
                          rule->label[l].name);
    if (other)
        return refuse(r, i, said, "the name would be mixed up with that of %q", other);
    family = octo_metrics_family(m, &plan);
    if (family == -EEXIST)
        return refuse(r, i, said, "this service has %q already, of another type or with other values or buckets",
                      metric->name);
    if (family < 0)
        return refuse(r, i, said, "no place for %q: a service has at most 64 metrics", metric->name);
    rule->family = (uint16_t)family;
    return true;
}
_Static_assert(OCTO_FAMILIES == 64, "as the message says");

/* ── masks ─────────────────────────────────────────────────────────────────────────────────────────── */

uint32_t octo_rules_kinds(const struct octo_rule *rule)
{
    uint32_t kinds = 0;

    for (unsigned i = 0; i < rule->conditions; i++)
        kinds |= 1u << rule->condition[i].ref.kind;
    for (unsigned i = 0; i < rule->labels; i++)
        kinds |= 1u << rule->label[i].ref.kind;
    if (rule->value == OCTO_VALUE_NUMBER)
        kinds |= 1u << rule->number.kind;
    return kinds;
}

static void mark(unsigned i)
{
    uint32_t kinds = octo_rules_kinds(&octo_rules.rule[i]);
    uint64_t bit = (uint64_t)1 << i;

    octo_rules.on[octo_rules.rule[i].on] |= bit;
    octo_rules.needs_request |= kinds >> OCTO_REF_REQUEST & 1 ? bit : 0;
    octo_rules.needs_response |= kinds >> OCTO_REF_RESPONSE & 1 ? bit : 0;
    octo_rules.needs_request_head |= kinds >> OCTO_REF_HEADER & 1 ? bit : 0;
    octo_rules.needs_response_head |= kinds >> OCTO_REF_RESPONSE_HEADER & 1 ? bit : 0;
}

void octo_rules_make(struct octo_metrics *m, void (*complain)(const char *line))
{
    struct octo_rules_reader *r = octo_rules_reader;
    unsigned left_out = UINT32_MAX; /* number of the last rule that was */

    if (!r)
        return;
    r->complain = complain;
    for (unsigned i = 0; i < r->rules; i++) {
        if (!make(r, m, i, r->origin[i].number == left_out)) {
            left_out = r->origin[i].number;
            continue;
        }
        octo_rules.rule[octo_rules.count] = octo_rules.rule[i];
        mark(octo_rules.count++);
    }
    octo_rules_reader = NULL; /* the memory stays: rules have their texts there */
}
