/*
 * A strict reader of what Prometheus is sent, which knows nothing of how it was made.
 *
 * For: tests of expose and scrape. It refuses what a strict reader would: families twice, without HELP or TYPE, interleaved or
 * misnamed; samples twice; labels twice; exemplars where there may be none; buckets that do not add up.
 */
#ifndef EXPOSITION_H
#define EXPOSITION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct sample {
    char *name, *labels, *value,
        *exemplar; /* labels: between the braces; exemplar: what follows the hash, or NULL */
};

static struct {
    char *text;
    bool open;
    char *family[256], *type[256];
    unsigned families, samples;
    struct sample *sample; /* sorted by name and labels */
} page;

#define REFUSE(...)                                                                                               \
    do {                                                                                                          \
        print_error(__VA_ARGS__);                                                                                 \
        fail();                                                                                                   \
    } while (0)

static inline bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);

    return n >= k && strcmp(text + n - k, end) == 0;
}

static inline size_t span_name(const char *p)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

    return *p >= '0' && *p <= '9' ? 0 : strspn(p, set);
}

/* A decimal number without waste, and its end. */
static inline char *end_number(char *p)
{
    size_t n = strspn(p += *p == '-', "0123456789"), k;

    if (n == 0 || (n > 1 && *p == '0'))
        return NULL;
    if (p[n] != '.')
        return p + n;
    k = strspn(p + n + 1, "0123456789");
    return k == 0 || p[n + k] == '0' ? NULL : p + n + 1 + k;
}

/* name="value",… up to the brace. Returns its place, or NULL. */
static inline char *end_labels(char *p)
{
    char *name[64];
    size_t len[64];

    for (unsigned n = 0; n < 64; n++) {
        name[n] = p;
        len[n] = span_name(p);
        for (unsigned i = 0; i < n; i++)
            if (len[i] == len[n] && memcmp(name[i], name[n], len[n]) == 0)
                return NULL;
        p += len[n];
        if (len[n] == 0 || *p++ != '=' || *p++ != '"')
            return NULL;
        for (; *p != '"'; p++)
            if ((unsigned char)*p < ' ' || (*p == '\\' && *++p != '\\' && *p != '"' && *p != 'n'))
                return NULL;
        if (*++p == '}')
            return p;
        if (*p++ != ',')
            return NULL;
    }
    return NULL;
}

static inline bool belongs(const char *name)
{
    const char *family = page.family[page.families - 1], *type = page.type[page.families - 1], *end;
    size_t n = strlen(family);

    if (strncmp(name, family, n) != 0)
        return false;
    end = name + n;
    if (strcmp(type, "histogram") == 0)
        return strcmp(end, "_bucket") == 0 || strcmp(end, "_sum") == 0 || strcmp(end, "_count") == 0;
    if (page.open && strcmp(type, "counter") == 0)
        return strcmp(end, "_total") == 0;
    return strcmp(end, strcmp(type, "info") == 0 ? "_info" : "") == 0;
}

static inline bool good_exemplar(char *p)
{
    char *end;

    if (p[0] != '{' || (end = end_labels(p + 1)) == NULL || end - p > 128 + 4)
        return false;
    end = end_number(end + 2);
    return end != NULL && *end == ' ' && (end = end_number(end + 1)) != NULL && *end == '\0';
}

static inline void parse_sample(char *line)
{
    struct sample *s;
    size_t n = span_name(line);
    char *p = line + n, *whole = strdup(line);

    if ((page.samples & (page.samples - 1)) == 0) /* a power of two */
        page.sample = realloc(page.sample, (2 * page.samples + 1) * sizeof(*s));
    s = &page.sample[page.samples++];
    *s = (struct sample){.name = line, .labels = line + strlen(line)};
    if (*p == '{') {
        *p = '\0';
        s->labels = p + 1;
        if ((p = end_labels(p + 1)) == NULL)
            REFUSE("labels: %s\n", whole);
        *p++ = '\0';
    }
    if (n == 0 || *p != ' ')
        REFUSE("name or labels: %s\n", whole);
    *p = '\0';
    s->value = p + 1;
    p = end_number(p + 1);
    if (p != NULL && strncmp(p, " # ", 3) == 0 && page.open && ends_with(s->name, "_bucket")) {
        *p = '\0';
        s->exemplar = p + 3;
        p = good_exemplar(s->exemplar) ? "" : NULL;
    }
    if (p == NULL || *p != '\0' || page.families == 0 || !belongs(s->name))
        REFUSE("sample: %s\n", whole);
    free(whole);
}

/* "# HELP name help"; its TYPE must follow. Returns the end of that. */
static inline char *parse_family(char *help, char *type)
{
    size_t n = span_name(help + 7);
    char *end = strchr(type, '\n'), *name = help + 7;

    if (strncmp(help, "# HELP ", 7) != 0 || n == 0 || name[n] != ' ' || name[n + 1] == '\0' || end == NULL ||
        strncmp(type, "# TYPE ", 7) != 0 || strncmp(type + 7, name, n + 1) != 0)
        REFUSE("no HELP with its TYPE: %s\n", help);
    *end = name[n] = '\0';
    page.family[page.families] = name;
    page.type[page.families] = type + 7 + n + 1;
    for (unsigned i = 0; i < page.families; i++)
        if (strcmp(page.family[i], name) == 0)
            REFUSE("twice: %s\n", name);
    type = page.type[page.families++];
    if (strcmp(type, "gauge") != 0 && strcmp(type, "histogram") != 0 && strcmp(type, "counter") != 0 &&
        (!page.open || strcmp(type, "info") != 0))
        REFUSE("type: %s\n", type);
    if (ends_with(name, "_total") != (!page.open && strcmp(type, "counter") == 0))
        REFUSE("named %s, a %s\n", name, type);
    return end;
}

/* The upper bound of a bucket; rest: its labels without. */
static inline double bound_of(const struct sample *s, char *rest)
{
    char *le = strstr(strcpy(rest, s->labels), "le=\""), *end;
    double bound;

    if (le == NULL || (le != rest && le[-1] != ','))
        REFUSE("no le: %s\n", s->labels);
    if (strcmp(le, "le=\"+Inf\"") != 0 && strchr(le, '.') == NULL)
        REFUSE("no canonical le: %s\n", s->labels);
    bound = strtod(le + 4, &end);
    assert_string_equal(end, "\""); /* the last label */
    le[le == rest ? 0 : -1] = '\0';
    return bound;
}

/* Buckets ascend and add up to _count; _sum and _count follow them; exemplars are in their own bucket. */
static inline void check_histograms(void)
{
    char key[2000] = "", rest[2000];
    double last = 0;
    unsigned long long count = 0;
    unsigned done = 2;

    for (const struct sample *s = page.sample; s < page.sample + page.samples; s++) {
        if (ends_with(s->name, "_bucket")) {
            double bound = bound_of(s, rest);
            const char *value = s->exemplar ? strstr(s->exemplar, "\"} ") + 3 : NULL;

            if (done == 2) {
                strcpy(key, rest);
                count = done = 0;
                last = -1;
            }
            if (strcmp(key, rest) != 0 || bound <= last || strtoull(s->value, NULL, 10) < count)
                REFUSE("bucket: %s{%s}\n", s->name, s->labels);
            if (value && (strtod(value, NULL) <= last || strtod(value, NULL) > bound))
                REFUSE("in another's bucket: %s %s\n", s->labels, s->exemplar);
            last = bound;
            count = strtoull(s->value, NULL, 10);
            continue;
        }
        if (done == 2)
            continue;
        if (strcmp(s->labels, key) != 0 || last < 1e300 || !ends_with(s->name, done == 0 ? "_sum" : "_count") ||
            (done == 1 && strtoull(s->value, NULL, 10) != count))
            REFUSE("after buckets: %s{%s} %s\n", s->name, s->labels, s->value);
        done++;
    }
    assert_int_equal(done, 2);
}

static inline int compare(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;

    return strcmp(x->name, y->name) ?: strcmp(x->labels, y->labels);
}

/* Reads text[0..n) into page; fails the test if it is not good. */
static inline void parse(const char *text, size_t n, bool open)
{
    char *line, *end;

    free(page.text);
    page.text = memcpy(malloc(n + 1), text, n);
    page.text[n] = '\0';
    assert_int_equal(strlen(page.text), n);
    page.families = page.samples = 0;
    page.open = open;
    for (line = page.text; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        if (open && strcmp(line, "# EOF") == 0) {
            line = end + 1;
            break;
        }
        if (*line == '#')
            end = parse_family(line, end + 1);
        else
            parse_sample(line);
    }
    if (*line != '\0' || (open && strcmp(line - 6, "# EOF") != 0))
        REFUSE("text ends in: %s\n", line);
    check_histograms();
    qsort(page.sample, page.samples, sizeof(*page.sample), compare);
    for (unsigned i = 1; i < page.samples; i++)
        if (compare(&page.sample[i - 1], &page.sample[i]) == 0)
            REFUSE("twice: %s{%s}\n", page.sample[i].name, page.sample[i].labels);
}

static inline const struct sample *find(const char *name, const char *labels)
{
    struct sample key = {.name = (char *)(uintptr_t)name, .labels = (char *)(uintptr_t)labels};

    return bsearch(&key, page.sample, page.samples, sizeof(key), compare);
}

static inline void assert_value(const char *name, const char *labels, const char *value)
{
    const struct sample *s = find(name, labels);

    if (s == NULL || strcmp(s->value, value) != 0)
        REFUSE("%s{%s} is %s, not %s\n", name, labels, s ? s->value : "missing", value);
}

static inline uint64_t number(const char *name, const char *labels)
{
    const struct sample *s = find(name, labels);

    if (s == NULL)
        REFUSE("%s{%s} is missing\n", name, labels);
    return strtoull(s->value, NULL, 10);
}

static inline const char *type_of(const char *family)
{
    for (unsigned i = 0; i < page.families; i++)
        if (strcmp(page.family[i], family) == 0)
            return page.type[i];
    return "missing";
}

#endif
