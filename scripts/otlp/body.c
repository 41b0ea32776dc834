/*
 * A batch of records as the body of a request. See parts.h.
 *
 *      ExportTraceServiceRequest
 *        └ ResourceSpans       one a process, as its number is the resource's
 *            └ ScopeSpans      one
 *                └ Span ...
 *
 * Source: OTLP specification 1.x, trace_service.proto. Compression: zlib.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "parts.h"

#define SCHEMA "https://opentelemetry.io/schemas/1.27.0"

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest request_message;
typedef OTEL(TRACE, ResourceSpans) resource_spans;
typedef OTEL(TRACE, ScopeSpans) scope_spans;

static const resource_spans new_resource_spans = OPENTELEMETRY__PROTO__TRACE__V1__RESOURCE_SPANS__INIT;
static const scope_spans new_scope_spans = OPENTELEMETRY__PROTO__TRACE__V1__SCOPE_SPANS__INIT;

/* Records of one process: their spans, and what is around them. */
static resource_spans *group_of(struct octo_record **records, unsigned count, const struct resource *resource,
                                struct obstack *arena)
{
    static OTEL(COMMON, InstrumentationScope) scope =
        OPENTELEMETRY__PROTO__COMMON__V1__INSTRUMENTATION_SCOPE__INIT;
    resource_spans *group = obstack_alloc(arena, sizeof *group);
    scope_spans *inner = obstack_alloc(arena, sizeof *inner);

    scope.name = (char *)"octoshim";
    scope.version = (char *)OCTO_VERSION;
    *inner = new_scope_spans;
    inner->scope = &scope;
    inner->schema_url = (char *)SCHEMA;
    inner->n_spans = count;
    inner->spans = obstack_alloc(arena, count * sizeof *inner->spans);
    for (unsigned i = 0; i < count; i++)
        inner->spans[i] = span_of(records[i], arena);
    *group = new_resource_spans;
    group->resource = resource_of(resource, records[0]->pid, arena);
    group->schema_url = (char *)SCHEMA;
    group->n_scope_spans = 1;
    group->scope_spans = obstack_copy(arena, &inner, sizeof inner);
    return group;
}

/* By process; within one, as they came. */
static int by_process(const void *a, const void *b)
{
    const struct octo_record *x = *(struct octo_record *const *)a, *y = *(struct octo_record *const *)b;

    return x->pid != y->pid ? (x->pid < y->pid ? -1 : 1) : (x->mono_ns > y->mono_ns) - (x->mono_ns < y->mono_ns);
}

static void make_room(struct body *b, size_t bytes)
{
    if (b->room >= bytes)
        return;
    free(b->bytes);
    b->bytes = malloc(bytes);
    b->room = bytes;
    if (b->bytes == NULL)
        abort();
}

static void compress_body(struct body *b)
{
    z_stream z = {.next_in = b->bytes, .avail_in = (uInt)b->length};
    struct body out = {.spans = b->spans};

    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    make_room(&out, deflateBound(&z, b->length));
    z.next_out = out.bytes;
    z.avail_out = (uInt)out.room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    out.length = z.total_out;
    deflateEnd(&z);
    free(b->bytes);
    *b = out;
}

void body_make(struct body *b, const struct settings *s, const struct resource *resource,
               struct octo_record **records, unsigned count)
{
    static struct obstack arena;
    request_message request = OPENTELEMETRY__PROTO__COLLECTOR__TRACE__V1__EXPORT_TRACE_SERVICE_REQUEST__INIT;

    obstack_init(&arena);
    qsort(records, count, sizeof(struct octo_record *), by_process);
    request.resource_spans = obstack_alloc(&arena, count * sizeof *request.resource_spans);
    for (unsigned i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && records[next]->pid == records[i]->pid;)
            next++;
        request.resource_spans[request.n_resource_spans++] = group_of(records + i, next - i, resource, &arena);
    }
    b->spans = count;
    if (s->json) {
        char *text = body_json(&request.base);

        free(b->bytes);
        b->bytes = (uint8_t *)text;
        b->length = b->room = strlen(text);
    } else {
        /* Its own size would be as dear to ask for as the packing. */
        size_t most = 64;

        for (unsigned i = 0; i < count; i++)
            most += span_most(records[i]);
        make_room(b, most + request.n_resource_spans * (resource->bytes_most + 256));
        b->length = protobuf_c_message_pack(&request.base, b->bytes);
    }
    if (s->gzip)
        compress_body(b);
    obstack_free(&arena, NULL);
}
