/* A process that is a service with a settings file: rules as users write them, and what they have counted. */
#ifndef SERVICE_RIG_H
#define SERVICE_RIG_H

#include "conn/conn.h"
#include "conn/process.h"
#include "conn/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char rig_dir[] = "/tmp/octo-service-XXXXXX", rig_file[64];

/* Loads, with this text as the settings file, as the constructor does. False: no place. */
static inline bool rig_load(const char *settings)
{
    static char runtime_dir[64] = "OCTOSHIM_RUNTIME_DIR=", config[80] = "OCTOSHIM_CONFIG=";
    static char log[] = "OCTOSHIM_LOG=/dev/null";
    static char *environment[] = {runtime_dir, config, log, NULL};
    FILE *f;

    if (!mkdtemp(rig_dir))
        return false;
    snprintf(rig_file, sizeof(rig_file), "%s/settings.json", rig_dir);
    f = fopen(rig_file, "w");
    if (!f || fputs(settings, f) < 0 || fclose(f) != 0)
        return false;
    strcat(runtime_dir, rig_dir);
    strcat(config, rig_file);
    octo_process_load(environment, "test", "test", "");
    return true;
}

/* Then: it turns out to be a service. */
static inline bool rig_wake(void)
{
    return octo_service_wake(-1) && octo_service.metrics;
}

static inline int rig_unload(void **state)
{
    (void)state;
    unlink(octo_service.segment_path);
    unlink(rig_file);
    return rmdir(rig_dir);
}

/* The series of a metric with exactly these labels: its first word. UINT32_MAX: there is none. */
static inline uint32_t rig_find(const char *name, const char *labels)
{
    const struct octo_metrics *m = octo_service.metrics;

    for (unsigned i = 0; i < m->families; i++)
        if (strcmp(m->family[i].name, name) == 0) {
            int number = octo_metrics_find(m, i, labels, strlen(labels));

            return number < 0 ? UINT32_MAX : octo_metrics_at(m, (unsigned)number)->word;
        }
    fail_msg("no metric %s", name);
    return UINT32_MAX;
}

/* A counter's value, or that of a gauge that is set, in its family's unit. 0: there is no such series. */
static inline int64_t rig_counted(const char *name, const char *labels)
{
    uint32_t word = rig_find(name, labels);

    return word == UINT32_MAX ? 0 : (int64_t)octo_metrics_word(octo_service.metrics, word);
}

/* A shared gauge's. */
static inline int64_t rig_gauge(const char *name, const char *labels)
{
    uint32_t share = rig_find(name, labels);
    int64_t sum = 0;

    for (unsigned i = 0; share != UINT32_MAX && i < OCTO_OWNERS; i++)
        if (octo_service.metrics->owner[i].pid)
            sum += octo_share_of(octo_service.metrics, i, share);
    return sum;
}

#endif
