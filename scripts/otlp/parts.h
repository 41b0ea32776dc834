/*
 * The parts of octoshim-otlp, which takes the records of ended requests from a service's writer and sends them as
 * spans over OTLP/HTTP, and its metrics as they are. See include/octoshim/otlp.h for what is between the two.
 *
 *      main      the loop: pipe, clock, transfer
 *      settings  the environment, judged
 *      queue     records that wait, bounded
 *      span      a record as a span, of attributes; resource: whose spans they are; text: how they say it
 *      metrics   a text of OpenMetrics as metrics of OTLP; exposition: that text, line by line
 *      body      a message as a request's body: protobuf or JSON, perhaps gzip
 *      send      a body's way to the receiver, its repetitions, and what the receiver said
 *
 * One thread, but for the transport's name resolver. All times are in milliseconds of CLOCK_MONOTONIC.
 */
#ifndef OCTO_OTLP_PARTS_H
#define OCTO_OTLP_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>
#include <obstack.h>

#include "octoshim/otlp.h"
#include "octoshim/record.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

#ifndef OCTO_VERSION
#define OCTO_VERSION "unknown"
#endif

/* A name of the generated code: OTEL(TRACE, Span). */
#define OTEL_COMMON Opentelemetry__Proto__Common__V1
#define OTEL_RESOURCE Opentelemetry__Proto__Resource__V1
#define OTEL_TRACE Opentelemetry__Proto__Trace__V1
#define OTEL_METRICS Opentelemetry__Proto__Metrics__V1
#define OTEL_PASTE(package, name) package##__##name
#define OTEL_EXPAND(package, name) OTEL_PASTE(package, name)
#define OTEL(package, name) OTEL_EXPAND(OTEL_##package, name)

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

/* Where a signal goes, and how. */
struct route {
    bool wanted;     /* else the rest says nothing */
    char *url;       /* whole */
    char *shown_url; /* the same, as it may be told: without user and query */
    bool json, gzip;
    struct curl_slist *headers;         /* of each request */
    const char *ca, *certificate, *key; /* paths, or NULL */
    long timeout_ms, export_ms;         /* of an attempt; of a body with all its attempts */
};

/* What the environment asks for. Texts belong to the process, for good. */
struct settings {
    struct route spans, metrics;
    long delay_ms;                               /* how long a span may wait for company */
    unsigned queue_max, batch_max;               /* spans; 1 <= batch_max <= queue_max */
    const char *service, *version, *environment; /* of the resource */
    const char *instance;                        /* of this life of the service, or "" */
    const char *attributes;                      /* OTEL_RESOURCE_ATTRIBUTES, or "" */
};

/* Complains on stderr of each value that is not understood, and goes by the default in its place. */
void settings_read(struct settings *s);

/* text[0..len) with its %XX decoded, trimmed of blanks; *out is malloc()ed. False: a bad escape, or a zero byte. */
bool settings_decode(const char *text, size_t len, char **out);

/* text[0..n) and a NUL in the arena; zero bytes, and what is no UTF-8, as U+FFFD. */
char *text_in(struct obstack *arena, const char *text, size_t n);
bool text_is_utf8(const char *text);

/* Records that wait. */
struct queue {
    struct octo_record **at;
    unsigned max, first, count;
};

void queue_init(struct queue *q, unsigned max);
/* Keeps a copy. False: there is no room. */
bool queue_put(struct queue *q, const struct octo_record *r);
/* The oldest, which is the caller's to free(). count > 0. */
struct octo_record *queue_take(struct queue *q);

/* A list of attributes under construction, in an arena. */
struct attributes {
    struct obstack *arena;
    OTEL(COMMON, KeyValue) * *at;
    size_t count, room;
};

struct attributes attributes_in(struct obstack *arena, size_t room);
/* Texts stay the caller's, and must be UTF-8. More than `room` are left out. */
void attribute_text(struct attributes *a, const char *key, char *text);
void attribute_number(struct attributes *a, const char *key, int64_t number);
/* An array of one text. */
void attribute_list(struct attributes *a, const char *key, char *text);

/* What every batch says of the service: all but the process. */
struct resource {
    struct attributes common;
    size_t bytes_most; /* of the message, at most */
};

void resource_read(struct resource *r, const struct settings *s);
/* For the process with this number (0: the service as a whole), in the arena. */
OTEL(RESOURCE, Resource) * resource_of(const struct resource *r, uint32_t pid, struct obstack *arena);

/* r as a span; what it points at is in the arena, or static, or in r. The message takes span_most(r) bytes at most. */
OTEL(TRACE, Span) * span_of(const struct octo_record *r, struct obstack *arena);

static inline size_t span_most(const struct octo_record *r)
{
    /* Names and numbers; and its texts, each at most twice, at most three bytes for one. */
    return 2048 + 2 * 3 * (size_t)r->size;
}

/* Who says it. */
OTEL(COMMON, InstrumentationScope) * scope_of_ours(void);
#define OTEL_SCHEMA "https://opentelemetry.io/schemas/1.27.0"

struct body {
    uint8_t *bytes;
    size_t length, room;
    unsigned count; /* spans, or points of metrics */
};

/* The body of a request with these records as spans, in their order, in resources by process. May reorder the list. */
void body_spans(struct body *b, const struct route *route, const struct resource *resource,
                struct octo_record **records, unsigned count);
/* The same with the metrics of a text, which is as OpenMetrics 1.0.0 has it, ends with a NUL, and is changed. Those that count do
 * so since since_ns; all are of now_ns (CLOCK_REALTIME). */
void body_metrics(struct body *b, const struct route *route, const struct resource *resource, char *text,
                  uint64_t since_ns, uint64_t now_ns);
/* The message as route wants it; it takes `most` bytes at most, 0: find out. */
void body_pack(struct body *b, const struct route *route, const ProtobufCMessage *message, size_t most);
/* The same message as JSON, as OTLP has it; free() it. */
char *body_json(const ProtobufCMessage *message);

/* A line of an exposition. */
struct line {
    enum { LINE_HELP, LINE_TYPE, LINE_SAMPLE, LINE_OTHER } kind;
    char *name, *rest; /* of the family, or the sample; of HELP and TYPE the text behind it */
    char *labels;      /* of a sample, between its braces; "" */
    double value;
    char *exemplar; /* its labels, or NULL */
    double exemplar_value, exemplar_s;
};

/* The line at *p, which is taken apart in its place; *p is behind it then. False: there is none. */
bool exposition_line(char **p, struct line *line);
/* The label at *p, unescaped in its place; *p is behind it then. False: there is none. */
bool exposition_label(char **p, char **name, char **value);

struct sender {
    const struct route *route;
    const char *what; /* "spans" */
    struct octo_otlp_page *page;
    _Atomic uint64_t *results; /* by enum octo_span_result, or NULL: not counted */
    CURLM *multi;
    CURL *curl;
    struct body body;
    size_t given;       /* bytes of the body that this attempt has taken */
    char answer[16384]; /* the first of what the receiver said */
    size_t answer_length, answer_total;
    enum { IDLE, SENDING, WAITING } state;
    unsigned attempts;
    uint64_t again_at, give_up_at;
    char error[CURL_ERROR_SIZE];
};

void sender_init(struct sender *s, CURLM *multi, const struct route *route, const char *what,
                 struct octo_otlp_page *page, _Atomic uint64_t *results);
/* Takes on what s->body holds. State must be IDLE. */
void sender_begin(struct sender *s, uint64_t now);
/* Begins another attempt, if it is time. */
void sender_again(struct sender *s, uint64_t now);
/* Goes on with all, without waiting. */
void senders_step(CURLM *multi, uint64_t now);
/* Gives up on it. */
void sender_abandon(struct sender *s, const char *why);

/* What went wrong, for the service's log. */
__attribute__((format(printf, 2, 3))) void trouble(struct octo_otlp_page *page, const char *format, ...);

#endif
