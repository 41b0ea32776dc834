/* Answers: see answer.h. */
#include "export/answer.h"

#include "base/clock.h"
#include "event/owners.h"
#include "export/gzip.h"

enum { REST = 9 }; /* making one may take a tenth of the time */

void octo_answer_write(struct octo_bulk *b, struct octo_segment *segment, enum octo_exposition format,
                       uint64_t scrape_ns, bool keep)
{
    struct octo_metrics *m = octo_segment_metrics(segment);
    struct octo_account account;
    const struct octo_view view = {
        .segment = segment, .format = format, .account = &account, .scrape_ns = scrape_ns};

    if (m)
        octo_owner_reap(m, octo_account_is_over);
    octo_account_take(&account, segment, keep);
    octo_bulk_clear(b);
    octo_expose(b, &view);
}

static void expose(struct octo_answers *a, struct octo_bulk *b, unsigned kind)
{
    octo_answer_write(b, a->segment, kind & OCTO_ANSWER_OPEN ? OCTO_OPENMETRICS : OCTO_TEXT, a->last_ns, true);
}

static bool make(struct octo_answers *a, struct octo_answer *answer, unsigned kind)
{
    uint64_t begun = octo_clock_mono_ns();

    if (answer->body.limit == 0)
        octo_bulk_begin(&answer->body, OCTO_ANSWER_MAX);
    if (a->plain.limit == 0)
        octo_bulk_begin(&a->plain, OCTO_ANSWER_MAX);
    answer->kind = (uint8_t)kind;
    answer->made_ns = begun;
    if (kind & OCTO_ANSWER_GZIP) {
        expose(a, &a->plain, kind);
        octo_bulk_clear(&answer->body);
        answer->body.cut = a->plain.cut || !octo_gzip(&answer->body, a->plain.start, a->plain.used);
    } else {
        expose(a, &answer->body, kind);
    }
    a->last_ns = octo_clock_mono_ns() - begun;
    a->not_before_ns = begun + (1 + REST) * a->last_ns;
    return !answer->body.cut;
}

static bool has_kind(const struct octo_answer *answer, unsigned kind)
{
    return answer->body.used != 0 && answer->kind == kind;
}

struct octo_answer *octo_answer_get(struct octo_answers *a, unsigned kind, uint64_t asked_ns, uint64_t *wait_ns)
{
    uint64_t now = octo_clock_mono_ns();
    struct octo_answer *free = NULL;

    for (unsigned i = 0; i < OCTO_ANSWERS; i++) {
        struct octo_answer *answer = &a->answer[i];

        if (has_kind(answer, kind) && answer->made_ns >= asked_ns) {
            answer->users++;
            return answer;
        }
        if (answer->users == 0 && (free == NULL || (has_kind(answer, kind) && !has_kind(free, kind))))
            free = answer; /* one of its own kind has the right size already */
    }
    *wait_ns = free == NULL ? 0 : a->not_before_ns > now ? a->not_before_ns - now : 0;
    if (free == NULL || *wait_ns != 0)
        return NULL;
    if (!make(a, free, kind)) {
        octo_bulk_end(&free->body);
        *wait_ns = OCTO_NS_PER_S;
        return NULL;
    }
    free->users++;
    return free;
}

void octo_answer_put(struct octo_answer *answer)
{
    answer->users--;
}

void octo_answers_end(struct octo_answers *a)
{
    octo_bulk_end(&a->plain);
    for (unsigned i = 0; i < OCTO_ANSWERS; i++) {
        octo_bulk_end(&a->answer[i].body);
        a->answer[i].users = 0;
    }
}
