/* What goes into a request's head: see propagate.h. */
#include "conn/propagate.h"

#include "base/clock.h"
#include "conn/process.h"

#include <string.h>

/* Not 0. */
static uint64_t random_number(void)
{
    struct octo_process *process = octo_process();
    uint64_t number = process ? octo_random_next(&process->random) : octo_clock_mono_ns();

    return number ? number : 1;
}

static void add_id(struct octo_exchange *x, const struct octo_framer *f)
{
    if (f->id_state != OCTO_ID_ABSENT || x->line_len == 0)
        return;
    memcpy(x->block + x->block_len, x->line, x->line_len);
    x->block_len = (uint16_t)(x->block_len + x->line_len);
}

/* The trace's lines, where the head has none of the kind. A tracestate without its traceparent stays alone: ours would not be
 * its. Returns true if a traceparent was added. */
static bool add_trace(struct octo_exchange *x, const struct octo_framer *f)
{
    uint8_t formats = octo_service.settings.propagators;
    bool added = (formats & OCTO_PROPAGATE_TRACECONTEXT) && f->traceparent_len == 0 && f->tracestate_len == 0;

    if (added)
        x->block_len = (uint16_t)(x->block_len + octo_trace_line(x->block + x->block_len, &x->trace));
    if ((formats & OCTO_PROPAGATE_B3) && f->b3_len == 0)
        x->block_len = (uint16_t)(x->block_len + octo_trace_line_b3(x->block + x->block_len, &x->trace));
    return added;
}

/* What the head itself says of its trace. */
static bool read_trace(struct octo_trace *t, const struct octo_exchange *x, const struct octo_framer *f)
{
    uint8_t formats = octo_service.settings.propagators;

    return ((formats & OCTO_PROPAGATE_TRACECONTEXT) && f->traceparent_len != OCTO_REPEATED &&
            octo_trace_read(t, x->text.traceparent, f->traceparent_len)) ||
           ((formats & OCTO_PROPAGATE_B3) && f->b3_len != OCTO_REPEATED &&
            octo_trace_read_b3(t, x->text.b3, f->b3_len));
}

/* OTEL_TRACES_SAMPLER: the sampled flag of a trace that comes in (with its sender's flag), or begins here. */
static void sample(struct octo_trace *t, bool comes_in)
{
    uint8_t sampler = octo_service.settings.sampler;
    bool sampled = !(sampler & OCTO_SAMPLER_OFF);

    if (comes_in && (sampler & OCTO_SAMPLER_PARENT))
        return;
    if (sampler & OCTO_SAMPLER_RATIO)
        sampled = octo_trace_in_share(t, octo_service.settings.sampler_ratio);
    t->flags = (uint8_t)(sampled ? t->flags | OCTO_TRACE_SAMPLED : t->flags & ~OCTO_TRACE_SAMPLED);
}

/* Whether requests belong to traces: for the next services, or for those who collect spans. */
static bool traces(void)
{
    return octo_service.settings.propagators || octo_service.spans;
}

/* One that begins here. */
static void begin(struct octo_trace *t)
{
    t->id[0] = random_number();
    t->id[1] = random_number();
    t->parent = 0;
    t->flags = OCTO_TRACE_RANDOM;
    sample(t, false);
}

void octo_propagate_serve(struct octo_exchange *x, const struct octo_framer *f)
{
    x->block_len = 0;
    if (traces()) {
        bool comes_in = read_trace(&x->trace, x, f);

        if (comes_in)
            sample(&x->trace, true);
        else
            begin(&x->trace);
        if (comes_in && f->traceparent_len > 0) {
            x->state_len =
                (uint16_t)octo_tracestate_pass(x->block + OCTO_BLOCK_LINES, x->text.tracestate, f->tracestate_len,
                                               f->tracestate_len == OCTO_TRACESTATE_KEPT);
        }
        x->trace.span = random_number();
    }
    if (!(octo_service.settings.inject & OCTO_INJECT_REQUEST))
        return;
    if (octo_service.settings.propagators)
        add_trace(x, f);
    add_id(x, f);
}

void octo_propagate_continue(struct octo_trace *t, const struct octo_origin *origin)
{
    if (origin && traces()) {
        *t = origin->trace;
        t->parent = origin->trace.span;
        t->span = random_number();
    } else if (octo_service.spans) {
        begin(t);
        t->span = random_number();
    }
}

/* The service traces itself: the span that its head names is this one, and its own exporter tells of it. */
static void take_own(struct octo_trace *t, const struct octo_trace *said, uint64_t parent)
{
    *t = *said;
    t->span = said->parent;
    t->parent = parent;
    if (octo_service.spans)
        t->flags &= (uint8_t)~OCTO_TRACE_SAMPLED;
}

void octo_propagate_ask(struct octo_exchange *x, const struct octo_framer *f, const struct octo_origin *origin,
                        bool inserts)
{
    struct octo_trace said = {.id = {0, 0}};
    bool says = octo_service.settings.propagators && read_trace(&said, x, f);

    x->block_len = 0;
    if (says && origin && memcmp(said.id, origin->trace.id, sizeof(said.id)) == 0) {
        if (said.parent == origin->trace.span || said.parent == origin->trace.parent)
            octo_propagate_continue(&x->trace, origin); /* it passes on what it was sent */
        else
            take_own(&x->trace, &said, origin->trace.span);
    } else if (says) {
        take_own(&x->trace, &said, 0);
    } else {
        octo_propagate_continue(&x->trace, origin);
    }
    if (!origin || !inserts)
        return;
    if (octo_service.settings.propagators && add_trace(x, f) && origin->state_len > 0)
        x->block_len = (uint16_t)(x->block_len +
                                  octo_tracestate_line(x->block + x->block_len, origin->state, origin->state_len));
    add_id(x, f);
}

/* Another thread may be making another exchange of it meanwhile: that is no mistake, for the caller looks afterwards. */
__attribute__((no_sanitize("thread"))) void octo_propagate_origin(const struct octo_exchange *x,
                                                                  struct octo_origin *origin)
{
    origin->id_len = x->id_len <= OCTO_ID_MAX ? x->id_len : OCTO_ID_MAX;
    memcpy(origin->id, octo_exchange_id(x), origin->id_len);
    origin->trace = x->trace;
    origin->state_len = x->state_len <= OCTO_TRACESTATE_MAX ? x->state_len : OCTO_TRACESTATE_MAX;
    memcpy(origin->state, x->block + OCTO_BLOCK_LINES, origin->state_len);
}
