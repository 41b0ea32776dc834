/*
 * Rules: the service's own vocabulary from its traffic. What a user's settings say is counted, and how.
 *
 *     when (a request, a log line, a connection, an answer of redis; conditions)  ->  metric, labels, value
 *
 * Read once, as the service wakes (rules_read.c); afterwards plain read-only memory that every fork has.
 *
 *     {"metric": "tasks_created_total", "type": "counter",
 *      "when": {"method": "POST", "path": "/tasks", "status": "2xx"},
 *      "labels": {"priority": "$request.task.priority", "source": "$header.X-Source"}}
 */
#ifndef OCTO_CONN_RULES_H
#define OCTO_CONN_RULES_H

#include "base/settings.h"
#include "conn/measure_cells.h"
#include "event/metrics.h"
#include "proto/pattern.h"
#include "proto/pick.h"

#include <jansson.h>

enum {
    OCTO_RULES_MAX = 64,
    OCTO_RULE_LABELS = 6,
    OCTO_RULE_CONDITIONS = 8,
    OCTO_RULE_STATUSES = 8,
    OCTO_RULE_HEADERS = 8,        /* names of header fields that rules ask for, of each direction */
    OCTO_RULE_NAME_MAX = 64,      /* bytes of a label's, a header field's or an INFO field's name */
    OCTO_RULE_VALUE_MAX = 64,     /* bytes of a label's value; longer ones are cut */
    OCTO_RULE_BODY_MAX = 1 << 20, /* bytes of a body that are looked at, at most */
    OCTO_RULE_BODY_USUAL = 65536,
};

/* What a rule is about. */
enum octo_rule_on {
    OCTO_ON_REQUEST,    /* an inbound request: when it is completed; in_progress: from its head to its end */
    OCTO_ON_LOG,        /* a JSON object on a line that the service writes to stdout or stderr */
    OCTO_ON_CONNECTION, /* a connection that the service has made */
    OCTO_ON_INFO,       /* redis' answer to INFO */
};

/* Where a text comes from. */
enum octo_ref_kind {
    OCTO_REF_CONSTANT,        /* text[0..len) */
    OCTO_REF_PATH,            /* index: which capture of the rule's path pattern */
    OCTO_REF_HEADER,          /* index: which of rules->request_header */
    OCTO_REF_RESPONSE_HEADER, /* index: which of rules->response_header */
    OCTO_REF_REQUEST,         /* index: which path of rules->request */
    OCTO_REF_RESPONSE,        /* index: which path of rules->response */
    OCTO_REF_LOG,             /* index: which path of rules->log */
    OCTO_REF_INFO,            /* text: the name of a field of INFO; only as a value */
    OCTO_REF_METHOD,
    OCTO_REF_STATUS,
    OCTO_REF_HOST,     /* Host of the request; for connections the address */
    OCTO_REF_PORT,     /* of a connection's peer */
    OCTO_REF_PROTOCOL, /* of a connection: postgresql, mysql, redis, http, tls, or "" */
};

struct octo_ref {
    uint8_t kind; /* enum octo_ref_kind */
    uint8_t index;
    uint16_t len;
    const char *text; /* CONSTANT, INFO */
};

/* True if the text matches glob (octo_text_glob). A field that is not there matches nothing, not even `*`. */
struct octo_condition {
    struct octo_ref ref;
    const char *glob;
    uint16_t len;
};

enum octo_rule_value {
    OCTO_VALUE_ONE,
    OCTO_VALUE_DURATION,    /* nanoseconds */
    OCTO_VALUE_BYTES_IN,    /* of the request */
    OCTO_VALUE_BYTES_OUT,   /* of the response */
    OCTO_VALUE_IN_PROGRESS, /* gauges on requests: one while it lasts */
    OCTO_VALUE_OPEN,        /* gauges on connections: one while it is open */
    OCTO_VALUE_NUMBER,      /* `number`, a JSON number or text that is one: millionths */
};

struct octo_rule {
    uint8_t on;         /* enum octo_rule_on */
    uint8_t type;       /* enum octo_metric_type */
    uint8_t value;      /* enum octo_rule_value */
    uint8_t labels;     /* how many */
    uint8_t conditions; /* how many */
    uint8_t statuses;   /* how many; 0: any */
    uint8_t pattern_len;
    uint16_t verbs;                      /* methods, 1 << octo_verb(); 0: any */
    uint16_t family;                     /* of the metrics */
    uint16_t status[OCTO_RULE_STATUSES]; /* 200 .. 599, or a class: 2 for 2xx */
    const char *pattern;                 /* of the path; NULL: any */
    struct octo_ref number;              /* of OCTO_VALUE_NUMBER */
    struct octo_condition condition[OCTO_RULE_CONDITIONS];
    struct {
        const char *name;
        uint8_t len;
        struct octo_ref ref;
    } label[OCTO_RULE_LABELS];
};

struct octo_header_name {
    const char *name; /* in lower case */
    uint8_t len;
};

struct octo_rules {
    unsigned count;
    uint64_t on[4];                         /* by enum octo_rule_on: bit i is rule[i] */
    uint64_t needs_request, needs_response; /* rules that look into the body of the request, of the response */
    uint64_t needs_request_head, needs_response_head; /* into its header fields */
    uint32_t body_limit;                              /* bytes of a body that are looked at */
    unsigned request_headers, response_headers;
    struct octo_header_name request_header[OCTO_RULE_HEADERS], response_header[OCTO_RULE_HEADERS];
    struct octo_pick_set request, response, log;
    struct octo_rule rule[OCTO_RULES_MAX];
};

/* The rules of this service; count 0: there are none. */
extern struct octo_rules octo_rules;

/*
 * Reads the array `rules` of the settings file, whose whole text is text[0..len), into octo_rules, and makes the families in m. Each
 * error is a line for complain(), with line and column in the file, and leaves its rule out. Once, while the service
 * wakes; its own memory is mapped and stays.
 */
void octo_rules_read(const json_t *rules, const char *file, const char *text, size_t len, struct octo_metrics *m,
                     void (*complain)(const char *line));

/* What a rule's conditions, labels and value are taken from. Each gives the text that a ref stands for: false if there is
 * none. number: for OCTO_VALUE_NUMBER, in millionths. */
struct octo_rule_facts {
    bool (*text)(const void *facts, const struct octo_rule *rule, const struct octo_ref *ref, const char **text,
                 size_t *len);
    bool (*number)(const void *facts, const struct octo_rule *rule, const struct octo_ref *ref,
                   int64_t *millionths);
    const void *facts;
    uint64_t duration_ns, bytes_in, bytes_out;
};

/* For those who give facts: *text and *len; a picked field's text, false if it has none; a text that is a number (RFC 8259), in
 * millionths. */
static inline bool octo_rule_give(const char *at, size_t n, const char **text, size_t *len)
{
    *text = at;
    *len = n;
    return true;
}
bool octo_rule_field(const struct octo_pick *pick, unsigned path, const char **text, size_t *len);
bool octo_rule_parse(const char *text, size_t len, int64_t *millionths);

/* Takes the lowest bit off a mask of rules that is not 0; returns its rule. */
static inline const struct octo_rule *octo_rules_next(uint64_t *mask)
{
    const struct octo_rule *rule = &octo_rules.rule[__builtin_ctzll(*mask)];

    *mask &= *mask - 1;
    return rule;
}

/* True if every condition of the rule holds (path, method and status are the caller's). */
bool octo_rule_holds(const struct octo_rule *rule, const struct octo_rule_facts *facts);

/* The series that the rule counts into under these facts, or -1. Not for the writer's or exposer's threads. */
int octo_rule_series(const struct octo_rule *rule, const struct octo_rule_facts *facts);

/* What a counter or histogram gets. False: there is nothing to count, or no series. */
bool octo_rule_addition(const struct octo_rule *rule, const struct octo_rule_facts *facts,
                        struct octo_addition *a);

/* Counts: adds to the counter or histogram, or sets the gauge. Not for IN_PROGRESS and OPEN. */
void octo_rule_count(const struct octo_rule *rule, const struct octo_rule_facts *facts);

#endif
