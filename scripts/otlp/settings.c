/*
 * What octoshim-otlp is told, by the variables that OpenTelemetry has defined. See parts.h.
 *
 * Source: OpenTelemetry specification, "OTLP Exporter Configuration" and "Environment Variable Specification": that of
 * one signal comes before that of all signals; an empty value is none; what cannot be understood is told and ignored.
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "parts.h"

#define DEFAULT_ENDPOINT "http://localhost:4318"
#define OF_ALL "OTEL_EXPORTER_OTLP_"

/* Of a signal: its settings' prefix, and its path below an endpoint of all. */
struct signal {
    const char *prefix, *path;
};

static const struct signal traces = {"OTEL_EXPORTER_OTLP_TRACES_", "/v1/traces"},
                           metrics = {"OTEL_EXPORTER_OTLP_METRICS_", "/v1/metrics"};

/* Of one setting, where it stands and what it says. */
struct found {
    char name[64];
    const char *value; /* NULL: nowhere */
};

static struct found find(const char *first, const char *second, const char *suffix)
{
    struct found f = {.value = NULL};

    for (const char *prefix = first; prefix != NULL && f.value == NULL; prefix = prefix == first ? second : NULL) {
        snprintf(f.name, sizeof f.name, "%s%s", prefix, suffix);
        f.value = getenv(f.name);
        if (f.value != NULL && *f.value == '\0')
            f.value = NULL;
    }
    return f;
}

static struct found otlp(const struct signal *signal, const char *suffix)
{
    return find(signal->prefix, OF_ALL, suffix);
}

/* `shown` is not the value where that is secret. A setting of both signals is told once. */
static void complain(const char *name, const char *shown, const char *instead)
{
    static char told[16][sizeof(((struct found *)0)->name)];
    unsigned i = 0;

    for (; i < sizeof told / sizeof *told && told[i][0] != '\0'; i++)
        if (strcmp(told[i], name) == 0)
            return;
    if (i < sizeof told / sizeof *told)
        snprintf(told[i], sizeof told[i], "%s", name);
    fprintf(stderr, "octoshim: %s=%s is not understood; %s\n", name, shown, instead);
}

static long number(struct found f, long fallback, long least)
{
    char *end, instead[64];
    long value;

    if (f.value == NULL)
        return fallback;
    value = strtol(f.value, &end, 10);
    if (isdigit((unsigned char)f.value[0]) && *end == '\0' && value >= least && value <= INT_MAX)
        return value;
    snprintf(instead, sizeof instead, "%ld is used", fallback);
    complain(f.name, f.value, instead);
    return fallback;
}

/* An optional word out of two: whether it is the second. */
static bool word(struct found f, const char *no, const char *yes)
{
    char instead[64];

    if (f.value == NULL || strcasecmp(f.value, no) == 0)
        return false;
    if (strcasecmp(f.value, yes) == 0)
        return true;
    snprintf(instead, sizeof instead, "%s is used", no);
    complain(f.name, f.value, instead);
    return false;
}

static int hex(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10 : -1;
}

bool settings_decode(const char *text, size_t len, char **out)
{
    char *p;

    while (len > 0 && isspace((unsigned char)*text))
        text++, len--;
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    p = *out = malloc(len + 1);
    for (size_t i = 0; p != NULL && i < len; i++) {
        char c = text[i];

        if (c == '%') {
            int high = i + 2 < len ? hex(text[i + 1]) : -1, low = high >= 0 ? hex(text[i + 2]) : -1;

            c = low >= 0 ? (char)(high << 4 | low) : '\0';
            i += 2;
        }
        if (c == '\0') {
            free(*out);
            *out = NULL;
            return false;
        }
        *p++ = c;
    }
    if (p == NULL)
        return false;
    *p = '\0';
    return true;
}

/* Adds "name: value" or says no. */
static bool add_header(struct route *r, const char *pair, size_t len)
{
    const char *equals = memchr(pair, '=', len);
    char *name = NULL, *value = NULL, *line = NULL;
    bool good = equals != NULL && settings_decode(pair, (size_t)(equals - pair), &name) && name[0] != '\0' &&
                strspn(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
                    strlen(name) &&
                settings_decode(equals + 1, len - (size_t)(equals + 1 - pair), &value);

    for (const char *c = good ? value : ""; *c; c++)
        good = good && ((unsigned char)*c >= 0x20 || *c == '\t') && *c != 0x7f;
    good = good && asprintf(&line, *value ? "%s: %s" : "%s;%s", name, value) > 0;
    if (good)
        r->headers = curl_slist_append(r->headers, line);
    free(name);
    free(value);
    free(line);
    return good;
}

/* name=value,name=value: each in percent-encoding. Values are secrets. */
static void read_headers(struct route *r, const struct signal *signal)
{
    struct found f = otlp(signal, "HEADERS");

    for (const char *p = f.value; p != NULL && *p;) {
        size_t len = strcspn(p, ",");

        if (strspn(p, " \t") < len && !add_header(r, p, len))
            complain(f.name, "(not shown)", "one of its headers is left out");
        p += len + (p[len] == ',');
    }
}

/* Whether text is a URL that we can send to; *whole and *shown get it if so, with path added to its own. */
static bool take_url(const char *text, const char *path, char **whole, char **shown)
{
    CURLU *u = curl_url();
    char *scheme = NULL, *own = NULL, *longer = NULL;
    bool good = u != NULL && curl_url_set(u, CURLUPART_URL, text, 0) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

    if (good && path != NULL && curl_url_get(u, CURLUPART_PATH, &own, 0) == CURLUE_OK) {
        size_t len = strlen(own);

        while (len > 0 && own[len - 1] == '/')
            len--;
        good = asprintf(&longer, "%.*s%s", (int)len, own, path) > 0 &&
               curl_url_set(u, CURLUPART_PATH, longer, 0) == CURLUE_OK;
    }
    good = good && curl_url_get(u, CURLUPART_URL, whole, 0) == CURLUE_OK;
    for (int i = 0; i < 4; i++)
        curl_url_set(
            u, (const CURLUPart[]){CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}[i],
            NULL, 0);
    good = good && curl_url_get(u, CURLUPART_URL, shown, 0) == CURLUE_OK;
    curl_free(scheme);
    curl_free(own);
    free(longer);
    curl_url_cleanup(u);
    return good;
}

static void read_endpoint(struct route *r, const struct signal *signal)
{
    for (int i = 0; i < 2; i++) {
        struct found f = find(i == 0 ? signal->prefix : OF_ALL, NULL, "ENDPOINT");

        if (f.value == NULL)
            continue;
        if (take_url(f.value, i == 0 ? NULL : signal->path, &r->url, &r->shown_url))
            return;
        /* It may hold a password, and is not shown. */
        complain(f.name, "(not shown)", "it has to be http://… or https://…");
    }
    if (!take_url(DEFAULT_ENDPOINT, signal->path, &r->url, &r->shown_url))
        abort();
}

static const char *or_empty(const char *name)
{
    const char *value = getenv(name);

    return value != NULL ? value : "";
}

static void read_route(struct route *r, const struct signal *signal)
{
    struct found protocol = otlp(signal, "PROTOCOL");

    read_endpoint(r, signal);
    if (protocol.value != NULL && strcasecmp(protocol.value, "grpc") == 0)
        complain(protocol.name, "grpc", "http/protobuf is used, to a port that speaks it, as 4318");
    else
        r->json = word(protocol, "http/protobuf", "http/json");
    r->gzip = word(otlp(signal, "COMPRESSION"), "none", "gzip");
    r->timeout_ms = number(otlp(signal, "TIMEOUT"), 10000, 1);
    r->ca = otlp(signal, "CERTIFICATE").value;
    r->certificate = otlp(signal, "CLIENT_CERTIFICATE").value;
    r->key = otlp(signal, "CLIENT_KEY").value;
    r->headers = curl_slist_append(r->headers, r->json ? "Content-Type: application/json"
                                                       : "Content-Type: application/x-protobuf");
    if (r->gzip)
        r->headers = curl_slist_append(r->headers, "Content-Encoding: gzip");
    r->headers = curl_slist_append(r->headers, "Expect:");
    read_headers(r, signal);
}

static void read_spans(struct settings *s)
{
    read_route(&s->spans, &traces);
    s->delay_ms = number(find("OTEL_BSP_", NULL, "SCHEDULE_DELAY"), 5000, 0);
    s->spans.export_ms = number(find("OTEL_BSP_", NULL, "EXPORT_TIMEOUT"), 30000, 1);
    s->queue_max = (unsigned)number(find("OTEL_BSP_", NULL, "MAX_QUEUE_SIZE"), 2048, 1);
    if (s->queue_max > 1000000) {
        complain("OTEL_BSP_MAX_QUEUE_SIZE", "(more than a million)", "a million is used");
        s->queue_max = 1000000;
    }
    s->batch_max = (unsigned)number(find("OTEL_BSP_", NULL, "MAX_EXPORT_BATCH_SIZE"), 512, 1);
    if (s->batch_max > s->queue_max)
        s->batch_max = s->queue_max;
    if (s->batch_max > 8192)
        s->batch_max = 8192; /* the request stays well under the 64 MiB that receivers must take */
}

/* What there is but one kind of: says so if another is asked for. */
static void only(struct found f, const char *what)
{
    char instead[64];

    if (f.value == NULL || strcasecmp(f.value, what) == 0)
        return;
    snprintf(instead, sizeof instead, "%s is used", what);
    complain(f.name, f.value, instead);
}

static void read_metrics(struct settings *s)
{
    read_route(&s->metrics, &metrics);
    s->metrics.export_ms = number(find("OTEL_METRIC_EXPORT_", NULL, "TIMEOUT"), 30000, 1);
    only(find(metrics.prefix, NULL, "TEMPORALITY_PREFERENCE"), "cumulative");
    only(find(metrics.prefix, NULL, "DEFAULT_HISTOGRAM_AGGREGATION"), "explicit_bucket_histogram");
}

void settings_read(struct settings *s)
{
    *s = (struct settings){.queue_max = 1, .batch_max = 1};
    s->spans.wanted = strcmp(or_empty("OTEL_TRACES_EXPORTER"), "none") != 0;
    s->metrics.wanted = strcmp(or_empty("OTEL_METRICS_EXPORTER"), "otlp") == 0;
    if (s->spans.wanted)
        read_spans(s);
    if (s->metrics.wanted)
        read_metrics(s);
    s->service = or_empty("SERVICE_NAME");
    s->version = or_empty("APP_VERSION");
    s->environment = or_empty("ENVIRONMENT");
    s->instance = or_empty("OCTOSHIM_INSTANCE");
    s->attributes = or_empty("OTEL_RESOURCE_ATTRIBUTES");
}
