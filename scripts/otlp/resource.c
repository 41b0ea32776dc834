/*
 * Whose spans they are. See parts.h.
 *
 * Source: OpenTelemetry semantic conventions, "Resource"; specification, "Resource SDK": of OTEL_RESOURCE_ATTRIBUTES
 * either all is understood, or nothing is taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parts.h"

enum { ATTRIBUTES_MAX = 128, OWN_MAX = 8 };

static OTEL(COMMON, KeyValue) * find(const struct attributes *a, const char *key)
{
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->at[i]->key, key) == 0)
            return a->at[i];
    return NULL;
}

/* In place of what the list has under that name. */
static void set(struct attributes *a, const char *key, const char *text)
{
    OTEL(COMMON, KeyValue) *there = find(a, key);

    if (there != NULL)
        there->value->string_value = (char *)text;
    else
        attribute_text(a, key, (char *)text);
}

/* Whether all of it is key=value,key=value. */
static bool read_list(struct attributes *a, const char *list)
{
    for (const char *p = list; *p;) {
        size_t len = strcspn(p, ",");
        const char *equals = memchr(p, '=', len);
        char *key = NULL, *value = NULL;

        if (equals == NULL || !settings_decode(p, (size_t)(equals - p), &key) || *key == '\0' ||
            !settings_decode(equals + 1, len - (size_t)(equals + 1 - p), &value) || !text_is_utf8(key) ||
            !text_is_utf8(value))
            return false;
        set(a, key, value);
        p += len + (p[len] == ',');
    }
    return true;
}

void resource_read(struct resource *r, const struct settings *s)
{
    static struct obstack arena;
    static char host[256];

    obstack_init(&arena);
    r->common = attributes_in(&arena, ATTRIBUTES_MAX + OWN_MAX);
    r->common.room = ATTRIBUTES_MAX;
    if (!read_list(&r->common, s->attributes)) {
        fprintf(stderr, "octoshim: OTEL_RESOURCE_ATTRIBUTES is not understood; spans go without them\n");
        r->common.count = 0;
    }
    r->common.room += OWN_MAX;
    set(&r->common, "service.name", s->service);
    if (strcmp(s->version, "unknown") != 0)
        set(&r->common, "service.version", s->version);
    /* What is so by default gives way. */
    if (strcmp(s->environment, "development") != 0 || find(&r->common, "deployment.environment.name") == NULL)
        set(&r->common, "deployment.environment.name", s->environment);
    if (find(&r->common, "host.name") == NULL && gethostname(host, sizeof host - 1) == 0)
        set(&r->common, "host.name", host);
    if (*s->instance && find(&r->common, "service.instance.id") == NULL)
        set(&r->common, "service.instance.id", s->instance);
    set(&r->common, "telemetry.sdk.name", "octoshim");
    set(&r->common, "telemetry.sdk.language", "c");
    set(&r->common, "telemetry.sdk.version", OCTO_VERSION);
    r->bytes_most = 256;
    for (size_t i = 0; i < r->common.count; i++)
        r->bytes_most += strlen(r->common.at[i]->key) + strlen(r->common.at[i]->value->string_value) + 32;
}

OTEL(RESOURCE, Resource) * resource_of(const struct resource *r, uint32_t pid, struct obstack *arena)
{
    static const OTEL(RESOURCE, Resource) fresh = OPENTELEMETRY__PROTO__RESOURCE__V1__RESOURCE__INIT;
    OTEL(RESOURCE, Resource) *resource = obstack_alloc(arena, sizeof *resource);
    struct attributes a = attributes_in(arena, r->common.count + 1);

    memcpy(a.at, r->common.at, r->common.count * sizeof *a.at);
    a.count = r->common.count;
    if (pid != 0)
        attribute_number(&a, "process.pid", pid);
    *resource = fresh;
    resource->n_attributes = a.count;
    resource->attributes = a.at;
    return resource;
}
