/* Metrics on their way to octoshim-otlp: see push.h. */
#include "export/push.h"

#include "base/clock.h"
#include "export/answer.h"
#include "export/page.h"
#include "export/lead.h"

void octo_push_init(struct octo_push *p, const struct octo_settings *settings)
{
    p->interval_ns = octo_settings_export_metrics(settings) ? settings->metrics_interval_ns : 0;
    p->due_ns = octo_clock_mono_ns() + p->interval_ns;
}

unsigned octo_push_wait_ms(const struct octo_push *p)
{
    uint64_t now = octo_clock_mono_ns();

    if (p->interval_ns == 0)
        return 0;
    return p->due_ns > now ? (unsigned)((p->due_ns - now) / OCTO_NS_PER_MS) + 1 : 1;
}

void octo_push(struct octo_push *p, struct octo_spans *spans, struct octo_segment *segment,
               const struct octo_sink *sink, bool now)
{
    uint64_t ns = octo_clock_mono_ns();

    if (p->interval_ns == 0 || (!now && ns < p->due_ns))
        return;
    while (p->due_ns <= ns)
        p->due_ns += p->interval_ns;
    if (!octo_spans_start(spans, segment->spans, sink) || octo_spans_metrics_wait(spans))
        return;
    if (p->text.limit == 0)
        octo_bulk_begin(&p->text, OCTO_ANSWER_MAX);
    /* Who serves scrapes keeps the account of what dead processes have used; without one it is us. */
    octo_page_write(&p->text, segment, OCTO_OPENMETRICS, 0, !octo_lead_held(&segment->exposer));
    if (p->text.cut)
        octo_push_end(p);
    else
        octo_spans_put_metrics(spans, p->text.start, p->text.used, segment->begun_ns);
}

void octo_push_end(struct octo_push *p)
{
    octo_bulk_end(&p->text);
    p->text.limit = 0;
}
