/*
 * Judging the copy of a segment: whatever is followed later (a number used as a place, a length, the end of a name) is
 * within bounds. See parts.h. What the numbers count is not judged.
 */
#include <stdatomic.h>
#include <string.h>

#include "event/owners.h"
#include "parts.h"

static bool ends(const char *text, size_t room)
{
    return memchr(text, '\0', room) != NULL;
}

/* Words that a series of the family has, the first included. */
static uint32_t words_of(const struct octo_metric_family *f)
{
    return f->type == OCTO_HISTOGRAM ? f->bounds + 2u : 1;
}

static bool has_words(const struct octo_metric_family *f, uint32_t word)
{
    return word < OCTO_LANE_WORDS && words_of(f) <= OCTO_LANE_WORDS - word;
}

static bool is_family(const struct octo_metric_family *f)
{
    return ends(f->name, sizeof(f->name)) && ends(f->help, sizeof(f->help)) && f->type <= OCTO_GAUGE_SHARED &&
           f->unit <= OCTO_UNIT_MICRO && f->bounds <= OCTO_BOUNDS_MAX &&
           (f->type != OCTO_COUNTER || strlen(f->name) >= sizeof("_total") - 1);
}

static bool is_series(const struct octo_metrics *m, const struct octo_series *s)
{
    const struct octo_metric_family *f = &m->family[s->family < OCTO_FAMILIES ? s->family : 0];

    return s->family < OCTO_FAMILIES && s->length <= OCTO_SERIES_TEXT_MAX &&
           s->text <= (uint32_t)OCTO_TEXTS - s->length &&
           (f->type == OCTO_GAUGE_SHARED ? s->word < OCTO_SHARES : has_words(f, s->word));
}

/* The index names each series once. */
static const char *index_flaw(const struct octo_metrics *m)
{
    static bool named[OCTO_SERIES];

    for (unsigned i = 0; i < OCTO_SERIES_INDEX; i++) {
        uint32_t found = m->index[i];

        if (found == 0)
            continue;
        if (found > OCTO_SERIES || named[found - 1])
            return "its index of series";
        named[found - 1] = true;
        if (!is_series(m, &m->series[found - 1]))
            return "a series";
    }
    return NULL;
}

static bool is_pending(const struct octo_metrics *m, const struct octo_pending *p)
{
    const struct octo_metric_family *f = &m->family[p->family < OCTO_FAMILIES ? p->family : 0];

    return p->count_word < OCTO_LANE_WORDS &&
           (p->histogram_word == 0 ||
            (p->family < OCTO_FAMILIES && f->type == OCTO_HISTOGRAM && has_words(f, p->histogram_word)));
}

const char *segment_flaw(const struct octo_segment *copy)
{
    const struct octo_metrics *m = (const struct octo_metrics *)((const char *)copy + OCTO_SEGMENT_PAGE);

    if (!m->ready)
        return NULL;
    if (m->lanes == 0 || m->lanes > OCTO_LANES || (m->lanes & (m->lanes - 1)) != 0 || m->share_lanes == 0 ||
        m->share_lanes > OCTO_SHARE_LANES)
        return "its lanes";
    if (m->families > OCTO_FAMILIES || !ends(m->labels, sizeof(m->labels)))
        return "its families";
    for (unsigned i = 0; i < OCTO_FAMILIES; i++)
        if (m->family[i].bounds > OCTO_BOUNDS_MAX || (i < m->families && !is_family(&m->family[i])))
            return "a family";
    for (unsigned i = 0; i < OCTO_OWNERS; i++)
        for (unsigned k = 0; k < OCTO_PENDING; k++)
            if (m->pending[i][k].state != OCTO_PENDING_FREE && !is_pending(m, &m->pending[i][k]))
                return "what a process was about to count";
    return index_flaw(m);
}
