/*
 * Messages as the bodies of requests; and a batch of records as the one of spans. See parts.h.
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

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest request_message;
typedef OTEL(TRACE, ResourceSpans) resource_spans;
typedef OTEL(TRACE, ScopeSpans) scope_spans;

static const resource_spans new_resource_spans = OPENTELEMETRY__PROTO__TRACE__V1__RESOURCE_SPANS__INIT;
static const scope_spans new_scope_spans = OPENTELEMETRY__PROTO__TRACE__V1__SCOPE_SPANS__INIT;

OTEL(COMMON, InstrumentationScope) * scope_of_ours(void)
{
    static OTEL(COMMON, InstrumentationScope) scope =
        OPENTELEMETRY__PROTO__COMMON__V1__INSTRUMENTATION_SCOPE__INIT;

    scope.name = (char *)"octoshim";
    scope.version = (char *)OCTO_VERSION;
    return &scope;
}

/* Records of one process: their spans, and what is around them. */
static resource_spans *group_of(struct octo_record **records, unsigned count, const struct resource *resource,
                                struct obstack *arena)
{
    resource_spans *group = obstack_alloc(arena, sizeof *group);
    scope_spans *inner = obstack_alloc(arena, sizeof *inner);

    *inner = new_scope_spans;
    inner->scope = scope_of_ours();
    inner->schema_url = (char *)OTEL_SCHEMA;
    inner->n_spans = count;
    inner->spans = obstack_alloc(arena, count * sizeof *inner->spans);
    for (unsigned i = 0; i < count; i++)
        inner->spans[i] = span_of(records[i], arena);
    *group = new_resource_spans;
    group->resource = resource_of(resource, records[0]->pid, arena);
    group->schema_url = (char *)OTEL_SCHEMA;
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
    struct body out = {.count = b->count};

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

void body_pack(struct body *b, const struct route *route, const ProtobufCMessage *message, size_t most)
{
    if (route->json) {
        char *text = body_json(message);

        free(b->bytes);
        b->bytes = (uint8_t *)text;
        b->length = b->room = strlen(text);
    } else {
        make_room(b, most != 0 ? most : protobuf_c_message_get_packed_size(message));
        b->length = protobuf_c_message_pack(message, b->bytes);
    }
    if (route->gzip)
        compress_body(b);
}

void body_spans(struct body *b, const struct route *route, const struct resource *resource,
                struct octo_record **records, unsigned count)
{
    static struct obstack arena;
    request_message request = OPENTELEMETRY__PROTO__COLLECTOR__TRACE__V1__EXPORT_TRACE_SERVICE_REQUEST__INIT;
    size_t most = 64; /* its own size would be as dear to ask for as the packing */

    obstack_init(&arena);
    qsort(records, count, sizeof(struct octo_record *), by_process);
    request.resource_spans = obstack_alloc(&arena, count * sizeof *request.resource_spans);
    for (unsigned i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && records[next]->pid == records[i]->pid;)
            next++;
        request.resource_spans[request.n_resource_spans++] = group_of(records + i, next - i, resource, &arena);
    }
    for (unsigned i = 0; i < count; i++)
        most += span_most(records[i]);
    b->count = count;
    body_pack(b, route, &request.base, most + request.n_resource_spans * (resource->bytes_most + 256));
    obstack_free(&arena, NULL);
}
