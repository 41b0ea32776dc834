/*
 * What the exporter of spans and metrics is told: variables that OpenTelemetry has defined, kept as they are given for
 * octoshim-otlp, which reads and judges them. See settings.h.
 *
 *      exporter: NAME=value\0NAME2=value2\0
 *
 * Context: the constructor and the reading of the file; pure computation.
 */
#include <string.h>

#include "base/settings_table.h"

enum { LINE_MAX = 200, NAME_SHOWN = 80 };

/* Of each signal, and of all. */
static const char *const prefixes[] = {"OTEL_EXPORTER_OTLP_", "OTEL_BSP_", "OTEL_METRIC_EXPORT_"};
static const char attributes_name[] = "OTEL_RESOURCE_ATTRIBUTES";

/* What the exporter's transport goes by. */
static const char *const transport[] = {"SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy",
                                        "https_proxy",   "HTTPS_PROXY",  "all_proxy",
                                        "ALL_PROXY",     "no_proxy",     "NO_PROXY"};

bool octo_setting_is_exporters(const char *name, size_t len)
{
    for (unsigned i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
        size_t n = strlen(prefixes[i]);

        if (len > n && octo_text_same(name, n, prefixes[i]))
            return true;
    }
    return octo_text_same(name, len, attributes_name);
}

const char *octo_settings_exporter(const struct octo_settings *s, const char *name)
{
    size_t len = strlen(name);

    for (const char *p = s->exporter; *p; p += strlen(p) + 1)
        if (strncmp(p, name, len) == 0 && p[len] == '=')
            return p + len + 1;
    return NULL;
}

static void put_name(struct octo_text *t, const char *name, size_t len, bool upper)
{
    for (size_t i = 0; i < len; i++)
        octo_text_char(t, upper && name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 'a' + 'A') : name[i]);
}

static void tell(struct octo_settings *s, const char *name, size_t name_len, bool upper, const char *value,
                 size_t len)
{
    char key[NAME_SHOWN], buffer[LINE_MAX];
    struct octo_text t;

    if (len == 0)
        return;
    octo_text_begin(&t, key, sizeof(key));
    put_name(&t, name, name_len, upper);
    if (!t.cut && octo_settings_exporter(s, key))
        return; /* the first counts */
    if (t.cut || memchr(value, '\0', len) || s->exporter_len + name_len + len + 3 > sizeof(s->exporter)) {
        octo_text_begin(&t, buffer, sizeof(buffer));
        octo_text_str(&t, "octoshim: ");
        octo_settings_quote(&t, key, strlen(key), NAME_SHOWN);
        octo_text_str(&t, " is too long, or holds a zero byte; it is left out");
        octo_settings_complain(s, &t);
        return;
    }
    octo_text_begin(&t, s->exporter + s->exporter_len, sizeof(s->exporter) - s->exporter_len - 1u);
    octo_text_str(&t, key);
    octo_text_char(&t, '=');
    octo_text_bytes(&t, value, len);
    s->exporter_len = (uint16_t)(s->exporter_len + octo_text_len(&t) + 1);
}

void octo_settings_tell_exporter(struct octo_settings *s, const char *key, const char *value, size_t len)
{
    tell(s, key, strlen(key), true, value, len);
}

void octo_settings_exporter_from_environment(struct octo_settings *s, char *const *envp)
{
    for (; envp && *envp; envp++) {
        const char *equals = strchr(*envp, '=');
        size_t len = equals ? (size_t)(equals - *envp) : 0;
        bool told = len > 0 && **envp == 'O' && octo_setting_is_exporters(*envp, len);

        for (unsigned i = 0; len > 0 && !told && i < sizeof(transport) / sizeof(*transport); i++)
            told = strlen(transport[i]) == len && memcmp(*envp, transport[i], len) == 0;
        if (told)
            tell(s, *envp, len, false, equals + 1, strlen(equals + 1));
    }
}

bool octo_settings_export_spans(const struct octo_settings *s)
{
    if (s->sdk_disabled || s->traces_exporter == OCTO_EXPORTER_NONE)
        return false;
    return s->traces_exporter == OCTO_EXPORTER_OTLP ||
           octo_settings_exporter(s, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") ||
           octo_settings_exporter(s, "OTEL_EXPORTER_OTLP_ENDPOINT");
}

bool octo_settings_export_metrics(const struct octo_settings *s)
{
    if (s->sdk_disabled)
        return false;
    if (s->metrics_exporters != OCTO_EXPORTER_UNSET)
        return (s->metrics_exporters & OCTO_EXPORTER_OTLP) != 0;
    return octo_settings_exporter(s, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") != NULL;
}
