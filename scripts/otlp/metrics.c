/*
 * A text of metrics as the body of a request. See parts.h.
 *
 *      counter     Sum, cumulative, monotonic     under its whole name: http_requests_total
 *      gauge, info Gauge
 *      histogram   Histogram, cumulative          with its bounds as they are, and exemplars
 *
 * Names stay those that Prometheus would have scraped, so that rules and dashboards hold, whichever way they came.
 *
 * Source: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility"; metrics.proto.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

enum { LABELS_MAX = 32, EXEMPLAR_LABELS_MAX = 2 };

typedef Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest request_message;
typedef OTEL(METRICS, ResourceMetrics) resource_metrics;
typedef OTEL(METRICS, ScopeMetrics) scope_metrics;
typedef OTEL(METRICS, Metric) metric;
typedef OTEL(METRICS, Sum) sum;
typedef OTEL(METRICS, Gauge) gauge;
typedef OTEL(METRICS, Histogram) histogram;
typedef OTEL(METRICS, NumberDataPoint) number_point;
typedef OTEL(METRICS, HistogramDataPoint) histogram_point;
typedef OTEL(METRICS, Exemplar) exemplar;

static const metric new_metric = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__INIT;
static const sum new_sum = OPENTELEMETRY__PROTO__METRICS__V1__SUM__INIT;
static const gauge new_gauge = OPENTELEMETRY__PROTO__METRICS__V1__GAUGE__INIT;
static const histogram new_histogram = OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM__INIT;
static const number_point new_number_point = OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__INIT;
static const histogram_point new_histogram_point = OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__INIT;
static const exemplar new_exemplar = OPENTELEMETRY__PROTO__METRICS__V1__EXEMPLAR__INIT;

#define CUMULATIVE OPENTELEMETRY__PROTO__METRICS__V1__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_CUMULATIVE

/* A list that grows, of pointers. */
struct list {
    void **at;
    size_t count, room;
};

static void *add(struct list *list, void *item)
{
    if (list->count == list->room) {
        list->room = list->room != 0 ? 2 * list->room : 64;
        list->at = realloc(list->at, list->room * sizeof *list->at);
        if (list->at == NULL)
            abort();
    }
    return list->at[list->count++] = item;
}

struct making {
    struct obstack *arena;
    uint64_t since_ns, now_ns;
    struct list metrics; /* those that have a point */
    unsigned points;     /* in all */
    /* The family that is being read, and its points. */
    char *help, *type, *family;
    struct list of_family;
    /* The histogram's point that is being read. */
    struct list bounds, counts, exemplars; /* of numbers as they are kept in `number` */
    double before;                         /* what the bucket below has counted */
};

/* A list's items, which are numbers of 8 bytes in the arena, one after the other. */
static void *numbers(struct making *m, struct list *list, size_t *count)
{
    char *all = obstack_alloc(m->arena, list->count * 8 + 1);

    for (size_t i = 0; i < list->count; i++)
        memcpy(all + 8 * i, list->at[i], 8);
    *count = list->count;
    list->count = 0;
    return all;
}

/* The same of pointers. */
static void *pointers(struct making *m, struct list *list, size_t *count)
{
    void *all = obstack_copy(m->arena, list->at != NULL ? (void *)list->at : "", list->count * sizeof *list->at);

    *count = list->count;
    list->count = 0;
    return all;
}

/* All but le, whose value is *le; which may be NULL. */
static struct attributes read_labels(struct making *m, char *labels, size_t most, char **le)
{
    struct attributes a = attributes_in(m->arena, most);
    char *name, *value;

    while (exposition_label(&labels, &name, &value)) {
        if (le != NULL && strcmp(name, "le") == 0)
            *le = value;
        else
            attribute_text(&a, name, text_in(m->arena, value, strlen(value)));
    }
    return a;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), e = strlen(end);

    return n >= e && strcmp(text + n - e, end) == 0;
}

static char *unit_of(const char *name)
{
    if (ends_with(name, "_seconds") || ends_with(name, "_seconds_total"))
        return (char *)"s";
    return (char *)(ends_with(name, "_bytes") || ends_with(name, "_bytes_total") ? "By" : "");
}

static metric *metric_of(struct making *m, char *name)
{
    metric *made = obstack_copy(m->arena, &new_metric, sizeof new_metric);

    made->name = name;
    made->description = m->help != NULL ? m->help : (char *)"";
    made->unit = unit_of(name);
    return add(&m->metrics, made);
}

/* Ends the family: what its points are makes it a metric. */
static void end_family(struct making *m)
{
    metric *made;

    if (m->of_family.count == 0)
        return;
    made = metric_of(m, m->family);
    m->points += (unsigned)m->of_family.count;
    if (strcmp(m->type, "histogram") == 0) {
        made->data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_HISTOGRAM;
        made->histogram = obstack_copy(m->arena, &new_histogram, sizeof new_histogram);
        made->histogram->aggregation_temporality = CUMULATIVE;
        made->histogram->data_points = pointers(m, &m->of_family, &made->histogram->n_data_points);
    } else if (strcmp(m->type, "counter") == 0) {
        made->data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUM;
        made->sum = obstack_copy(m->arena, &new_sum, sizeof new_sum);
        made->sum->aggregation_temporality = CUMULATIVE;
        made->sum->is_monotonic = 1;
        made->sum->data_points = pointers(m, &m->of_family, &made->sum->n_data_points);
    } else {
        made->data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_GAUGE;
        made->gauge = obstack_copy(m->arena, &new_gauge, sizeof new_gauge);
        made->gauge->data_points = pointers(m, &m->of_family, &made->gauge->n_data_points);
    }
}

static void begin_family(struct making *m, const struct line *line)
{
    end_family(m);
    m->family = line->name;
    m->type = line->rest;
    m->bounds.count = m->counts.count = m->exemplars.count = 0;
    m->before = 0;
}

static void take_number(struct making *m, struct line *line)
{
    number_point *point = obstack_copy(m->arena, &new_number_point, sizeof new_number_point);
    struct attributes a = read_labels(m, line->labels, LABELS_MAX, NULL);

    m->family = line->name; /* with its _total, or _info */
    point->attributes = a.at;
    point->n_attributes = a.count;
    point->time_unix_nano = m->now_ns;
    if (strcmp(m->type, "counter") == 0)
        point->start_time_unix_nano = m->since_ns;
    point->value_case = OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;
    point->as_double = line->value;
    add(&m->of_family, point);
}

static void take_exemplar(struct making *m, struct line *line)
{
    exemplar *e = obstack_copy(m->arena, &new_exemplar, sizeof new_exemplar);
    struct attributes a = read_labels(m, line->exemplar, EXEMPLAR_LABELS_MAX, NULL);

    e->filtered_attributes = a.at;
    e->n_filtered_attributes = a.count;
    e->time_unix_nano = (uint64_t)(line->exemplar_s * 1000 + 0.5) * 1000000;
    e->value_case = OPENTELEMETRY__PROTO__METRICS__V1__EXEMPLAR__VALUE_AS_DOUBLE;
    e->as_double = line->exemplar_value;
    add(&m->exemplars, e);
}

static void take_bucket(struct making *m, struct line *line)
{
    char *le = NULL;
    double bound;
    uint64_t count = (uint64_t)(line->value - m->before);

    m->before = line->value;
    read_labels(m, line->labels, LABELS_MAX, &le);
    bound = le != NULL ? strtod(le, NULL) : INFINITY;
    if (!isinf(bound))
        add(&m->bounds, obstack_copy(m->arena, &bound, sizeof bound));
    add(&m->counts, obstack_copy(m->arena, &count, sizeof count));
    if (line->exemplar != NULL)
        take_exemplar(m, line);
}

/* `_bucket` …, `_sum`, `_count`, of one set of labels after the other. */
static void take_histogram(struct making *m, struct line *line)
{
    histogram_point *point;

    if (ends_with(line->name, "_bucket")) {
        take_bucket(m, line);
    } else if (ends_with(line->name, "_sum")) {
        struct attributes a = read_labels(m, line->labels, LABELS_MAX, NULL);

        point = obstack_copy(m->arena, &new_histogram_point, sizeof new_histogram_point);
        point->attributes = a.at;
        point->n_attributes = a.count;
        point->start_time_unix_nano = m->since_ns;
        point->time_unix_nano = m->now_ns;
        point->_sum_case = OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT___SUM_SUM;
        point->sum = line->value;
        point->count = (uint64_t)m->before;
        point->explicit_bounds = numbers(m, &m->bounds, &point->n_explicit_bounds);
        point->bucket_counts = numbers(m, &m->counts, &point->n_bucket_counts);
        point->exemplars = pointers(m, &m->exemplars, &point->n_exemplars);
        m->before = 0;
        add(&m->of_family, point);
    }
}

static void read_text(struct making *m, char *text)
{
    struct line line;

    while (exposition_line(&text, &line)) {
        if (line.kind == LINE_HELP) {
            end_family(m);
            m->help = line.rest;
        } else if (line.kind == LINE_TYPE) {
            begin_family(m, &line);
        } else if (line.kind == LINE_SAMPLE && m->type != NULL) {
            (strcmp(m->type, "histogram") == 0 ? take_histogram : take_number)(m, &line);
        }
    }
    end_family(m);
    free(m->of_family.at);
    free(m->bounds.at);
    free(m->counts.at);
    free(m->exemplars.at);
}

void body_metrics(struct body *b, const struct route *route, const struct resource *resource, char *text,
                  uint64_t since_ns, uint64_t now_ns)
{
    static struct obstack arena;
    request_message request = OPENTELEMETRY__PROTO__COLLECTOR__METRICS__V1__EXPORT_METRICS_SERVICE_REQUEST__INIT;
    resource_metrics group = OPENTELEMETRY__PROTO__METRICS__V1__RESOURCE_METRICS__INIT, *groups = &group;
    scope_metrics inner = OPENTELEMETRY__PROTO__METRICS__V1__SCOPE_METRICS__INIT, *inners = &inner;
    struct making m = {.arena = &arena, .since_ns = since_ns, .now_ns = now_ns};

    obstack_init(&arena);
    read_text(&m, text);
    inner.scope = scope_of_ours();
    inner.schema_url = (char *)OTEL_SCHEMA;
    inner.n_metrics = m.metrics.count;
    inner.metrics = (metric **)m.metrics.at;
    group.resource = resource_of(resource, 0, &arena);
    group.schema_url = (char *)OTEL_SCHEMA;
    group.n_scope_metrics = 1;
    group.scope_metrics = &inners;
    request.n_resource_metrics = 1;
    request.resource_metrics = &groups;
    b->count = m.points;
    body_pack(b, route, &request.base, 0);
    free(m.metrics.at);
    obstack_free(&arena, NULL);
}
