/* Rules on requests: see rules_request.h. */
#include "conn/rules_request.h"

#include "conn/measure.h"
#include "conn/process.h"
#include "conn/watch.h"
#include "export/put.h"

#include <string.h>

static uint64_t on_requests(void)
{
    return octo_rules.on[OCTO_ON_REQUEST];
}

static struct octo_watch *new_watch(void)
{
    return octo_watch_new(&(struct octo_watch_plan){
        .request_header = octo_rules.request_header,
        .response_header = octo_rules.response_header,
        .request_headers = octo_rules.request_headers,
        .response_headers = octo_rules.response_headers,
        .request = &octo_rules.request,
        .response = &octo_rules.response,
        .body_limit = octo_rules.body_limit,
    });
}

bool octo_rules_tap_in(void)
{
    return on_requests() & (octo_rules.needs_request_head | octo_rules.needs_request);
}

bool octo_rules_tap_out(void)
{
    return on_requests() & (octo_rules.needs_response_head | octo_rules.needs_response);
}

/* ── facts ─────────────────────────────────────────────────────────────────────────────────────────── */

struct request {
    struct octo_exchange *x;
    uint16_t status;
    char digits[4];
    const struct octo_rule *matched; /* whose pattern gave the captures; NULL: none yet */
    struct octo_capture capture[OCTO_PATTERN_CAPTURES];
};

static const char *target_of(const struct octo_exchange *x)
{
    return x->words + x->words_len - x->target_len;
}

static bool header(const struct octo_watch_side *side, unsigned i, const char **text, size_t *len)
{
    return side->there[i] && octo_rule_give(side->value[i], side->value_len[i], text, len);
}

static bool text_of(const void *facts, const struct octo_rule *rule, const struct octo_ref *ref, const char **text,
                    size_t *len)
{
    struct request *r = (struct request *)(uintptr_t)facts;
    const struct octo_exchange *x = r->x;
    const struct octo_watch *w = x->watch;

    switch ((enum octo_ref_kind)ref->kind) {
    case OCTO_REF_CONSTANT:
        return octo_rule_give(ref->text, ref->len, text, len);
    case OCTO_REF_PATH:
        if (r->matched != rule &&
            !octo_pattern_match(rule->pattern, rule->pattern_len, target_of(x), x->target_len, r->capture))
            return false;
        r->matched = rule;
        return octo_rule_give(r->capture[ref->index].at, r->capture[ref->index].len, text, len);
    case OCTO_REF_HEADER:
        return w && header(&w->in, ref->index, text, len);
    case OCTO_REF_RESPONSE_HEADER:
        return w && header(&w->out, ref->index, text, len);
    case OCTO_REF_REQUEST:
        return w && octo_rule_field(&w->in.pick, ref->index, text, len);
    case OCTO_REF_RESPONSE:
        return w && octo_rule_field(&w->out.pick, ref->index, text, len);
    case OCTO_REF_METHOD:
        return octo_rule_give(x->words + x->id_len, x->method_len, text, len);
    case OCTO_REF_STATUS:
        return r->status && octo_rule_give(r->digits, 3, text, len);
    case OCTO_REF_HOST:
        return octo_rule_give(x->words + x->id_len + x->method_len, x->host_len, text, len);
    case OCTO_REF_LOG:
    case OCTO_REF_INFO:
    case OCTO_REF_PORT:
    case OCTO_REF_PROTOCOL:
        break;
    }
    return false;
}

static bool number_of(const void *facts, const struct octo_rule *rule, const struct octo_ref *ref,
                      int64_t *millionths)
{
    const struct octo_watch *w = ((const struct request *)facts)->x->watch;
    const char *text;
    size_t len;

    if (w && (ref->kind == OCTO_REF_REQUEST || ref->kind == OCTO_REF_RESPONSE)) {
        struct octo_pick_value v =
            octo_pick_get(ref->kind == OCTO_REF_REQUEST ? &w->in.pick : &w->out.pick, ref->index);

        if (v.kind == OCTO_PICK_NUMBER) {
            *millionths = v.millionths;
            return true;
        }
    }
    return text_of(facts, rule, ref, &text, &len) && octo_rule_parse(text, len, millionths);
}

/* ending NULL: not known yet. */
static struct octo_rule_facts facts_of(struct request *r, struct octo_exchange *x,
                                       const struct octo_ending *ending)
{
    struct octo_rule_facts facts = {.text = text_of, .number = number_of, .facts = r};

    *r = (struct request){.x = x, .status = ending ? ending->status : 0};
    if (r->status >= 100 && r->status < 1000)
        octo_put_3(r->digits, r->status);
    if (ending) {
        facts.duration_ns = ending->now_ns > x->head_ns ? ending->now_ns - x->head_ns : 0;
        facts.bytes_in = ending->bytes_in;
        facts.bytes_out = ending->bytes_out;
    }
    return facts;
}

/* ── in progress ───────────────────────────────────────────────────────────────────────────────────── */

/* Begins to count x in those gauges of the mask whose conditions hold. */
static void begin_progress(struct octo_exchange *x, uint64_t mask)
{
    struct request r;
    struct octo_rule_facts facts = facts_of(&r, x, NULL);
    unsigned place = 0;

    while (mask) {
        const struct octo_rule *rule = octo_rules_next(&mask);
        int series;

        if (rule->value != OCTO_VALUE_IN_PROGRESS || !octo_rule_holds(rule, &facts) ||
            (series = octo_rule_series(rule, &facts)) < 0)
            continue;
        while (place < OCTO_PROGRESS_MAX && x->progress[place].counted)
            place++;
        if (place == OCTO_PROGRESS_MAX)
            return;
        x->progress[place].share = octo_metrics_at(octo_service.metrics, (unsigned)series)->word;
        x->progress[place].counted = octo_measure_rise(x->progress[place].share);
    }
}

static void end_progress(struct octo_exchange *x)
{
    for (unsigned i = 0; i < OCTO_PROGRESS_MAX; i++) {
        octo_measure_drop(x->progress[i].counted, x->progress[i].share);
        x->progress[i].counted = 0;
    }
}

/* ── an exchange's way ─────────────────────────────────────────────────────────────────────────────── */

void octo_rules_begin(struct octo_exchange *x)
{
    if (octo_rules.needs_request_head & on_requests())
        x->watch = new_watch();
}

void octo_rules_head_bytes(struct octo_exchange *x, const uint8_t *p, size_t n)
{
    if (x->watch)
        octo_watch_request_head(x->watch, p, n);
}

void octo_rules_request_bytes(struct octo_exchange *x, const uint8_t *p, uint64_t n)
{
    if (x->watch)
        octo_watch_request(x->watch, p, n);
}

void octo_rules_response_bytes(struct octo_exchange *x, const uint8_t *p, uint64_t n)
{
    if (x->watch)
        octo_watch_response(x->watch, p, n);
}

static bool may_apply(const struct octo_rule *rule, const struct octo_exchange *x)
{
    struct octo_capture captures[OCTO_PATTERN_CAPTURES];

    return (rule->verbs == 0 || (rule->verbs >> x->verb & 1)) &&
           (!rule->pattern ||
            octo_pattern_match(rule->pattern, rule->pattern_len, target_of(x), x->target_len, captures));
}

void octo_rules_head(struct octo_exchange *x, const struct octo_framer *f)
{
    uint64_t looks = octo_rules.needs_request_head | octo_rules.needs_request | octo_rules.needs_response_head |
                     octo_rules.needs_response;

    for (uint64_t mask = on_requests(); mask; mask &= mask - 1)
        if (may_apply(&octo_rules.rule[__builtin_ctzll(mask)], x))
            x->rules |= mask & -mask;
    if (!x->watch && (x->rules & looks))
        x->watch = new_watch();
    if (x->watch && !(x->rules & looks)) {
        octo_watch_free(x->watch);
        x->watch = NULL;
    }
    if (x->watch) {
        octo_watch_request_body(x->watch, f, x->rules & octo_rules.needs_request);
        octo_watch_response_begin(x->watch, x->method, x->rules & octo_rules.needs_response);
    }
    begin_progress(x, x->rules & ~octo_rules.needs_request);
}

void octo_rules_request_over(struct octo_exchange *x)
{
    if (x->watch)
        octo_pick_end(&x->watch->in.pick);
    if ((x->rules & octo_rules.needs_request) && !(x->over & OCTO_RESPONSE_OVER))
        begin_progress(x, x->rules & octo_rules.needs_request);
}

static bool has_status(const struct octo_rule *rule, uint16_t status)
{
    for (unsigned i = 0; i < rule->statuses; i++)
        if (rule->status[i] == status || rule->status[i] == status / 100)
            return true;
    return rule->statuses == 0;
}

/* True if what the rule counts is known before the request's end: from the request alone, and the answer's status. */
static bool is_foreseen(const struct octo_rule *rule, uint64_t bit, const struct octo_exchange *x)
{
    return (rule->type == OCTO_HISTOGRAM || (rule->type == OCTO_COUNTER && rule->value != OCTO_VALUE_DURATION)) &&
           !(bit & (octo_rules.needs_response | octo_rules.needs_response_head)) &&
           (!(bit & octo_rules.needs_request) || (x->over & OCTO_REQUEST_OVER));
}

unsigned octo_rules_intend(struct octo_exchange *x, const struct octo_ending *ending,
                           struct octo_addition also[OCTO_ALSO])
{
    struct request r;
    struct octo_rule_facts facts = facts_of(&r, x, ending);
    unsigned n = 0;

    for (uint64_t mask = x->rules; mask && n < OCTO_ALSO;) {
        uint64_t bit = mask & -mask;
        const struct octo_rule *rule = octo_rules_next(&mask);

        if (!is_foreseen(rule, bit, x) || !has_status(rule, ending->status) || !octo_rule_holds(rule, &facts) ||
            !octo_rule_addition(rule, &facts, &also[n]))
            continue;
        x->foreseen |= bit;
        n++;
    }
    return n;
}

void octo_rules_ended(struct octo_exchange *x, const struct octo_ending *ending)
{
    struct request r;
    struct octo_rule_facts facts = facts_of(&r, x, ending);

    end_progress(x);
    for (uint64_t mask = ending->completed ? x->rules & ~x->foreseen : 0; mask;) {
        const struct octo_rule *rule = octo_rules_next(&mask);

        if (rule->value != OCTO_VALUE_IN_PROGRESS && has_status(rule, ending->status) &&
            octo_rule_holds(rule, &facts))
            octo_rule_count(rule, &facts);
    }
    x->rules = 0;
    x->foreseen = 0;
}

void octo_rules_forget(struct octo_exchange *x)
{
    if (!x->watch)
        return;
    octo_watch_free(x->watch);
    x->watch = NULL;
}
