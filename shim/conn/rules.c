/* Rules at work: conditions, labels, values. See rules.h. Context: any thread, signal-safe; never waits. */
#include "conn/rules.h"

#include "base/text.h"
#include "conn/process.h"

#include <string.h>

struct octo_rules octo_rules;

enum {
    LABELS_MAX = OCTO_SERIES_TEXT_MAX,
    OVERFLOW_ROOM = 1, /* a series of each family is kept for labels of `__other__` */
};

bool octo_rule_field(const struct octo_pick *pick, unsigned path, const char **text, size_t *len)
{
    struct octo_pick_value v = octo_pick_get(pick, path);

    return (v.kind == OCTO_PICK_STRING || v.kind == OCTO_PICK_NUMBER || v.kind == OCTO_PICK_BOOL) &&
           octo_rule_give(v.text, v.len, text, len);
}

bool octo_rule_parse(const char *text, size_t len, int64_t *millionths)
{
    struct octo_pick_set set = {0};
    char buffer[OCTO_PICK_VALUE_MAX];
    struct octo_pick pick;
    struct octo_pick_value v;

    if (octo_pick_set_add(&set, "[0]", 3, NULL, NULL) < 0)
        return false;
    octo_pick_begin(&pick, &set, buffer, sizeof(buffer), UINT64_MAX);
    octo_pick_feed(&pick, "[", 1);
    octo_pick_feed(&pick, text, len);
    octo_pick_feed(&pick, "]", 1);
    v = octo_pick_get(&pick, 0);
    *millionths = v.millionths;
    return v.kind == OCTO_PICK_NUMBER;
}

bool octo_rule_holds(const struct octo_rule *rule, const struct octo_rule_facts *facts)
{
    for (unsigned i = 0; i < rule->conditions; i++) {
        const struct octo_condition *c = &rule->condition[i];
        char copy[OCTO_PICK_VALUE_MAX + 1];
        const char *text;
        size_t len;

        if (!facts->text(facts->facts, rule, &c->ref, &text, &len))
            return false;
        len = len < sizeof(copy) ? len : sizeof(copy) - 1;
        memcpy(copy, text, len);
        copy[len] = '\0';
        if (!octo_text_glob(c->glob, c->len, copy))
            return false;
    }
    return true;
}

/* A label's value, escaped as Prometheus wants it; what is no text of a JSON value may be any bytes. */
static void put_value(struct octo_text *t, const char *text, size_t len, bool utf8)
{
    bool cut = len > OCTO_RULE_VALUE_MAX;

    len = cut ? OCTO_RULE_VALUE_MAX : len;
    while (cut && utf8 && len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80) /* not within a character */
        len--;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)text[i];

        if (c == '"' || c == '\\')
            octo_text_char(t, '\\');
        octo_text_char(t, c < ' ' || c == 0x7f || (c >= 0x80 && !utf8) ? '?' : (char)c);
    }
}

static bool is_utf8(const struct octo_ref *ref)
{
    return ref->kind == OCTO_REF_CONSTANT || ref->kind == OCTO_REF_REQUEST || ref->kind == OCTO_REF_RESPONSE ||
           ref->kind == OCTO_REF_LOG;
}

/* facts NULL: every label is __other__. */
static size_t put_labels(char room[LABELS_MAX + 1], const struct octo_rule *rule,
                         const struct octo_rule_facts *facts)
{
    struct octo_text t;

    octo_text_begin(&t, room, LABELS_MAX + 1);
    for (unsigned i = 0; i < rule->labels; i++) {
        const char *text = "__other__";
        size_t len = facts ? 0 : sizeof("__other__") - 1;

        if (facts && !facts->text(facts->facts, rule, &rule->label[i].ref, &text, &len))
            len = 0;
        if (i > 0)
            octo_text_char(&t, ',');
        octo_text_bytes(&t, rule->label[i].name, rule->label[i].len);
        octo_text_str(&t, "=\"");
        put_value(&t, text, len, !facts || is_utf8(&rule->label[i].ref));
        octo_text_char(&t, '"');
    }
    return octo_text_len(&t);
}
_Static_assert(OCTO_RULE_LABELS *(OCTO_RULE_NAME_MAX + 2 * OCTO_RULE_VALUE_MAX + 4) > LABELS_MAX,
               "worst cases are cut by the family: see octo_rule_series()");

int octo_rule_series(const struct octo_rule *rule, const struct octo_rule_facts *facts)
{
    bool may_call = !octo_service.sandboxed;
    char room[LABELS_MAX + 1];
    size_t n = put_labels(room, rule, facts);
    int number = -1;

    if (!octo_service.metrics)
        return -1;
    if (n < LABELS_MAX) /* else something is missing at the end */
        number = octo_metrics_series(octo_service.metrics, rule->family, room, n, OVERFLOW_ROOM, may_call);
    if (number < 0) {
        n = put_labels(room, rule, NULL);
        number = octo_metrics_series(octo_service.metrics, rule->family, room, n, 0, may_call);
    }
    return number < 0 ? -1 : number;
}

/* What is to be counted, in the family's unit. False: there is no number. */
static bool amount(const struct octo_rule *rule, const struct octo_rule_facts *facts, int64_t *n)
{
    switch ((enum octo_rule_value)rule->value) {
    case OCTO_VALUE_ONE:
        *n = 1;
        return true;
    case OCTO_VALUE_DURATION:
        *n = (int64_t)facts->duration_ns;
        return true;
    case OCTO_VALUE_BYTES_IN:
        *n = (int64_t)facts->bytes_in;
        return true;
    case OCTO_VALUE_BYTES_OUT:
        *n = (int64_t)facts->bytes_out;
        return true;
    case OCTO_VALUE_NUMBER:
        return facts->number(facts->facts, rule, &rule->number, n);
    case OCTO_VALUE_IN_PROGRESS:
    case OCTO_VALUE_OPEN:
        break;
    }
    return false;
}

bool octo_rule_addition(const struct octo_rule *rule, const struct octo_rule_facts *facts, struct octo_addition *a)
{
    int64_t n;
    int number;

    if (!amount(rule, facts, &n) || n < 0 || (number = octo_rule_series(rule, facts)) < 0)
        return false;
    *a = (struct octo_addition){
        .word = octo_metrics_at(octo_service.metrics, (unsigned)number)->word,
        .family = rule->family,
        .kind = rule->type == OCTO_COUNTER           ? OCTO_ADD_COUNT
                : rule->value == OCTO_VALUE_DURATION ? OCTO_ADD_VALUE
                                                     : OCTO_ADD_OBSERVE,
        .amount = (uint64_t)n,
    };
    return true;
}

static void set_gauge(const struct octo_rule *rule, const struct octo_rule_facts *facts)
{
    int64_t n;
    int number;

    if (amount(rule, facts, &n) && (number = octo_rule_series(rule, facts)) >= 0)
        octo_set(octo_service.metrics, octo_metrics_at(octo_service.metrics, (unsigned)number)->word, n);
}

void octo_rule_count(const struct octo_rule *rule, const struct octo_rule_facts *facts)
{
    struct octo_metrics *m = octo_service.metrics;
    struct octo_addition a;

    if (rule->type == OCTO_GAUGE_SET)
        set_gauge(rule, facts);
    else if (!octo_rule_addition(rule, facts, &a))
        return;
    else if (a.kind == OCTO_ADD_COUNT)
        octo_count(m, a.word, a.amount);
    else
        octo_observe(m, &m->family[a.family], a.word, a.amount);
}
