/* Rules on connections that the service makes, and on what redis answers to INFO. See link.h, rules.h. */
#include "conn/link.h"
#include "conn/measure.h"
#include "conn/process.h"
#include "conn/rules_parts.h"

#include <string.h>

/* What rules take from a link. */
struct facts {
    const struct octo_link *link;
    int64_t info_millionths; /* of the field of INFO that the present rule asks for */
};

/* ── facts ─────────────────────────────────────────────────────────────────────────────────────────── */

static bool text_of(const void *facts, const struct octo_rule *rule, const struct octo_ref *ref, const char **text,
                    size_t *len)
{
    const struct octo_link *link = ((const struct facts *)facts)->link;
    const char *name = octo_protocol_names[atomic_load(&link->protocol)];

    (void)rule;
    switch (ref->kind) {
    case OCTO_REF_CONSTANT:
        return octo_rule_give(ref->text, ref->len, text, len);
    case OCTO_REF_HOST:
        return octo_rule_give(link->address, link->address_len, text, len);
    case OCTO_REF_PORT:
        return octo_rule_give(link->port, link->port_len, text, len);
    case OCTO_REF_PROTOCOL:
        return octo_rule_give(name, strlen(name), text, len);
    default:
        return false;
    }
}

static bool number_of(const void *facts, const struct octo_rule *rule, const struct octo_ref *ref,
                      int64_t *millionths)
{
    (void)rule;
    *millionths = ((const struct facts *)facts)->info_millionths;
    return ref->kind == OCTO_REF_INFO;
}

static struct octo_rule_facts facts_of(struct facts *facts)
{
    return (struct octo_rule_facts){.text = text_of, .number = number_of, .facts = facts};
}

/* ── connections ───────────────────────────────────────────────────────────────────────────────────── */

static void begin_open(struct octo_link *link, const struct octo_rule *rule, const struct octo_rule_facts *facts)
{
    uint32_t n = link->gauges, share;
    int series = n < OCTO_LINK_GAUGES ? octo_rule_series(rule, facts) : -1;

    if (series < 0)
        return;
    share = octo_metrics_at(octo_service.metrics, (unsigned)series)->word;
    link->gauge[n].share = share;
    link->gauge[n].counted = octo_measure_rise(share);
    link->gauges = n + 1;
}

void octo_link_apply(struct octo_link *link, bool ended)
{
    struct facts of = {.link = link};
    struct octo_rule_facts facts = facts_of(&of);
    bool known = ended || link->protocol != OCTO_PROTOCOL_UNDECIDED;

    for (uint64_t mask = octo_rules.on[OCTO_ON_CONNECTION] & ~link->judged; mask;) {
        uint64_t bit = mask & -mask;
        const struct octo_rule *rule = octo_rules_next(&mask);

        if (!known && (octo_rules_kinds(rule) >> OCTO_REF_PROTOCOL & 1))
            continue;
        if (octo_rule_holds(rule, &facts)) {
            if (rule->value != OCTO_VALUE_OPEN)
                octo_rule_count(rule, &facts);
            else if (!ended)
                begin_open(link, rule, &facts);
        }
        link->judged |= bit;
    }
}

/* ── INFO ──────────────────────────────────────────────────────────────────────────────────────────── */

void octo_link_info(void *link, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    size_t name_len = colon ? (size_t)(colon - line) : 0;
    struct facts of = {.link = link};
    struct octo_rule_facts facts = facts_of(&of);

    if (!colon)
        return;
    for (uint64_t mask = octo_rules.on[OCTO_ON_INFO]; mask;) {
        const struct octo_rule *rule = octo_rules_next(&mask);

        if (rule->number.len == name_len && memcmp(rule->number.text, line, name_len) == 0 &&
            octo_rule_parse(colon + 1, len - name_len - 1, &of.info_millionths) && octo_rule_holds(rule, &facts))
            octo_rule_count(rule, &facts);
    }
}
