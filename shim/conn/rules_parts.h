/*
 * What the files that read rules share. Private to rules_*.c.
 *
 *      rules_read.c   a rule: metric, value, labels; the list of them     rules_when.c   when
 *      rules_metric.c its metric: name, type, buckets, who shares it      rules_refs.c   $request.task.priority
 *      rules_make.c   the families of the metrics, what rules need
 *      rules_say.c    where in the file, what is wrong, texts that are kept
 *
 * Everything that reads returns false once it has complained; the rule is then left out, and what it added to the
 * shared sets is taken back. The reader lies in the mapped memory in which the rules' texts are kept.
 */
#ifndef OCTO_CONN_RULES_PARTS_H
#define OCTO_CONN_RULES_PARTS_H

#include "base/text.h"
#include "conn/rules.h"

enum { OCTO_RULES_PATH = 1024, OCTO_RULES_FILE = 1024, OCTO_RULES_PORTS = 8 };

/* A metric: what its family is to be. A rule's `family` is the number of one until the families are made. */
struct octo_rules_metric {
    const char *name, *help;
    unsigned rule; /* of octo_rules: the first that has it; the others have its labels' names */
    uint8_t type, unit, bounds;
    uint64_t bound[OCTO_BOUNDS_MAX];
};

struct octo_rules_reader {
    const char *text; /* the file's, while it is read */
    size_t len;
    void (*complain)(const char *line);
    char *at, *end;         /* room for texts that are kept */
    struct octo_text where; /* in the file: rules[3].labels */
    struct octo_rule *rule; /* the present one */
    bool early;             /* the present rule counts from the request's head on: what comes later is not known */
    unsigned ports;         /* of the present rule: each makes a rule of its own */
    uint16_t port[OCTO_RULES_PORTS];
    unsigned rules, metrics;
    struct octo_rules_metric metric[OCTO_RULES_MAX];
    struct {
        unsigned number; /* in the file */
        size_t line, column;
    } origin[OCTO_RULES_MAX]; /* of the rules: their metrics' names */
    struct {
        char *at;
        unsigned request_headers, response_headers;
        struct octo_pick_set request, response, log;
    } before; /* the present rule: what it may have added to */
    char where_room[OCTO_RULES_PATH];
    char file[OCTO_RULES_FILE];
};

/* The reader of this process's rules, or NULL: there was nothing to read. */
extern struct octo_rules_reader *octo_rules_reader;

/* rules_say.c */

/* Goes to a member or item of where r is. Returns where that was, for octo_rules_up(). */
char *octo_rules_down(struct octo_rules_reader *r, const char *key);
char *octo_rules_item(struct octo_rules_reader *r, size_t index);
void octo_rules_up(struct octo_rules_reader *r, char *before);

/*
 * Complains of the value, or the key, at which r is. Returns false. why: %s a text of ours, %q a stranger's in quotation
 * marks, %u an unsigned.
 */
bool octo_rules_wrong(struct octo_rules_reader *r, const char *why, ...);
bool octo_rules_wrong_key(struct octo_rules_reader *r, const char *why, ...);

/* The same of a place that is known. */
void octo_rules_wrong_at(struct octo_rules_reader *r, size_t line, size_t column, const char *why, ...);

/* A copy of text[0..len) with a NUL that stays, in lower case if wanted. There is always room: the texts are in the file. */
const char *octo_rules_keep(struct octo_rules_reader *r, const char *text, size_t len, bool lower);

/* The bytes in the file of the number at which r is. */
const char *octo_rules_literal(const struct octo_rules_reader *r, size_t *len);

/* True if name is among names, "a, b, c". */
bool octo_rules_is_listed(const char *name, const char *names);

/* True if all keys are. */
bool octo_rules_keys(struct octo_rules_reader *r, const json_t *object, const char *names);

/* True if name[0..len) is [A-Za-z_][A-Za-z0-9_]*. */
bool octo_rules_is_name(const char *name, size_t len);

/* rules_refs.c */

/* The reference that text, which begins with a `$`, is under the present rule. number: it is to be a number. */
bool octo_rules_ref(struct octo_rules_reader *r, const char *text, bool number, struct octo_ref *ref);

/* What names a header field, a field of a JSON document: ref->kind says of what; ref->index is filled. */
bool octo_rules_header(struct octo_rules_reader *r, const char *name, struct octo_ref *ref);
bool octo_rules_field(struct octo_rules_reader *r, const char *path, struct octo_ref *ref);

/* rules_when.c: NULL is every request. */
bool octo_rules_when(struct octo_rules_reader *r, const json_t *when);

/* rules_metric.c */

/* The present rule's metric. It counts once the rule is whole. */
static inline struct octo_rules_metric *octo_rules_present(struct octo_rules_reader *r)
{
    return &r->metric[r->metrics];
}

/* The values of these keys, or NULL. check_name: the metric's name, once the type is known. buckets: once the unit is. */
bool octo_rules_name(struct octo_rules_reader *r, const json_t *value);
bool octo_rules_type(struct octo_rules_reader *r, const json_t *value);
bool octo_rules_check_name(struct octo_rules_reader *r, const json_t *value);
bool octo_rules_help(struct octo_rules_reader *r, const json_t *value);
bool octo_rules_buckets(struct octo_rules_reader *r, const json_t *value);

/* Gives the present rule, which is read but for what does not concern its metric, the metric of an earlier rule, which
 * must be the same, or a new one. */
bool octo_rules_share(struct octo_rules_reader *r, const json_t *rule);

/* rules_make.c */

/*
 * Makes the families of the rules that were read, in m, and the rules ready. What cannot be made is said and left out.
 * By octo_rules_read() itself if it was given an m; else once, when there is one. Does nothing if nothing was read.
 */
void octo_rules_make(struct octo_metrics *m, void (*complain)(const char *line));

/* The kinds of references that the rule has, 1 << enum octo_ref_kind. */
uint32_t octo_rules_kinds(const struct octo_rule *rule);

enum { OCTO_RULES_BODIES = 1 << OCTO_REF_REQUEST | 1 << OCTO_REF_RESPONSE };

#endif
