/* Reading rules in tests: a text becomes octo_rules and complaints. */
#ifndef RULES_RIG_H
#define RULES_RIG_H

#include "conn/rules.h"
#include "conn/rules_parts.h"
#include "metrics_rig.h"

static struct octo_metrics *rig_metrics;
static char rig_complaints[65536];

static inline void rig_complain(const char *line)
{
    assert_true(strlen(rig_complaints) + strlen(line) < sizeof(rig_complaints));
    strcat(rig_complaints, line);
}

static inline unsigned rig_lines(void)
{
    unsigned n = 0;

    for (const char *p = rig_complaints; (p = strchr(p, '\n')) != NULL; p++)
        n++;
    return n;
}

/* New metrics, no rules. */
static inline void rig_begin(void)
{
    if (rig_metrics)
        rig_end(rig_metrics);
    rig_metrics = rig_new(1);
    memset(&octo_rules, 0, sizeof(octo_rules));
    octo_rules_reader = NULL;
    rig_complaints[0] = '\0';
}

/* The rules of the file f.json that has this text; its memory is gone afterwards. */
static inline void rig_read_into(const char *text, struct octo_metrics *m)
{
    size_t len = strlen(text);
    char *copy = malloc(len + 1); /* of exactly its size, so that a sanitizer sees what reads beyond it */
    json_error_t error;
    json_t *root;

    assert_non_null(copy);
    memcpy(copy, text, len);
    root = json_loadb(copy, len, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        fail_msg("%s at column %d in %s", error.text, error.column, text);
    octo_rules_read(json_object_get(root, "rules"), "f.json", copy, len, m, rig_complain);
    json_decref(root);
    memset(copy, 'x', len);
    free(copy);
}

static inline void rig_read(const char *text)
{
    rig_begin();
    rig_read_into(text, rig_metrics);
}

/* As rig_read(), without complaint. */
static inline void read_well(const char *text)
{
    rig_read(text);
    assert_string_equal(rig_complaints, "");
}

static inline void assert_complains(unsigned lines, const char *what)
{
    if (rig_lines() != lines || !strstr(rig_complaints, what))
        fail_msg("wanted %u lines: %s\ngot: %s", lines, what, rig_complaints);
}

static inline const struct octo_metric_family *family_of(unsigned rule)
{
    return &rig_metrics->family[octo_rules.rule[rule].family];
}

static inline void assert_family(unsigned rule, const char *name, const char *help, enum octo_metric_type type,
                                 enum octo_unit unit)
{
    assert_string_equal(family_of(rule)->name, name);
    assert_string_equal(family_of(rule)->help, help);
    assert_int_equal(family_of(rule)->type, type);
    assert_int_equal(family_of(rule)->unit, unit);
    assert_int_equal(octo_rules.rule[rule].type, type);
}

#define RULE(name, rest) "{\"metric\": \"" name "_total\", \"type\": \"counter\"" rest "}"

#endif
