/*
 * Starting octoshim-otlp: see helper.h. How a program is started is program.c's; here is what it is given.
 *
 * Context: the writer thread. No libc but what needs no thread-local storage.
 */
#include "export/helper.h"

#include "base/text.h"
#include "export/program.h"
#include "octoshim/otlp.h"

#include <stddef.h>
#include <string.h>

enum { VARIABLES_MAX = 128 };

/* The variable and its place in the list; false: there is no room. */
static bool add(struct octo_text *t, char **list, size_t *count, const char *name, const char *value)
{
    char *at = t->at;

    octo_text_str(t, name);
    octo_text_char(t, '=');
    octo_text_str(t, value);
    octo_text_char(t, '\0');
    if (t->cut || *count >= VARIABLES_MAX)
        return false;
    list[(*count)++] = at;
    return true;
}

int octo_helper_start(const struct octo_helper *helper)
{
    static char texts[4 * OCTO_SETTING_MAX],
        *list[VARIABLES_MAX + 1]; /* one writer a process; its stack is small */
    const struct octo_program program = {
        .library = helper->library,
        .name = "octoshim-otlp",
        .environment = list,
    };
    const struct octo_program_descriptor descriptors[] = {{helper->records, OCTO_OTLP_RECORDS},
                                                          {helper->page, OCTO_OTLP_PAGE},
                                                          {helper->bell, OCTO_OTLP_BELL},
                                                          {helper->err, 2}};
    static struct octo_program_memory memory;
    const struct octo_settings *settings = helper->settings;
    char instance[37];
    struct octo_text uuid;
    struct octo_text t;
    size_t count = 0;

    octo_text_begin(&t, texts, sizeof texts);
    /* Were the library preloaded into every program of the machine, it would trace its own helper. */
    add(&t, list, &count, "OCTOSHIM_DISABLE", "1");
    add(&t, list, &count, "SERVICE_NAME", settings->service);
    add(&t, list, &count, "APP_VERSION", settings->version);
    add(&t, list, &count, "ENVIRONMENT", settings->environment);
    octo_text_begin(&uuid, instance, sizeof instance);
    octo_text_uuid(&uuid, helper->instance);
    add(&t, list, &count, "OCTOSHIM_INSTANCE", instance);
    add(&t, list, &count, "OTEL_TRACES_EXPORTER", octo_settings_export_spans(settings) ? "otlp" : "none");
    add(&t, list, &count, "OTEL_METRICS_EXPORTER", octo_settings_export_metrics(settings) ? "otlp" : "none");
    for (const char *p = settings->exporter; *p && count < VARIABLES_MAX; p += strlen(p) + 1)
        list[count++] = (char *)p;
    list[count] = NULL;
    return octo_program_start(&memory, &program, descriptors);
}
