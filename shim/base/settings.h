/*
 * Settings: environment, then the JSON file OCTOSHIM_CONFIG, then the default.
 *
 * For: every room. The constructor copies the environment (nginx and others wipe theirs); the file is read
 * when the process turns out to be a service. Plain values, no pointers: may be copied, survives fork.
 * Source: contract, "Settings".
 */
#ifndef OCTO_BASE_SETTINGS_H
#define OCTO_BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum octo_inject {
    OCTO_INJECT_OFF = 0,
    OCTO_INJECT_REQUEST = 1,
    OCTO_INJECT_RESPONSE = 2,
    OCTO_INJECT_BOTH = 3,
};

/* What is known of the inbound request that an outbound one is made for: how sure it must be for its ID to be inserted. */
enum octo_context { OCTO_CONTEXT_OFF, OCTO_CONTEXT_INFERRED, OCTO_CONTEXT_CERTAIN };

/* The formats in which requests carry their trace. */
enum octo_propagators { OCTO_PROPAGATE_TRACECONTEXT = 1, OCTO_PROPAGATE_B3 = 2 };

/* What stacks are taken for: bits. A crash has its own with either. */
enum octo_stacks_for { OCTO_STACKS_OFF, OCTO_STACKS_ERROR = 1, OCTO_STACKS_SLOW = 2 };

/* Which of the service's own log lines gain the request that they were written for. */
enum octo_enrich { OCTO_ENRICH_OFF, OCTO_ENRICH_JSON, OCTO_ENRICH_TEXT_TOO };

/* Which traces are sampled. PARENT: as the sender has decided, where there is one. */
enum octo_sampler {
    OCTO_SAMPLER_ON,
    OCTO_SAMPLER_OFF,
    OCTO_SAMPLER_RATIO,
    OCTO_SAMPLER_PARENT = 4, /* with one of the above */
};

enum octo_rotate { OCTO_ROTATE_DAILY, OCTO_ROTATE_HOURLY, OCTO_ROTATE_SIZE, OCTO_ROTATE_NEVER };

/* Where spans, or metrics, go. UNSET: over OTLP if an endpoint is given. Of metrics: bits. */
enum octo_exporter { OCTO_EXPORTER_UNSET, OCTO_EXPORTER_NONE, OCTO_EXPORTER_OTLP };

enum {
    OCTO_SETTING_MAX = 256,
    OCTO_PATH_MAX = 1024,
    OCTO_COMPLAINTS_MAX = 2048,
    OCTO_ENDPOINTS_MAX = 4096,
    OCTO_EXPORTER_MAX = 4096,
};

enum octo_listen_kind { OCTO_LISTEN_OFF, OCTO_LISTEN_IPV4, OCTO_LISTEN_IPV6, OCTO_LISTEN_UNIX };

/* Where the metrics are served. */
struct octo_listen {
    uint8_t kind;        /* enum octo_listen_kind */
    uint16_t port;       /* 0: any */
    uint8_t address[16]; /* 4 or 16 bytes, network order */
    char path[108];      /* of a Unix socket */
};

enum { OCTO_BUCKETS_MAX = 20, OCTO_PROBE_MAX = 108 };

/* Upper bounds of a histogram's buckets but +Inf, ascending. */
struct octo_buckets {
    uint8_t count;
    uint64_t bound[OCTO_BUCKETS_MAX]; /* nanoseconds */
};

/* What every start touches comes first, in a page; then texts of which it looks at the first byte; then the rest. */
struct octo_settings {
    bool disable;                        /* OCTOSHIM_DISABLE */
    bool children;                       /* OCTOSHIM_CHILDREN: children of a preloaded process too */
    bool json;                           /* JSON_LOGS */
    bool crash;                          /* OCTOSHIM_CRASH: service.crashed */
    uint8_t stacks;                      /* OCTOSHIM_STACKS: enum octo_stacks_for */
    bool cpu;                            /* OCTOSHIM_CPU: processor time of each request */
    uint8_t level;                       /* LOG_LEVEL: enum octo_level, the lowest that is written */
    uint8_t inject;                      /* enum octo_inject */
    uint8_t context;                     /* OCTOSHIM_CONTEXT: enum octo_context */
    uint8_t enrich;                      /* OCTOSHIM_ENRICH_LOGS: enum octo_enrich */
    uint8_t propagators;                 /* OTEL_PROPAGATORS: enum octo_propagators */
    uint8_t rotate;                      /* enum octo_rotate */
    bool sdk_disabled;                   /* OTEL_SDK_DISABLED: nothing is sent over OTLP */
    uint8_t traces_exporter;             /* OTEL_TRACES_EXPORTER: enum octo_exporter */
    uint8_t metrics_exporters;           /* OTEL_METRICS_EXPORTER: enum octo_exporter */
    uint8_t sampler;                     /* OTEL_TRACES_SAMPLER: enum octo_sampler */
    char library[OCTO_PATH_MAX];         /* of liboctoshim.so, absolute: what it starts is beside it */
    uint16_t exporter_len;               /* bytes of exporter */
    uint16_t complaints_len;             /* of complaints, without its closing line */
    uint16_t complaints_more;            /* lines that did not fit; the closing line tells */
    uint32_t sample;                     /* OCTOSHIM_SAMPLE scaled: 0 none .. 1 << 24 all */
    uint32_t sampler_ratio;              /* OTEL_TRACES_SAMPLER_ARG, scaled the same */
    uint64_t from_environment;           /* bit per setting: which the environment gave (the file must not) */
    uint64_t rotate_bytes;               /* of OCTO_ROTATE_SIZE */
    uint64_t slow_ns;                    /* OCTOSHIM_SLOW_MS */
    uint64_t metrics_interval_ns;        /* OTEL_METRIC_EXPORT_INTERVAL: between two that are pushed over OTLP */
    struct octo_listen listen;           /* OCTOSHIM_METRICS_LISTEN */
    struct octo_buckets buckets;         /* OCTOSHIM_METRICS_BUCKETS: of request durations */
    char program[OCTO_SETTING_MAX];      /* base name of the executable */
    char service[128];                   /* SERVICE_NAME, OTEL_SERVICE_NAME, program name */
    char environment[128];               /* ENVIRONMENT */
    char version[128];                   /* APP_VERSION */
    char log_pattern[OCTO_PATH_MAX];     /* OCTOSHIM_LOG as given */
    char log[OCTO_PATH_MAX];             /* the same with %s replaced; "stderr" */
    char include[OCTO_PATH_MAX];         /* OCTOSHIM_INCLUDE: program name globs, comma separated */
    char exclude[OCTO_PATH_MAX];         /* OCTOSHIM_EXCLUDE */
    char config[OCTO_PATH_MAX];          /* OCTOSHIM_CONFIG */
    char runtime_dir[OCTO_PATH_MAX];     /* OCTOSHIM_RUNTIME_DIR, "" for the defaults */
    char xdg_runtime_dir[OCTO_PATH_MAX]; /* XDG_RUNTIME_DIR */
    char probe[OCTO_PROBE_MAX];          /* OCTOSHIM_PROBE: the socket of octoprobe: "off", /path, @name */
    char labels[512];                    /* OCTOSHIM_METRICS_LABELS as shown: `service="orders",region="eu",` */
    char endpoints[OCTO_ENDPOINTS_MAX];  /* OCTOSHIM_ENDPOINTS: patterns of paths, comma separated */
    char llm[OCTO_ENDPOINTS_MAX];        /* OCTOSHIM_LLM: who answers where, see conn/provider.h; "off" */
    char exporter
        [OCTO_EXPORTER_MAX]; /* OTEL_EXPORTER_OTLP_... and others for octoshim-otlp: NAME=value, NUL, and so on */
    char complaints[OCTO_COMPLAINTS_MAX]; /* lines for stderr, "octoshim: …\n"; "" if all is well */
};

/* Fills *s, which is all zero, from envp and the defaults. program: base name of the executable. No allocation, no system call, no
 * output: what does not parse is said in complaints. Constructor only. */
void octo_settings_from_environment(struct octo_settings *s, char *const *envp, const char *program);

struct json_t; /* jansson's */

/* A key of the file that is not a setting: its value is handed on. What read() is given is valid until it returns; text[0..len)
 * is the whole file. arg is the owner's. */
struct octo_settings_section {
    const char *key;
    void (*read)(const struct json_t *value, const char *file, const char *text, size_t len, void *arg);
    void *arg;
};

/* Reads s->config (if set) with jansson and fills what the environment left open. Returns 0 or -errno; every
 * error (file, syntax with line and column, unknown key, value) is a line in complaints and leaves the default.
 * Once, before the first event; raw system calls, memory from mmap only. Keys: the setting's name, or the same
 * in lower case without `octoshim_` (`{"service_name": "orders", "slow_ms": 500}`); and `rules`, which is passed over.
 * With a section only that is read, and no setting. */
int octo_settings_from_file(struct octo_settings *s, const struct octo_settings_section *section);

/* What the exporter is told of that name, or NULL. */
const char *octo_settings_exporter(const struct octo_settings *s, const char *name);

/* True if spans are to be sent over OTLP. */
bool octo_settings_export_spans(const struct octo_settings *s);

/* True if metrics are to be pushed over OTLP. An endpoint of all signals is not enough: Prometheus is how they go. */
bool octo_settings_export_metrics(const struct octo_settings *s);

/* True if this program is to be left alone: disable, not included, or excluded (which wins). */
bool octo_settings_inert(const struct octo_settings *s);

#endif
