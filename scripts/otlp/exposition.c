/*
 * A text of metrics, line by line. See parts.h.
 *
 * What is not as the library writes it is passed over. Source: OpenMetrics 1.0.0, "ABNF".
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* Ends the text at the first of c, and returns what is behind it, or NULL. */
static char *cut_at(char *text, char c)
{
    char *at = strchr(text, c);

    if (at != NULL)
        *at++ = '\0';
    return at;
}

/* Behind the closing brace of labels; quoted ones do not count. NULL: there is none. */
static char *behind_labels(char *p)
{
    bool quoted = false;

    for (; *p != '\0' && (quoted || *p != '}'); p++) {
        if (quoted && *p == '\\' && p[1] != '\0')
            p++;
        else if (*p == '"')
            quoted = !quoted;
    }
    if (*p == '\0')
        return NULL;
    *p = '\0';
    return p + 1;
}

/* ` # {labels} value time` */
static bool take_exemplar(struct line *line, char *p)
{
    char *end;

    if (strncmp(p, " # {", 4) != 0)
        return *p == '\0';
    line->exemplar = p + 4;
    p = behind_labels(line->exemplar);
    if (p == NULL)
        return false;
    line->exemplar_value = strtod(p, &end);
    line->exemplar_s = strtod(end, &end);
    return *end == '\0';
}

static bool take_sample(struct line *line, char *p)
{
    size_t name = strcspn(p, "{ ");
    char *value = p + name, *end;

    line->kind = LINE_SAMPLE;
    line->name = p;
    if (*value == '{') {
        line->labels = value + 1;
        value = behind_labels(value + 1);
    }
    if (value == NULL || *value != ' ')
        return false;
    p[name] = '\0';
    line->value = strtod(value + 1, &end);
    return end != value + 1 && take_exemplar(line, end);
}

bool exposition_line(char **p, struct line *line)
{
    char *at = *p;

    if (*at == '\0')
        return false;
    *line = (struct line){.labels = (char *)"", .kind = LINE_OTHER};
    *p = cut_at(at, '\n');
    if (*p == NULL)
        *p = at + strlen(at);
    if (strncmp(at, "# HELP ", 7) == 0 || strncmp(at, "# TYPE ", 7) == 0) {
        line->kind = at[2] == 'H' ? LINE_HELP : LINE_TYPE;
        line->name = at + 7;
        line->rest = cut_at(line->name, ' ');
        if (line->rest == NULL)
            line->kind = LINE_OTHER;
    } else if (*at != '#' && !take_sample(line, at)) {
        line->kind = LINE_OTHER;
    }
    return true;
}

bool exposition_label(char **p, char **name, char **value)
{
    char *at = *p, *out;

    *name = at;
    at = cut_at(at, '=');
    if (at == NULL || *at != '"')
        return false;
    *value = out = ++at;
    for (; *at != '\0' && *at != '"'; at++) {
        if (*at == '\\' && at[1] != '\0') {
            at++;
            *out++ = *at == 'n' ? '\n' : *at;
        } else {
            *out++ = *at;
        }
    }
    if (*at == '\0')
        return false;
    *out = '\0';
    at++;
    *p = *at == ',' ? at + 1 : at;
    return true;
}
