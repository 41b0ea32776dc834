/* When a rule applies: its `when`. See rules.h and rules_parts.h. */
#include "conn/rules_parts.h"

#include <string.h>

enum { GLOB_MAX = OCTO_PICK_VALUE_MAX };

static const char protocols[] = "postgresql, mysql, redis, http, tls";

/* ── conditions ────────────────────────────────────────────────────────────────────────────────────── */

static bool add(struct octo_rules_reader *r, struct octo_ref ref, const char *glob, size_t len)
{
    struct octo_rule *rule = r->rule;

    if (rule->conditions == OCTO_RULE_CONDITIONS)
        return octo_rules_wrong(r, "more than %u conditions", OCTO_RULE_CONDITIONS);
    if (len > GLOB_MAX)
        return octo_rules_wrong(r, "longer than %u bytes, so nothing is like it", GLOB_MAX);
    rule->condition[rule->conditions++] =
        (struct octo_condition){ref, octo_rules_keep(r, glob, len, false), (uint16_t)len};
    return true;
}

/* A condition whose glob is the value at which r is. */
static bool add_value(struct octo_rules_reader *r, struct octo_ref ref, const json_t *value)
{
    const char *literal;
    size_t len;

    switch (json_typeof(value)) {
    case JSON_STRING:
        return add(r, ref, json_string_value(value), json_string_length(value));
    case JSON_TRUE:
        return add(r, ref, "true", 4);
    case JSON_FALSE:
        return add(r, ref, "false", 5);
    case JSON_INTEGER:
    case JSON_REAL: /* as it is written: jansson does not keep that */
        literal = octo_rules_literal(r, &len);
        return add(r, ref, literal, len);
    default:
        return octo_rules_wrong(r, "must be a text, a number, true or false");
    }
}

/* {FIELD: GLOB, …}: a condition each. */
static bool add_fields(struct octo_rules_reader *r, enum octo_ref_kind kind, const json_t *fields)
{
    const char *key;
    json_t *value;

    if (!json_is_object(fields) || json_object_size(fields) == 0)
        return octo_rules_wrong(r, "must be an object of fields, as {\"name\": \"value\"}");
    json_object_foreach ((json_t *)fields, key, value) {
        struct octo_ref ref = {.kind = (uint8_t)kind};
        char *before = octo_rules_down(r, key);

        if (kind == OCTO_REF_HEADER || kind == OCTO_REF_RESPONSE_HEADER ? !octo_rules_header(r, key, &ref)
                                                                        : !octo_rules_field(r, key, &ref))
            return false;
        if (!add_value(r, ref, value))
            return false;
        octo_rules_up(r, before);
    }
    return true;
}

/* A text is a list of one. Calls take() for each item. */
static bool for_each(struct octo_rules_reader *r, const json_t *list,
                     bool (*take)(struct octo_rules_reader *r, const json_t *item))
{
    if (!json_is_array(list))
        return take(r, list);
    if (json_array_size(list) == 0)
        return octo_rules_wrong(r, "the list is empty");
    for (size_t i = 0; i < json_array_size(list); i++) {
        char *before = octo_rules_item(r, i);

        if (!take(r, json_array_get(list, i)))
            return false;
        octo_rules_up(r, before);
    }
    return true;
}

/* ── requests ──────────────────────────────────────────────────────────────────────────────────────── */

static bool take_method(struct octo_rules_reader *r, const json_t *item)
{
    const char *method = json_string_value(item);
    unsigned verb = method ? octo_verb(method, strlen(method)) : 0;

    if (!method)
        return octo_rules_wrong(r, "must be a method, as \"POST\", or a list of them");
    if (verb == 0 && strcmp(method, "OTHER") != 0)
        return octo_rules_wrong(r, "%q is no known method; those in capitals are, and OTHER for all the rest",
                                method);
    if (r->rule->verbs >> verb & 1)
        return octo_rules_wrong(r, "%q is there already", method);
    r->rule->verbs |= (uint16_t)(1u << verb);
    return true;
}

/* 201, or 2 for 2xx; 0: neither. */
static unsigned status_of(const json_t *item)
{
    const char *text = json_string_value(item);
    json_int_t n = json_integer_value(item);

    if (text && strlen(text) == 3 && text[0] >= '2' && text[0] <= '5') {
        if (strcmp(text + 1, "xx") == 0)
            return (unsigned)(text[0] - '0');
        if (text[1] >= '0' && text[1] <= '9' && text[2] >= '0' && text[2] <= '9')
            n = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    }
    return n >= 200 && n <= 599 ? (unsigned)n : 0;
}

static bool take_status(struct octo_rules_reader *r, const json_t *item)
{
    struct octo_rule *rule = r->rule;
    unsigned status = status_of(item);

    if (status == 0)
        return octo_rules_wrong(r, "must be a status from 200 to 599, or a class of them, as \"2xx\"");
    if (rule->statuses == OCTO_RULE_STATUSES)
        return octo_rules_wrong(r, "more than %u statuses", OCTO_RULE_STATUSES);
    for (unsigned i = 0; i < rule->statuses; i++)
        if (rule->status[i] == status)
            return octo_rules_wrong(r, "this status is there already");
    rule->status[rule->statuses++] = (uint16_t)status;
    return true;
}

static bool read_path(struct octo_rules_reader *r, const json_t *value)
{
    const char *pattern = json_string_value(value);
    size_t len = json_string_length(value);
    const char *why;
    size_t column;

    if (!pattern)
        return octo_rules_wrong(r, "must be a path, as \"/users/{id}\"");
    if (octo_pattern_check(pattern, len, &column, &why) != 0)
        return octo_rules_wrong(r, "%q is no path: %s, at byte %u", pattern, why, (unsigned)column);
    r->rule->pattern = octo_rules_keep(r, pattern, len, false);
    r->rule->pattern_len = (uint8_t)len;
    return true;
}

static bool read_direction(struct octo_rules_reader *r, const json_t *value)
{
    const char *direction = json_string_value(value);

    if (direction && strcmp(direction, "out") == 0)
        return octo_rules_wrong(r, "outbound requests are not followed yet");
    if (!direction || strcmp(direction, "in") != 0)
        return octo_rules_wrong(r, "must be \"in\"");
    return true;
}

static bool read_request(struct octo_rules_reader *r, const char *key, const json_t *value)
{
    if (r->early && (strcmp(key, "status") == 0 || strncmp(key, "response", 8) == 0))
        return octo_rules_wrong_key(r, "is not known while a request is in progress");
    if (strcmp(key, "method") == 0)
        return for_each(r, value, take_method);
    if (strcmp(key, "status") == 0)
        return for_each(r, value, take_status);
    if (strcmp(key, "path") == 0)
        return read_path(r, value);
    if (strcmp(key, "host") == 0)
        return add_value(r, (struct octo_ref){.kind = OCTO_REF_HOST}, value);
    if (strcmp(key, "direction") == 0)
        return read_direction(r, value);
    return add_fields(r,
                      strcmp(key, "header") == 0            ? OCTO_REF_HEADER
                      : strcmp(key, "response_header") == 0 ? OCTO_REF_RESPONSE_HEADER
                      : strcmp(key, "request") == 0         ? OCTO_REF_REQUEST
                                                            : OCTO_REF_RESPONSE,
                      value);
}

/* ── connections ───────────────────────────────────────────────────────────────────────────────────── */

static bool take_port(struct octo_rules_reader *r, const json_t *item)
{
    json_int_t port = json_integer_value(item);

    if (port < 1 || port > 65535)
        return octo_rules_wrong(r, "must be a number from 1 to 65535, or a list of them");
    if (r->ports == OCTO_RULES_PORTS)
        return octo_rules_wrong(r, "more than %u ports", OCTO_RULES_PORTS);
    for (unsigned i = 0; i < r->ports; i++)
        if (r->port[i] == port)
            return octo_rules_wrong(r, "this port is there already");
    r->port[r->ports++] = (uint16_t)port;
    return true;
}

static bool read_protocol(struct octo_rules_reader *r, const json_t *value)
{
    const char *protocol = json_string_value(value);

    if (!protocol || !octo_rules_is_listed(protocol, protocols))
        return octo_rules_wrong(r, "must be one of: %s", protocols);
    if (r->rule->on == OCTO_ON_INFO && strcmp(protocol, "redis") != 0)
        return octo_rules_wrong(r, "INFO is asked of redis only");
    return add(r, (struct octo_ref){.kind = OCTO_REF_PROTOCOL}, protocol, strlen(protocol));
}

static bool read_connection(struct octo_rules_reader *r, const json_t *of)
{
    const char *key;
    json_t *value;

    if (!json_is_object(of))
        return octo_rules_wrong(r, "must be an object, as {\"protocol\": \"redis\"}");
    if (!octo_rules_keys(r, of, "protocol, address, port"))
        return false;
    json_object_foreach ((json_t *)of, key, value) {
        char *before = octo_rules_down(r, key);

        if (strcmp(key, "protocol") == 0 ? !read_protocol(r, value)
            : strcmp(key, "port") == 0   ? !for_each(r, value, take_port)
                                         : !add_value(r, (struct octo_ref){.kind = OCTO_REF_HOST}, value))
            return false;
        octo_rules_up(r, before);
    }
    if (r->ports > 0) /* its text is filled in when the rule is: each port has one */
        return add(r, (struct octo_ref){.kind = OCTO_REF_PORT}, "", 0);
    return true;
}

static bool read_redis(struct octo_rules_reader *r, const json_t *value)
{
    const char *command = json_string_value(value);

    return (command && strcmp(command, "INFO") == 0) || octo_rules_wrong(r, "must be \"INFO\"");
}

/* ── all ───────────────────────────────────────────────────────────────────────────────────────────── */

static enum octo_rule_on kind_of(const json_t *when)
{
    return json_object_get(when, "redis")        ? OCTO_ON_INFO
           : json_object_get(when, "connection") ? OCTO_ON_CONNECTION
           : json_object_get(when, "log")        ? OCTO_ON_LOG
                                                 : OCTO_ON_REQUEST;
}

/* The key by which a rule of that kind is known, for a complaint. */
static const char *const kind_keys[] = {
    [OCTO_ON_LOG] = "log", [OCTO_ON_CONNECTION] = "connection", [OCTO_ON_INFO] = "redis"};

static bool read_key(struct octo_rules_reader *r, const char *key, const json_t *value)
{
    enum octo_rule_on on = (enum octo_rule_on)r->rule->on;
    bool log = strcmp(key, "log") == 0, connection = strcmp(key, "connection") == 0,
         redis = strcmp(key, "redis") == 0;

    if ((on == OCTO_ON_LOG && !log) || (on == OCTO_ON_CONNECTION && !connection) ||
        (on == OCTO_ON_INFO && !connection && !redis))
        return octo_rules_wrong_key(r, "does not go together with %q", kind_keys[on]);
    if (log)
        return add_fields(r, OCTO_REF_LOG, value);
    if (connection)
        return read_connection(r, value);
    return redis ? read_redis(r, value) : read_request(r, key, value);
}

bool octo_rules_when(struct octo_rules_reader *r, const json_t *when)
{
    const char *key;
    json_t *value;

    r->rule->on = OCTO_ON_REQUEST;
    if (!when)
        return true;
    if (!json_is_object(when))
        return octo_rules_wrong(r, "must be an object, as {\"path\": \"/tasks\"}");
    if (!octo_rules_keys(r, when,
                         "method, path, host, status, header, response_header, request, response, direction, log, "
                         "connection, redis"))
        return false;
    r->rule->on = (uint8_t)kind_of(when);
    json_object_foreach ((json_t *)when, key, value) {
        char *before = octo_rules_down(r, key);

        if (!read_key(r, key, value))
            return false;
        octo_rules_up(r, before);
    }
    return true;
}
