/*
 * The settings, one row each, and what settings.c and settings_json.c share.
 *
 * Private to shim/base. A new setting is one row here and one member of struct octo_settings.
 */
#ifndef OCTO_BASE_SETTINGS_TABLE_H
#define OCTO_BASE_SETTINGS_TABLE_H

#include "base/settings.h"
#include "base/text.h"

enum octo_setting_kind {
    OCTO_SETTING_BOOL,
    OCTO_SETTING_LEVEL,
    OCTO_SETTING_INJECT,
    OCTO_SETTING_CONTEXT,
    OCTO_SETTING_ENRICH,
    OCTO_SETTING_STACKS,
    OCTO_SETTING_PROPAGATORS,       /* words, comma separated */
    OCTO_SETTING_EXPORTER,          /* otlp, none */
    OCTO_SETTING_METRICS_EXPORTERS, /* otlp, prometheus, none: words, comma separated */
    OCTO_SETTING_SAMPLER,
    OCTO_SETTING_ROTATE,
    OCTO_SETTING_MILLISECONDS, /* member in nanoseconds */
    OCTO_SETTING_FRACTION,     /* member scaled to OCTO_SAMPLE_ALL */
    OCTO_SETTING_TEXT,
    OCTO_SETTING_PATTERN,  /* text in which % is %s or %% */
    OCTO_SETTING_RESOURCE, /* OpenTelemetry's k=v,k2=v2, of which service.name is wanted */
    OCTO_SETTING_LISTEN,   /* off, HOST:PORT, unix:/path */
    OCTO_SETTING_LABELS,   /* name=value,name2=value2, kept as Prometheus shows them */
    OCTO_SETTING_BUCKETS,  /* seconds, ascending, comma separated */
    OCTO_SETTING_SOCKET,   /* off, /path, @name of a Unix socket */
    OCTO_SETTING_ABSOLUTE, /* another standard's path: what is not absolute is ignored, unsaid */
};

enum octo_setting_source {
    OCTO_FROM_BOTH,
    OCTO_FROM_ENVIRONMENT, /* has no sense in the file */
};

enum { OCTO_SAMPLE_ALL = 1 << 24 };

#define OCTO_WORDS_BOOL "true, false, 1, 0, yes, no, on, off"
#define OCTO_WORDS_TEXT(max) "at most " max " bytes"
#define OCTO_PROGRAM NULL /* the default is the program's name */

/*
 * X(symbol, environment name, kind, source, member, default, what is allowed)
 * Where several rows have one member, the first that is given wins.
 */
#define OCTO_SETTINGS(X)                                                                                          \
    X(DISABLE, "OCTOSHIM_DISABLE", BOOL, BOTH, disable, "false", OCTO_WORDS_BOOL)                                 \
    X(INCLUDE, "OCTOSHIM_INCLUDE", TEXT, BOTH, include, "", OCTO_WORDS_TEXT("1023"))                              \
    X(EXCLUDE, "OCTOSHIM_EXCLUDE", TEXT, BOTH, exclude, "", OCTO_WORDS_TEXT("1023"))                              \
    X(CHILDREN, "OCTOSHIM_CHILDREN", BOOL, BOTH, children, "true", OCTO_WORDS_BOOL)                               \
    X(CONFIG, "OCTOSHIM_CONFIG", TEXT, ENVIRONMENT, config, "", "a path of " OCTO_WORDS_TEXT("1023"))             \
    X(SERVICE, "SERVICE_NAME", TEXT, BOTH, service, OCTO_PROGRAM, OCTO_WORDS_TEXT("127"))                         \
    X(OTEL_SERVICE, "OTEL_SERVICE_NAME", TEXT, BOTH, service, OCTO_PROGRAM, OCTO_WORDS_TEXT("127"))               \
    X(OTEL_RESOURCE, "OTEL_RESOURCE_ATTRIBUTES", RESOURCE, BOTH, service, OCTO_PROGRAM,                           \
      "key=value,key2=value2, percent-encoded, service.name of " OCTO_WORDS_TEXT("127"))                          \
    X(ENVIRONMENT, "ENVIRONMENT", TEXT, BOTH, environment, "development", OCTO_WORDS_TEXT("127"))                 \
    X(VERSION, "APP_VERSION", TEXT, BOTH, version, "unknown", OCTO_WORDS_TEXT("127"))                             \
    X(LEVEL, "LOG_LEVEL", LEVEL, BOTH, level, "INFO", "DEBUG, INFO, WARNING, ERROR, CRITICAL")                    \
    X(JSON, "JSON_LOGS", BOOL, BOTH, json, "true", OCTO_WORDS_BOOL)                                               \
    X(INJECT, "OCTOSHIM_INJECT", INJECT, BOTH, inject, "both", "both, request, response, off")                    \
    X(CONTEXT, "OCTOSHIM_CONTEXT", CONTEXT, BOTH, context, "certain", "certain, inferred, off")                   \
    X(ENRICH, "OCTOSHIM_ENRICH_LOGS", ENRICH, BOTH, enrich, "false", OCTO_WORDS_BOOL ", text")                    \
    X(PROPAGATORS, "OTEL_PROPAGATORS", PROPAGATORS, BOTH, propagators, "tracecontext,baggage",                    \
      "tracecontext, b3, comma separated; baggage, which passes as it is; none")                                  \
    X(SDK_DISABLED, "OTEL_SDK_DISABLED", BOOL, BOTH, sdk_disabled, "false", OCTO_WORDS_BOOL)                      \
    X(TRACES_EXPORTER, "OTEL_TRACES_EXPORTER", EXPORTER, BOTH, traces_exporter, "",                               \
      "otlp, none; where it is not given, otlp if an endpoint is")                                                \
    X(METRICS_EXPORTER, "OTEL_METRICS_EXPORTER", METRICS_EXPORTERS, BOTH, metrics_exporters, "",                  \
      "otlp, prometheus, comma separated; none; where it is not given, otlp if an endpoint of metrics is")        \
    X(METRIC_INTERVAL, "OTEL_METRIC_EXPORT_INTERVAL", MILLISECONDS, BOTH, metrics_interval_ns, "60000",           \
      "whole milliseconds, 1 to 1000000000")                                                                      \
    X(SAMPLER, "OTEL_TRACES_SAMPLER", SAMPLER, BOTH, sampler, "parentbased_always_on",                            \
      "always_on, always_off, traceidratio, each also as parentbased_...")                                        \
    X(SAMPLER_ARG, "OTEL_TRACES_SAMPLER_ARG", FRACTION, BOTH, sampler_ratio, "1.0",                               \
      "a fraction from 0 to 1, as 0.25")                                                                          \
    X(LOG, "OCTOSHIM_LOG", PATTERN, BOTH, log_pattern, "stderr",                                                  \
      "stderr, or a path of at most 1023 bytes in which %s is the service and %% is %")                           \
    X(ROTATE, "OCTOSHIM_LOG_ROTATE", ROTATE, BOTH, rotate, "daily",                                               \
      "daily, hourly, never, size:100M (K, M or G)")                                                              \
    X(SLOW, "OCTOSHIM_SLOW_MS", MILLISECONDS, BOTH, slow_ns, "1000", "whole milliseconds, 1 to 1000000000")       \
    X(SAMPLE, "OCTOSHIM_SAMPLE", FRACTION, BOTH, sample, "1.0", "a fraction from 0 to 1, as 0.25")                \
    X(LISTEN, "OCTOSHIM_METRICS_LISTEN", LISTEN, BOTH, listen, "off",                                             \
      "off, ADDRESS:PORT as 127.0.0.1:9464 or [::1]:9464, or unix:/path of at most 107 bytes")                    \
    X(LABELS, "OCTOSHIM_METRICS_LABELS", LABELS, BOTH, labels, "",                                                \
      "name=value,name2=value2, names of letters, digits and _ that no metric has, at most 500 bytes in all")     \
    X(BUCKETS, "OCTOSHIM_METRICS_BUCKETS", BUCKETS, BOTH, buckets, "0.01,0.05,0.1,0.5,1,2.5,5,10",                \
      "seconds, ascending, as 0.01,0.1,1, at most 20")                                                            \
    X(LLM, "OCTOSHIM_LLM", TEXT, BOTH, llm, "",                                                                   \
      "host/path=provider, comma separated, of " OCTO_WORDS_TEXT("4095") "; off")                                 \
    X(ENDPOINTS, "OCTOSHIM_ENDPOINTS", TEXT, BOTH, endpoints, "",                                                 \
      "patterns as /users/{name}/posts/{id}, comma separated, at most 4095 bytes in all")                         \
    X(CRASH, "OCTOSHIM_CRASH", BOOL, BOTH, crash, "true", OCTO_WORDS_BOOL)                                        \
    X(STACKS, "OCTOSHIM_STACKS", STACKS, BOTH, stacks, "error", "off, error, slow, all")                          \
    X(CPU, "OCTOSHIM_CPU", BOOL, BOTH, cpu, "false", OCTO_WORDS_BOOL)                                             \
    X(PROBE, "OCTOSHIM_PROBE", SOCKET, BOTH, probe, "@octoprobe",                                                 \
      "off, @name, or an absolute path, of at most 107 bytes")                                                    \
    X(RUNTIME_DIR, "OCTOSHIM_RUNTIME_DIR", TEXT, BOTH, runtime_dir, "", "a path of at most 1023 bytes")           \
    X(XDG_RUNTIME_DIR, "XDG_RUNTIME_DIR", ABSOLUTE, ENVIRONMENT, xdg_runtime_dir, "", "an absolute path")

enum octo_setting {
#define OCTO_SETTING_ENUM(symbol, ...) OCTO_SET_##symbol,
    OCTO_SETTINGS(OCTO_SETTING_ENUM)
#undef OCTO_SETTING_ENUM
        OCTO_SETTING_COUNT
};

struct octo_setting_row {
    const char *name;
    const char *fallback; /* as it would be written; NULL: the program's name */
    const char *allowed;
    uint16_t offset; /* of the member */
    uint16_t size;   /* of the member */
    uint8_t kind;    /* enum octo_setting_kind */
    uint8_t source;  /* enum octo_setting_source */
};

extern const struct octo_setting_row octo_setting_rows[OCTO_SETTING_COUNT];

/* Puts value[0..len) into the row's member. Returns 0; -ENOENT if it says nothing about this member; or -EINVAL,
 * and the member is as it was. */
int octo_setting_parse(struct octo_settings *s, const struct octo_setting_row *row, const char *value, size_t len);

/* True if a row of the same member is among the bits of given: then this one is not asked. */
bool octo_setting_taken(uint64_t given, unsigned row);

/* Parses and, where that fails, puts in the default and complains. file: NULL for the environment, or the file's
 * path. Returns true if the value decided the member. */
bool octo_setting_apply(struct octo_settings *s, unsigned row, const char *file, const char *value, size_t len);

/* The second half of the above: default and complaint, for a value that cannot even be put as text. */
void octo_setting_refuse(struct octo_settings *s, unsigned row, const char *file, const char *value, size_t len);

/* log from log_pattern and service. */
void octo_settings_expand_log(struct octo_settings *s);

/* Parsers of their own, in settings_metrics.c: 0 or -EINVAL, and *to is as it was. */
int octo_setting_parse_listen(const char *value, size_t len, struct octo_listen *to);
int octo_setting_parse_labels(const char *value, size_t len, char *to, size_t size);
int octo_setting_parse_buckets(const char *value, size_t len, struct octo_buckets *to);

/* settings_exporter.c: whether a name, in any case, is one that the exporter is told; to tell it (the first of a name
 * counts); and all that the environment has. */
bool octo_setting_is_exporters(const char *name, size_t len);
void octo_settings_tell_exporter(struct octo_settings *s, const char *key, const char *value, size_t len);
void octo_settings_exporter_from_environment(struct octo_settings *s, char *const *envp);

/* Adds a line (without its newline) to the complaints; when they are full it is only counted. */
void octo_settings_complain(struct octo_settings *s, const struct octo_text *line);

/* Appends at most `most` bytes of text that a stranger wrote, fit for a terminal. */
void octo_settings_quote(struct octo_text *line, const char *text, size_t len, size_t most);

#endif
