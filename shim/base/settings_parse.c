/*
 * One setting's value from its text. See settings_table.h.
 *
 * Context: the constructor and the reading of the file; pure computation.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/settings_table.h"
#include "octoshim/record.h"

enum { SLOW_MS_MAX = 1000000000 };

struct word {
    const char *text;
    uint8_t value;
};

static const struct word bool_words[] = {
    {"true", 1}, {"false", 0}, {"1", 1}, {"0", 0}, {"yes", 1}, {"no", 0}, {"on", 1}, {"off", 0}, {NULL, 0},
};

static const struct word level_words[] = {
    {"debug", OCTO_DEBUG},
    {"info", OCTO_INFO},
    {"warning", OCTO_WARNING},
    {"warn", OCTO_WARNING},
    {"error", OCTO_ERROR},
    {"critical", OCTO_CRITICAL},
    {NULL, 0},
};

static const struct word inject_words[] = {
    {"both", OCTO_INJECT_BOTH},
    {"request", OCTO_INJECT_REQUEST},
    {"response", OCTO_INJECT_RESPONSE},
    {"off", OCTO_INJECT_OFF},
    {NULL, 0},
};

static const struct word stacks_words[] = {
    {"off", OCTO_STACKS_OFF},
    {"error", OCTO_STACKS_ERROR},
    {"slow", OCTO_STACKS_SLOW},
    {"all", OCTO_STACKS_ERROR | OCTO_STACKS_SLOW},
    {NULL, 0},
};

static const struct word enrich_words[] = {
    {"true", OCTO_ENRICH_JSON},     {"1", OCTO_ENRICH_JSON},
    {"yes", OCTO_ENRICH_JSON},      {"on", OCTO_ENRICH_JSON},
    {"false", OCTO_ENRICH_OFF},     {"0", OCTO_ENRICH_OFF},
    {"no", OCTO_ENRICH_OFF},        {"off", OCTO_ENRICH_OFF},
    {"text", OCTO_ENRICH_TEXT_TOO}, {NULL, 0},
};

static const struct word context_words[] = {
    {"certain", OCTO_CONTEXT_CERTAIN},
    {"inferred", OCTO_CONTEXT_INFERRED},
    {"off", OCTO_CONTEXT_OFF},
    {NULL, 0},
};

static const struct word exporter_words[] = {
    {"", OCTO_EXPORTER_UNSET},
    {"otlp", OCTO_EXPORTER_OTLP},
    {"none", OCTO_EXPORTER_NONE},
    {NULL, 0},
};

static const struct word metrics_exporter_words[] = {
    {"", OCTO_EXPORTER_UNSET},          {"otlp", OCTO_EXPORTER_OTLP},
    {"prometheus", OCTO_EXPORTER_NONE}, /* OCTOSHIM_METRICS_LISTEN says where */
    {"none", OCTO_EXPORTER_NONE},       {NULL, 0},
};

static const struct word propagator_words[] = {
    {"tracecontext", OCTO_PROPAGATE_TRACECONTEXT},
    {"b3", OCTO_PROPAGATE_B3},
    {"baggage", 0},
    {"none", 0},
    {NULL, 0},
};

static const struct word sampler_words[] = {
    {"always_on", OCTO_SAMPLER_ON},
    {"always_off", OCTO_SAMPLER_OFF},
    {"traceidratio", OCTO_SAMPLER_RATIO},
    {"parentbased_always_on", OCTO_SAMPLER_PARENT | OCTO_SAMPLER_ON},
    {"parentbased_always_off", OCTO_SAMPLER_PARENT | OCTO_SAMPLER_OFF},
    {"parentbased_traceidratio", OCTO_SAMPLER_PARENT | OCTO_SAMPLER_RATIO},
    {NULL, 0},
};

static const struct word rotate_words[] = {
    {"daily", OCTO_ROTATE_DAILY},
    {"hourly", OCTO_ROTATE_HOURLY},
    {"never", OCTO_ROTATE_NEVER},
    {NULL, 0},
};

static const struct word unit_words[] = {
    {"k", 10},
    {"m", 20},
    {"g", 30},
    {NULL, 0},
};

static int parse_word(const struct word *words, const char *value, size_t len, uint8_t *to)
{
    for (; words->text != NULL; words++) {
        if (octo_text_same(value, len, words->text)) {
            *to = words->value;
            return 0;
        }
    }
    return -EINVAL;
}

/* Words, comma separated: the bits of all. */
static int parse_list(const struct word *words, const char *value, size_t len, uint8_t *to)
{
    uint8_t all = 0, one;

    for (const char *p = value, *end = value + len, *comma; p <= end; p = comma + 1) {
        const char *to_end;

        comma = p < end ? memchr(p, ',', (size_t)(end - p)) : NULL;
        comma = comma ? comma : end;
        for (to_end = comma; p < to_end && *p == ' '; p++)
            ;
        while (to_end > p && to_end[-1] == ' ')
            to_end--;
        if (parse_word(words, p, (size_t)(to_end - p), &one) != 0)
            return -EINVAL;
        all |= one;
    }
    *to = all;
    return 0;
}

/* Digits only, at most max. Returns how many digits there were, or -EINVAL. */
static int parse_digits(const char *value, size_t len, uint64_t max, uint64_t *to)
{
    uint64_t number = 0;
    size_t i;

    for (i = 0; i < len && value[i] >= '0' && value[i] <= '9'; i++) {
        unsigned digit = (unsigned)(value[i] - '0');

        if (number > (max - digit) / 10)
            return -EINVAL;
        number = number * 10 + digit;
    }
    *to = number;
    return (int)i;
}

static int parse_milliseconds(const char *value, size_t len, uint64_t *to_ns)
{
    uint64_t ms = 0;

    if (len == 0 || parse_digits(value, len, SLOW_MS_MAX, &ms) != (int)len || ms == 0)
        return -EINVAL;
    *to_ns = ms * OCTO_NS_PER_MS;
    return 0;
}

/* `0`, `1`, `0.25`, `.5`, `1.000`. By hand: strtod follows the locale and sets errno. */
static int parse_fraction(const char *value, size_t len, uint32_t *to)
{
    uint64_t whole = 0;
    uint64_t part = 0; /* of 10^9 */
    uint64_t unit = 100000000;
    bool any = false;
    bool tail = false; /* a digit other than 0 beyond the ninth */
    size_t i;

    for (i = 0; i < len && value[i] != '.'; i++) {
        if (value[i] < '0' || value[i] > '9' || whole > 1)
            return -EINVAL;
        whole = whole * 10 + (uint64_t)(value[i] - '0');
        any = true;
    }
    for (i++; i < len; i++) {
        if (value[i] < '0' || value[i] > '9')
            return -EINVAL;
        part += unit * (uint64_t)(value[i] - '0');
        tail |= unit == 0 && value[i] != '0';
        unit /= 10;
        any = true;
    }
    if (!any || whole > 1 || (whole == 1 && (part > 0 || tail)))
        return -EINVAL;
    *to = (uint32_t)(whole * OCTO_SAMPLE_ALL + (part * OCTO_SAMPLE_ALL + 500000000) / 1000000000);
    if (*to == 0 && (part > 0 || tail)) /* a little is not nothing */
        *to = 1;
    return 0;
}

/* A word, or size:NUMBER[K|M|G]. */
static int parse_rotate(struct octo_settings *s, const char *value, size_t len)
{
    static const char prefix[] = "size:";
    const size_t skip = sizeof(prefix) - 1;
    uint64_t number = 0;
    uint8_t shift = 0;
    int digits;

    if (len <= skip || !octo_text_same(value, skip, prefix))
        return parse_word(rotate_words, value, len, &s->rotate);
    digits = parse_digits(value + skip, len - skip, UINT64_MAX >> 31, &number);
    if (digits <= 0 || number == 0)
        return -EINVAL;
    value += skip + (size_t)digits;
    len -= skip + (size_t)digits;
    if (len > 0 && parse_word(unit_words, value, len, &shift) < 0)
        return -EINVAL;
    s->rotate = OCTO_ROTATE_SIZE;
    s->rotate_bytes = number << shift;
    return 0;
}

static int parse_text(const char *value, size_t len, char *to, size_t size)
{
    if (len >= size)
        return -EINVAL;
    memcpy(to, value, len);
    to[len] = '\0';
    return 0;
}

static int parse_pattern(const char *value, size_t len, char *to, size_t size)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (value[i] != '%')
            continue;
        if (++i == len || (value[i] != 's' && value[i] != '%'))
            return -EINVAL;
    }
    /* The sink knows stderr by this spelling. */
    return octo_text_same(value, len, "stderr") ? parse_text("stderr", 6, to, size)
                                                : parse_text(value, len, to, size);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-decodes. Returns the length, or -EINVAL if it is malformed, holds a NUL or does not fit. */
static int decode(const char *value, size_t len, char *to, size_t size)
{
    size_t n = 0;
    size_t i;

    for (i = 0; i < len; i++) {
        char c = value[i];

        if (c == '%') {
            if (len - i < 3 || hex_digit(value[i + 1]) < 0 || hex_digit(value[i + 2]) < 0)
                return -EINVAL;
            c = (char)(hex_digit(value[i + 1]) * 16 + hex_digit(value[i + 2]));
            i += 2;
        }
        if (c == '\0' || n + 1 >= size)
            return -EINVAL;
        to[n++] = c;
    }
    to[n] = '\0';
    return (int)n;
}

static void trim(const char **text, size_t *len)
{
    while (*len > 0 && **text == ' ') {
        (*text)++;
        (*len)--;
    }
    while (*len > 0 && (*text)[*len - 1] == ' ')
        (*len)--;
}

/* One error and the whole value counts for nothing, as OpenTelemetry has it. */
static int parse_resource(const char *value, size_t len, char *to, size_t size)
{
    static const char wanted[] = "service.name";
    char name[OCTO_SETTING_MAX] = "";
    char other[OCTO_PATH_MAX]; /* decoded only to see that it can be */
    const char *end = value + len;
    const char *next;

    for (; value < end; value = next + 1) {
        const char *equals;
        size_t key_len;
        bool ours;

        next = memchr(value, ',', (size_t)(end - value));
        if (next == NULL)
            next = end;
        len = (size_t)(next - value);
        trim(&value, &len);
        if (len == 0)
            continue;
        equals = memchr(value, '=', len);
        if (equals == NULL || equals == value)
            return -EINVAL;
        len -= (size_t)(equals + 1 - value);
        key_len = (size_t)(equals - value);
        trim(&value, &key_len);
        ours = key_len == sizeof(wanted) - 1 && memcmp(value, wanted, key_len) == 0;
        value = equals + 1;
        trim(&value, &len);
        if (decode(value, len, ours ? name : other, ours ? size : sizeof(other)) < 0)
            return -EINVAL;
    }
    return name[0] != '\0' ? parse_text(name, strlen(name), to, size) : -ENOENT;
}

int octo_setting_parse(struct octo_settings *s, const struct octo_setting_row *row, const char *value, size_t len)
{
    void *member = (char *)s + row->offset;
    uint8_t word;
    int verdict;

    switch ((enum octo_setting_kind)row->kind) {
    case OCTO_SETTING_BOOL:
        verdict = parse_word(bool_words, value, len, &word);
        if (verdict == 0)
            *(bool *)member = word != 0;
        return verdict;
    case OCTO_SETTING_LEVEL:
        return parse_word(level_words, value, len, member);
    case OCTO_SETTING_INJECT:
        return parse_word(inject_words, value, len, member);
    case OCTO_SETTING_PROPAGATORS:
        return parse_list(propagator_words, value, len, member);
    case OCTO_SETTING_STACKS:
        return parse_word(stacks_words, value, len, member);
    case OCTO_SETTING_ENRICH:
        return parse_word(enrich_words, value, len, member);
    case OCTO_SETTING_CONTEXT:
        return parse_word(context_words, value, len, member);
    case OCTO_SETTING_EXPORTER:
        return parse_word(exporter_words, value, len, member);
    case OCTO_SETTING_METRICS_EXPORTERS:
        return parse_list(metrics_exporter_words, value, len, member);
    case OCTO_SETTING_SAMPLER:
        return parse_word(sampler_words, value, len, member);
    case OCTO_SETTING_ROTATE:
        return parse_rotate(s, value, len);
    case OCTO_SETTING_MILLISECONDS:
        return parse_milliseconds(value, len, member);
    case OCTO_SETTING_FRACTION:
        return parse_fraction(value, len, member);
    case OCTO_SETTING_TEXT:
        return parse_text(value, len, member, row->size);
    case OCTO_SETTING_PATTERN:
        return parse_pattern(value, len, member, row->size);
    case OCTO_SETTING_RESOURCE:
        /* The default, a program's name, is not a list. */
        return value == s->program ? parse_text(value, len, member, row->size)
                                   : parse_resource(value, len, member, row->size);
    case OCTO_SETTING_LISTEN:
        return octo_setting_parse_listen(value, len, member);
    case OCTO_SETTING_LABELS:
        return octo_setting_parse_labels(value, len, member, row->size);
    case OCTO_SETTING_BUCKETS:
        return octo_setting_parse_buckets(value, len, member);
    case OCTO_SETTING_SOCKET:
        if (!(len == 3 && memcmp(value, "off", 3) == 0) && !(len > 1 && (*value == '/' || *value == '@')))
            return -EINVAL;
        return parse_text(value, len, member, row->size);
    case OCTO_SETTING_ABSOLUTE:
        return len > 0 && *value != '/' ? -EINVAL : parse_text(value, len, member, row->size);
    }
    return -EINVAL;
}
