/* Expose: see expose.h. */
#include "export/expose.h"

#include "event/exemplar.h"
#include "event/owners.h"
#include "proto/framer.h"

#include <string.h>

static const uint64_t per_one[] = {
    [OCTO_UNIT_ONE] = 1, [OCTO_UNIT_NANO] = 1000000000, [OCTO_UNIT_MICRO] = 1000000};

/* One sample's line at most, without what varies in length: names, labels, exemplar. */
enum { LINE_ROOM = OCTO_FAMILY_NAME_MAX + OCTO_CONSTANT_LABELS_MAX + OCTO_SERIES_TEXT_MAX + 256 };

struct page {
    struct octo_bulk *b;
    const struct octo_view *view;
    const struct octo_metrics *m; /* may be NULL */
    bool open;                    /* OpenMetrics */
    size_t constant;              /* bytes of the labels that all have */
};

/* ── numbers ───────────────────────────────────────────────────────────────────────────────────────── */

/* value / unit in decimals, as many as it needs; point: at least one, as `1.0`. */
static char *put_value(char *p, uint64_t value, uint64_t unit, bool point)
{
    uint64_t rest = value % unit;

    p = octo_put_u64(p, value / unit);
    if (rest == 0)
        return point ? OCTO_PUT(p, ".0") : p;
    *p++ = '.';
    for (unit /= 10; rest != 0; rest %= unit, unit /= 10)
        *p++ = (char)('0' + rest / unit);
    return p;
}

static char *put_signed(char *p, int64_t value, uint64_t unit)
{
    if (value < 0)
        *p++ = '-';
    return put_value(p, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, unit, false);
}

/* ── lines ─────────────────────────────────────────────────────────────────────────────────────────── */

static const char *const type_names[] = {[OCTO_COUNTER] = "counter",
                                         [OCTO_HISTOGRAM] = "histogram",
                                         [OCTO_GAUGE_SET] = "gauge",
                                         [OCTO_GAUGE_SHARED] = "gauge"};

/* # HELP and # TYPE. OpenMetrics names a counter's family without its _total, and knows infos. */
static void describe(struct page *page, const char *name, const char *help, const char *type)
{
    size_t len = strlen(name);

    if (page->open && strcmp(type, "counter") == 0)
        len -= sizeof("_total") - 1;
    octo_bulk_str(page->b, "# HELP ");
    octo_bulk_bytes(page->b, name, len);
    octo_bulk_str(page->b, " ");
    octo_bulk_str(page->b, help);
    octo_bulk_str(page->b, "\n# TYPE ");
    octo_bulk_bytes(page->b, name, len);
    octo_bulk_str(page->b, " ");
    octo_bulk_str(page->b, type);
    octo_bulk_str(page->b, "\n");
}

/* name + suffix, and the labels but for the closing brace and a last one. Returns NULL without memory. */
static char *put_name(struct page *page, const char *name, const char *suffix, const char *labels, size_t n)
{
    char *p = octo_bulk_room(page->b, LINE_ROOM);

    if (!p)
        return NULL;
    p = octo_put_bytes(p, name, strlen(name));
    p = octo_put_bytes(p, suffix, strlen(suffix));
    *p++ = '{';
    p = octo_put_bytes(p, page->m ? page->m->labels : "", page->constant);
    p = octo_put_bytes(p, labels, n);
    return p;
}

static char *put_label_end(char *p)
{
    if (p[-1] == ',')
        p--;
    if (p[-1] == '{')
        p--;
    else
        *p++ = '}';
    *p++ = ' ';
    return p;
}

static void end_line(struct page *page, char *p)
{
    *p++ = '\n';
    page->b->used = (size_t)(p - page->b->start);
}

static void sample(struct page *page, const char *name, const char *labels, size_t n, int64_t value, uint64_t unit)
{
    char *p = put_name(page, name, "", labels, n);

    if (p)
        end_line(page, put_signed(put_label_end(p), value, unit));
}

/* ── series ────────────────────────────────────────────────────────────────────────────────────────── */

static char *put_exemplar(char *p, const struct octo_metrics *m, uint32_t word, uint64_t unit)
{
    struct octo_exemplar e;
    uint64_t ms;

    if (!octo_exemplar_of(m, word, &e))
        return p;
    ms = e.real_ns / 1000000;
    p = OCTO_PUT(p, " # {request_id=\"");
    p = octo_put_bytes(p, e.id, e.length);
    p = OCTO_PUT(p, "\"} ");
    p = put_value(p, e.value, unit, false);
    *p++ = ' ';
    return put_value(p, ms, 1000, false);
}

static void histogram(struct page *page, const struct octo_metric_family *f, const struct octo_series *s)
{
    const char *labels = page->m->text + s->text;
    uint64_t unit = per_one[f->unit], count = 0;
    char *p;

    for (unsigned i = 0; i <= f->bounds; i++) {
        count += octo_metrics_word(page->m, s->word + 1 + i);
        p = put_name(page, f->name, "_bucket", labels, s->length);
        if (!p)
            return;
        if (s->length != 0)
            *p++ = ',';
        p = OCTO_PUT(p, "le=\"");
        p = i < f->bounds ? put_value(p, f->bound[i], unit, true) : OCTO_PUT(p, "+Inf");
        p = OCTO_PUT(p, "\"} ");
        p = octo_put_u64(p, count);
        if (page->open)
            p = put_exemplar(p, page->m, s->word + 1 + i, unit);
        end_line(page, p);
    }
    p = put_name(page, f->name, "_sum", labels, s->length);
    if (p)
        end_line(page, put_value(put_label_end(p), octo_metrics_word(page->m, s->word), unit, false));
    p = put_name(page, f->name, "_count", labels, s->length);
    if (p)
        end_line(page, octo_put_u64(put_label_end(p), count));
}

static int64_t shared(const struct page *page, uint32_t share)
{
    int64_t sum = 0;

    for (unsigned i = 0; i < OCTO_OWNERS; i++) {
        uint32_t pid = atomic_load_explicit(&page->m->owner[i].pid, memory_order_relaxed);
        int64_t part = pid != 0 && pid >> 31 == 0 ? octo_share_of(page->m, i, share) : 0;

        if (part != 0 && !(page->view->over && page->view->over(pid)))
            sum += part;
    }
    return sum;
}

static void show(struct page *page, const struct octo_metric_family *f, const struct octo_series *s)
{
    const char *labels = page->m->text + s->text;

    switch (f->type) {
    case OCTO_HISTOGRAM:
        histogram(page, f, s);
        break;
    case OCTO_GAUGE_SHARED:
        sample(page, f->name, labels, s->length, shared(page, s->word), per_one[f->unit]);
        break;
    default:
        sample(page, f->name, labels, s->length, (int64_t)octo_metrics_word(page->m, s->word), per_one[f->unit]);
    }
}

/*
 * The numbers of all series, family by family, each in the order in which they were made. The index says which
 * there are; a series that was made but lost a race is in none. there: all zero.
 */
struct order {
    uint16_t series[OCTO_SERIES];
    uint8_t there[OCTO_SERIES];
};

static void sort(struct order *order, const struct octo_metrics *m, uint32_t from[OCTO_FAMILIES + 1])
{
    uint32_t at[OCTO_FAMILIES];

    memset(from, 0, (OCTO_FAMILIES + 1) * sizeof(from[0]));
    for (unsigned i = 0; i < OCTO_SERIES_INDEX; i++) {
        uint32_t found = atomic_load_explicit(&m->index[i], memory_order_acquire);

        if (found != 0) {
            order->there[found - 1] = 1;
            from[m->series[found - 1].family + 1]++;
        }
    }
    for (unsigned i = 0; i < OCTO_FAMILIES; i++) {
        at[i] = from[i];
        from[i + 1] += from[i];
    }
    for (unsigned i = 0; i < OCTO_SERIES; i++)
        if (order->there[i])
            order->series[at[m->series[i].family]++] = (uint16_t)i;
}

static void show_families(struct page *page)
{
    uint32_t from[OCTO_FAMILIES + 1];
    const struct octo_metrics *m = page->m;
    unsigned families = atomic_load_explicit(&m->families, memory_order_acquire);
    struct octo_bulk memory; /* two threads of a process may show its metrics at once */
    struct order *order;

    octo_bulk_begin(&memory, 2 * sizeof *order);
    order = (struct order *)octo_bulk_room(&memory, sizeof *order); /* fresh: all zero */
    if (order == NULL) {
        page->b->cut = true;
        return;
    }
    sort(order, m, from);
    for (unsigned i = 0; i < families; i++) {
        const struct octo_metric_family *f = &m->family[i];

        describe(page, f->name, f->help, type_names[f->type]);
        for (uint32_t k = from[i]; k < from[i + 1]; k++)
            show(page, f, &m->series[order->series[k]]);
    }
    octo_bulk_end(&memory);
}

/* ── the shim about itself ─────────────────────────────────────────────────────────────────────────── */

static const char *const level_names[OCTO_LEVELS] = {"debug", "info", "warning", "error", "critical"};

#define SPAN_RESULT(symbol, label) [OCTO_SPAN_##symbol] = (label),
static const char *const span_results[OCTO_SPAN_RESULT_COUNT] = {OCTO_SPAN_RESULTS(SPAN_RESULT)};
#undef SPAN_RESULT

/* A sample with one label, whose name and value need no escapes. */
static void labelled(struct page *page, const char *name, const char *label, const char *value, uint64_t number)
{
    char text[OCTO_FAMILY_NAME_MAX + 32];
    char *p = text;

    p = octo_put_bytes(p, label, strlen(label));
    p = OCTO_PUT(p, "=\"");
    p = octo_put_bytes(p, value, strlen(value));
    *p++ = '"';
    sample(page, name, text, (size_t)(p - text), (int64_t)number, 1);
}

static void show_events(struct page *page, struct octo_segment *s)
{
    describe(page, "octoshim_events_total", "Events written, by level.", "counter");
    for (unsigned i = 0; i < OCTO_LEVELS; i++)
        labelled(page, "octoshim_events_total", "level", level_names[i], atomic_load(&s->written[i]));
    describe(page, "octoshim_events_dropped_total", "Events that are lost, by reason.", "counter");
    labelled(page, "octoshim_events_dropped_total", "reason", "ring_full", octo_segment_dropped(s));
    labelled(page, "octoshim_events_dropped_total", "reason", "no_memory", atomic_load(&s->homeless));
    labelled(page, "octoshim_events_dropped_total", "reason", "sink_failed", atomic_load(&s->sink_dropped));
    describe(page, "octoshim_bytes_written_total", "Bytes of events written.", "counter");
    sample(page, "octoshim_bytes_written_total", "", 0, (int64_t)atomic_load(&s->written_bytes), 1);
    describe(page, "octoshim_spans_total", "Spans for OTLP, by what became of them.", "counter");
    for (unsigned i = 0; i < OCTO_SPAN_RESULT_COUNT; i++)
        labelled(page, "octoshim_spans_total", "result", span_results[i], atomic_load(&s->spans[i]));
    describe(page, "octoshim_sink_errors_total", "Failures to open or write the log.", "counter");
    sample(page, "octoshim_sink_errors_total", "", 0, (int64_t)atomic_load(&s->sink_errors), 1);
}

static void show_degraded(struct page *page, struct octo_segment *s)
{
    static const char name[] = "octoshim_degraded_total";

    describe(page, name, "What the shim could not follow or do, by reason; mostly connections left alone.",
             "counter");
    for (unsigned i = OCTO_OPAQUE_NONE + 1; i < OCTO_OPAQUE_REASONS; i++)
        labelled(page, name, "reason", octo_opaque_reason_name(i), atomic_load(&s->opaque[i]));
    labelled(page, name, "reason", "writer_not_started", atomic_load(&s->start_failures));
    labelled(page, name, "reason", "series_limit", page->m ? atomic_load(&page->m->refused) : 0);
}

static void show_series(struct page *page)
{
    unsigned families = atomic_load_explicit(&page->m->families, memory_order_acquire);

    describe(page, "octoshim_series", "Series made, by family; at most 1000 each.", "gauge");
    for (unsigned i = 0; i < families; i++)
        labelled(page, "octoshim_series", "family", page->m->family[i].name,
                 atomic_load(&page->m->family[i].series));
    describe(page, "octoshim_series_overflow_total",
             "Times that a series was refused because its family was full.", "counter");
    for (unsigned i = 0; i < families; i++)
        labelled(page, "octoshim_series_overflow_total", "family", page->m->family[i].name,
                 atomic_load(&page->m->family[i].overflow));
}

static void show_build(struct page *page)
{
    static const char labels[] = "version=\"" OCTO_VERSION "\",libc=\"glibc\""; /* elsewhere it stays inert */

    if (page->open) {
        octo_bulk_str(page->b, "# HELP octoshim_build The version of the shim.\n# TYPE octoshim_build info\n");
        sample(page, "octoshim_build_info", labels, sizeof(labels) - 1, 1, 1);
        return;
    }
    describe(page, "octoshim_build_info", "The version of the shim.", "gauge");
    sample(page, "octoshim_build_info", labels, sizeof(labels) - 1, 1, 1);
}

/* ── the processes ─────────────────────────────────────────────────────────────────────────────────── */

static void one(struct page *page, const char *name, const char *help, const char *type, uint64_t value,
                uint64_t unit)
{
    describe(page, name, help, type);
    sample(page, name, "", 0, (int64_t)value, unit);
}

static void show_account(struct page *page, const struct octo_account *a)
{
    one(page, "process_cpu_seconds_total", "User and system CPU time of all the service's processes in seconds.",
        "counter", a->cpu_ms, 1000);
    one(page, "process_resident_memory_bytes", "Resident memory of all the service's processes in bytes.", "gauge",
        a->resident_bytes, 1);
    one(page, "process_virtual_memory_bytes", "Virtual memory of all the service's processes in bytes.", "gauge",
        a->virtual_bytes, 1);
    one(page, "process_open_fds", "Open file descriptors of all the service's processes.", "gauge", a->open_fds,
        1);
    one(page, "process_max_fds", "Most file descriptors that one process may open.", "gauge", a->max_fds, 1);
    one(page, "process_threads", "Threads of all the service's processes.", "gauge", a->threads, 1);
    one(page, "process_start_time_seconds", "Start of the oldest process since unix epoch in seconds.", "gauge",
        a->start_ms, 1000);
    one(page, "octoshim_processes", "Processes of the service.", "gauge", a->processes, 1);
}

void octo_expose(struct octo_bulk *b, const struct octo_view *view)
{
    struct octo_metrics *m = octo_segment_metrics(view->segment);
    struct page page = {b, view, m, view->format == OCTO_OPENMETRICS, m ? strlen(m->labels) : 0};

    if (m)
        show_families(&page);
    if (view->account)
        show_account(&page, view->account);
    show_events(&page, view->segment);
    show_degraded(&page, view->segment);
    if (m)
        show_series(&page);
    if (view->scrape_ns)
        one(&page, "octoshim_scrape_duration_seconds", "How long it took to make the last answer to a scrape.",
            "gauge", view->scrape_ns, 1000000000);
    show_build(&page);
    if (page.open)
        octo_bulk_str(b, "# EOF\n");
}
