/* Answers: see answer.h. */
#include "export/answer.h"

#include "base/clock.h"
#include "export/gzip.h"

const char *const octo_exposition_type[2] = {
    [OCTO_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
    [OCTO_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

enum { REST = 9 }; /* making one may take a tenth of the time */

static void write_page(struct octo_answers *a, struct octo_bulk *b, unsigned kind)
{
    a->write(b, a->subject, kind & OCTO_ANSWER_OPEN ? OCTO_OPENMETRICS : OCTO_TEXT, a->last_ns);
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
        write_page(a, &a->plain, kind);
        octo_bulk_clear(&answer->body);
        answer->body.cut = a->plain.cut || !octo_gzip(&answer->body, a->plain.start, a->plain.used);
    } else {
        write_page(a, &answer->body, kind);
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
