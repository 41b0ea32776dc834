/* Where in the file the reader of rules is, and what is wrong there. See rules_parts.h. */
#include "conn/rules_parts.h"

#include "base/json_locate.h"

#include <stdarg.h>
#include <string.h>

enum { LINE_MAX = 1400, SHOWN_FILE = 128, SHOWN_WHERE = 200, SHOWN_TEXT = 64 };

/* ── where ─────────────────────────────────────────────────────────────────────────────────────────── */

/* What does not fit is not gone to: complaints are then of what is around it. */
char *octo_rules_down(struct octo_rules_reader *r, const char *key)
{
    char *before = r->where.at;
    bool bare = *key != '\0';

    for (const char *p = key; *p; p++)
        bare = bare && *p > ' ' && *p <= '~' && !strchr(".[]\"\\", *p);
    if (2 * strlen(key) + 5 > (size_t)(r->where.end - before))
        return before;
    octo_text_str(&r->where, bare ? "." : "[\"");
    for (const char *p = key; *p; p++) {
        if (*p == '"' || *p == '\\')
            octo_text_char(&r->where, '\\');
        octo_text_char(&r->where, *p);
    }
    octo_text_str(&r->where, bare ? "" : "\"]");
    return before;
}

char *octo_rules_item(struct octo_rules_reader *r, size_t index)
{
    char *before = r->where.at;

    if (r->where.end - before > 24) {
        octo_text_char(&r->where, '[');
        octo_text_u64(&r->where, index);
        octo_text_char(&r->where, ']');
    }
    return before;
}

void octo_rules_up(struct octo_rules_reader *r, char *before)
{
    r->where.at = before;
    *before = '\0';
}

/* ── what is wrong ─────────────────────────────────────────────────────────────────────────────────── */

/* Fit for a terminal. */
static void put_quoted(struct octo_text *t, const char *text, size_t most)
{
    size_t i;

    for (i = 0; i < most && text[i] != '\0'; i++)
        octo_text_char(t, text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
    if (text[i] != '\0')
        octo_text_str(t, "...");
}

static void put_why(struct octo_text *t, const char *why, va_list values)
{
    for (; *why != '\0'; why++) {
        if (*why != '%') {
            octo_text_char(t, *why);
            continue;
        }
        switch (*++why) {
        case 's':
            octo_text_str(t, va_arg(values, const char *));
            break;
        case 'q':
            octo_text_char(t, '"');
            put_quoted(t, va_arg(values, const char *), SHOWN_TEXT);
            octo_text_char(t, '"');
            break;
        default: /* u */
            octo_text_u64(t, va_arg(values, unsigned));
        }
    }
}

/* octoshim: FILE: line L, column C: rules[3].labels.priority: WHY; the rule is left out */
static void say(struct octo_rules_reader *r, size_t line, size_t column, const char *why, va_list values)
{
    char buffer[LINE_MAX];
    struct octo_text t;

    octo_text_begin(&t, buffer, sizeof(buffer));
    octo_text_str(&t, "octoshim: ");
    put_quoted(&t, r->file, SHOWN_FILE);
    octo_text_str(&t, ": line ");
    octo_text_u64(&t, line);
    octo_text_str(&t, ", column ");
    octo_text_u64(&t, column);
    octo_text_str(&t, ": ");
    put_quoted(&t, r->where.start, SHOWN_WHERE);
    octo_text_str(&t, ": ");
    put_why(&t, why, values);
    octo_text_str(&t, r->rule ? "; the rule is left out\n" : "\n");
    r->complain(buffer);
}

void octo_rules_wrong_at(struct octo_rules_reader *r, size_t line, size_t column, const char *why, ...)
{
    va_list values;

    va_start(values, why);
    say(r, line, column, why, values);
    va_end(values);
}

static void say_here(struct octo_rules_reader *r, bool of_key, const char *why, va_list values)
{
    size_t value = 0, key = 0, line, column;

    octo_json_find(r->text, r->len, r->where.start, &value, &key);
    octo_json_place(r->text, of_key ? key : value, &line, &column);
    say(r, line, column, why, values);
}

bool octo_rules_wrong(struct octo_rules_reader *r, const char *why, ...)
{
    va_list values;

    va_start(values, why);
    say_here(r, false, why, values);
    va_end(values);
    return false;
}

bool octo_rules_wrong_key(struct octo_rules_reader *r, const char *why, ...)
{
    va_list values;

    va_start(values, why);
    say_here(r, true, why, values);
    va_end(values);
    return false;
}

/* ── texts ─────────────────────────────────────────────────────────────────────────────────────────── */

const char *octo_rules_keep(struct octo_rules_reader *r, const char *text, size_t len, bool lower)
{
    char *copy = r->at;

    if (len >= (size_t)(r->end - copy)) /* never: see rules_parts.h */
        return "";
    for (size_t i = 0; i < len; i++)
        copy[i] = lower && text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 0x20) : text[i];
    copy[len] = '\0';
    r->at += len + 1;
    return copy;
}

const char *octo_rules_literal(const struct octo_rules_reader *r, size_t *len)
{
    size_t value, key;

    *len = 0;
    if (!octo_json_find(r->text, r->len, r->where.start, &value, &key))
        return "";
    while (value + *len < r->len && strchr("+-.eE0123456789", r->text[value + *len]))
        ++*len;
    return r->text + value;
}

/* ── names ─────────────────────────────────────────────────────────────────────────────────────────── */

bool octo_rules_is_listed(const char *name, const char *names)
{
    size_t len = strlen(name);

    for (const char *p = names, *end; len > 0 && *p != '\0'; p = *end != '\0' ? end + 2 : end) {
        end = strchrnul(p, ',');
        if ((size_t)(end - p) == len && memcmp(p, name, len) == 0)
            return true;
    }
    return false;
}

bool octo_rules_keys(struct octo_rules_reader *r, const json_t *object, const char *names)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)object, key, value) {
        char *before = octo_rules_down(r, key);

        if (!octo_rules_is_listed(key, names))
            return octo_rules_wrong_key(r, "this key is not known; allowed: %s", names);
        octo_rules_up(r, before);
    }
    return true;
}

bool octo_rules_is_name(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!((name[i] | 0x20) >= 'a' && (name[i] | 0x20) <= 'z') && name[i] != '_' &&
            (i == 0 || name[i] < '0' || name[i] > '9'))
            return false;
    return len > 0;
}
