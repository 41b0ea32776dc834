/*
 * A record as a span. See parts.h.
 *
 * Source: OpenTelemetry semantic conventions, "HTTP spans" (stable); trace.proto for the flags. Queries, and values of
 * other headers than X-Request-ID, are in no record, and so in no span.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/encode.h"
#include "export/put.h"
#include "export/target.h"
#include "parts.h"

typedef OTEL(TRACE, Span) span_message;
typedef OTEL(TRACE, Status) status_message;

enum {
    ATTRIBUTES_MAX = 24,
    ADDRESS_ROOM = 64,
    HAS_IS_REMOTE = 0x100, /* SpanFlags */
    IS_REMOTE = 0x200,
};

#define CODE_ERROR OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR
#define KIND_SERVER OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_SERVER
#define KIND_CLIENT OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_CLIENT

/* The texts of a record. */
struct texts {
    struct octo_span id, method, host, target, socket;
};

static bool is_server(const struct octo_record *r)
{
    return r->kind == OCTO_EV_REQUEST_COMPLETED || r->kind == OCTO_EV_REQUEST_ABORTED;
}

static struct texts texts_of(const struct octo_record *r)
{
    struct texts t;
    const char *at = r->text;

    t.id = (struct octo_span){at, r->id_len};
    t.method = (struct octo_span){at += r->id_len, r->method_len};
    t.host = (struct octo_span){at += r->method_len, r->host_len};
    t.target = (struct octo_span){at += r->host_len, r->target_len};
    t.socket = (struct octo_span){at += r->target_len, 0};
    if (r->family == OCTO_PEER_UNIX && !is_server(r))
        t.socket.len = r->port;
    return t;
}

static ProtobufCBinaryData number_in(struct obstack *arena, uint64_t high, uint64_t low, size_t bytes)
{
    const uint64_t both[2] = {htobe64(high), htobe64(low)};

    return (ProtobufCBinaryData){.len = bytes, .data = obstack_copy(arena, both, bytes)};
}

static bool is(struct octo_span text, const char *with)
{
    return text.len == strlen(with) && memcmp(text.at, with, text.len) == 0;
}

static bool known_method(struct octo_span method)
{
    static const char *const known[] = {"GET",     "POST",  "HEAD",  "PUT",     "DELETE",
                                        "OPTIONS", "PATCH", "TRACE", "CONNECT", "QUERY"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (is(method, known[i]))
            return true;
    return false;
}

/* The span's name too. */
static void put_method(span_message *span, struct attributes *a, struct octo_span method)
{
    char *text = text_in(a->arena, method.at, method.len);
    bool known = known_method(method);

    if (method.len == 0) { /* there was not even a connection to ask on */
        span->name = (char *)"connect";
        return;
    }
    span->name = known ? text : (char *)"HTTP";
    attribute_text(a, "http.request.method", known ? text : (char *)"_OTHER");
    if (!known)
        attribute_text(a, "http.request.method_original", text);
}

/* Grows the arena's object by a path, less what looks like a credential in it. */
static void grow_path(struct obstack *arena, struct octo_span path)
{
    const char *stop = path.at + path.len;

    while (path.at < stop) {
        struct octo_span found = octo_target_secret(path.at, (size_t)(stop - path.at));

        obstack_grow(arena, path.at, (size_t)(found.at - path.at));
        if (found.len > 0)
            obstack_grow(arena, "REDACTED", 8);
        path.at = found.at + found.len;
    }
}

/* What has been grown, as text. */
static char *grown_text(struct obstack *arena)
{
    size_t n = obstack_object_size(arena);
    char *raw = obstack_finish(arena);

    return text_in(arena, raw, n);
}

/* An address as text, or NULL. */
static char *peer_text(const struct octo_record *r, struct obstack *arena)
{
    char *at = obstack_alloc(arena, ADDRESS_ROOM), *end;

    if (r->family == OCTO_PEER_IPV4)
        end = octo_put_ipv4(at, r->peer);
    else if (r->family == OCTO_PEER_IPV6)
        end = octo_put_ipv6(at, r->peer);
    else
        return NULL;
    *end = '\0';
    return at;
}

/* host:port, [::1]:port or either alone: *port is 0 where there is none. Returns the host, without brackets. */
static struct octo_span split_authority(struct octo_span authority, unsigned *port)
{
    struct octo_span host = authority;
    const char *colon, *p;
    unsigned number = 0;

    *port = 0;
    if (authority.len == 0)
        return host;
    colon = memrchr(authority.at, ':', authority.len);
    if (colon != NULL && (authority.at[0] != '[' || colon[-1] == ']')) {
        for (p = colon + 1; p < authority.at + authority.len && *p >= '0' && *p <= '9' && number < 65536; p++)
            number = number * 10 + (unsigned)(*p - '0');
        if (p == authority.at + authority.len && number < 65536) {
            *port = number;
            host.len = (size_t)(colon - authority.at);
        }
    }
    if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']') {
        host.at++;
        host.len -= 2;
    }
    return host;
}

/* server.address and server.port. fallback_port 0: none. Returns the address, or NULL. */
static char *put_server(struct attributes *a, struct octo_span authority, char *fallback, unsigned fallback_port)
{
    unsigned port;
    struct octo_span host = split_authority(authority, &port);
    char *address = host.len > 0 ? text_in(a->arena, host.at, host.len) : fallback;

    if (address == NULL)
        return NULL;
    attribute_text(a, "server.address", address);
    if (port == 0)
        port = fallback_port;
    if (port != 0)
        attribute_number(a, "server.port", port);
    return address;
}

static void put_served(struct attributes *a, const struct octo_record *r, const struct texts *t)
{
    struct octo_target target = octo_target_split(t->target.at, t->target.len);
    struct octo_span authority = octo_target_host(t->host.at, t->host.len);
    char *peer = peer_text(r, a->arena);

    grow_path(a->arena, target.path);
    attribute_text(a, "url.path", grown_text(a->arena));
    attribute_text(a, "url.scheme", (char *)"http");
    put_server(a, authority.len > 0 ? authority : target.authority, NULL, 0);
    if (peer != NULL) {
        attribute_text(a, "client.address", peer);
        attribute_text(a, "network.peer.address", peer);
    } else if (r->family == OCTO_PEER_UNIX) {
        attribute_text(a, "network.transport", (char *)"unix");
    }
}

/* Without a path of its own, for CONNECT: who is asked is all there is. */
static void put_asked(struct attributes *a, const struct octo_record *r, const struct texts *t)
{
    struct octo_target target = octo_target_split(t->target.at, t->target.len);
    struct octo_span authority = octo_target_host(t->host.at, t->host.len);
    bool by_address = r->family == OCTO_PEER_IPV4 || r->family == OCTO_PEER_IPV6,
         tunnel = is(t->method, "CONNECT");
    char *peer = peer_text(r, a->arena);
    char *socket = t->socket.len > 0 ? text_in(a->arena, t->socket.at, t->socket.len) : NULL;

    if (tunnel)
        authority = target.path;
    else if (target.authority.len > 0)
        authority = target.authority;
    /* The port of a name that gives none is that of its scheme; of nobody's name it is where the connection goes. */
    put_server(a, authority, peer != NULL ? peer : socket, authority.len > 0 ? 80 : by_address ? r->port : 0);
    if (!tunnel && t->method.len > 0) {
        obstack_grow(a->arena, "http://", 7);
        if (authority.len > 0)
            obstack_grow(a->arena, authority.at, authority.len);
        else if (peer != NULL)
            obstack_printf(a->arena, r->family == OCTO_PEER_IPV6 ? "[%s]:%u" : "%s:%u", peer, r->port);
        else
            obstack_grow(a->arena, "localhost", 9);
        if (!is(target.path, "*"))
            grow_path(a->arena, target.path);
        attribute_text(a, "url.full", grown_text(a->arena));
    }
    if (peer != NULL) {
        attribute_text(a, "network.peer.address", peer);
        attribute_number(a, "network.peer.port", r->port);
    } else if (r->family == OCTO_PEER_UNIX) {
        attribute_text(a, "network.transport", (char *)"unix");
        if (socket != NULL)
            attribute_text(a, "network.peer.address", socket);
    }
}

/* Status and error.type: one from which the response's status number speaks, or what ended it before. */
static void put_result(span_message *span, struct attributes *a, const struct octo_record *r, bool server)
{
    static const status_message fresh = OPENTELEMETRY__PROTO__TRACE__V1__STATUS__INIT;
    bool cut = r->kind == OCTO_EV_REQUEST_ABORTED || r->kind == OCTO_EV_CLIENT_REQUEST_FAILED ||
               (r->kind == OCTO_EV_LLM_CALL_FAILED && r->reason < OCTO_FAILURE_KINDS);
    const char *error = NULL;

    if (r->flags & OCTO_RECORD_HAS_STATUS) {
        attribute_number(a, "http.response.status_code", r->status);
        if (r->status >= (server ? 500 : 400))
            error = obstack_printf(a->arena, "%u", r->status) > 0
                        ? (obstack_1grow(a->arena, '\0'), obstack_finish(a->arena))
                        : NULL;
    }
    if (cut && error == NULL)
        error = server ? octo_abort_reason_name(r->reason) : octo_failure_code(r->reason);
    if (error == NULL)
        return;
    attribute_text(a, "error.type", (char *)error);
    span->status = obstack_alloc(a->arena, sizeof *span->status);
    *span->status = fresh;
    span->status->code = CODE_ERROR;
    if (cut && !server)
        span->status->message = (char *)octo_failure_text(r->reason);
}

/* A call of a language model: the conventions for generative AI, beside those for HTTP. */
static void put_call(span_message *span, struct attributes *a, const struct octo_record *r)
{
    const char *at = octo_record_behind(r), *operation;
    struct octo_llm_facts facts;
    char *model;

    memcpy(&facts, at, sizeof facts);
    at += sizeof facts;
    operation = octo_llm_operation_name(facts.operation);
    attribute_text(a, "gen_ai.operation.name", (char *)operation);
    attribute_text(a, "gen_ai.provider.name", text_in(a->arena, at, facts.provider_len));
    at += facts.provider_len;
    span->name = (char *)operation;
    if (facts.model_len > 0) {
        model = text_in(a->arena, at, facts.model_len);
        attribute_text(a, "gen_ai.request.model", model);
        obstack_printf(a->arena, "%s %s", operation, model);
        obstack_1grow(a->arena, '\0');
        span->name = obstack_finish(a->arena);
    }
    at += facts.model_len;
    if (facts.answer_model_len > 0)
        attribute_text(a, "gen_ai.response.model", text_in(a->arena, at, facts.answer_model_len));
    if (facts.input_tokens != OCTO_TOKENS_UNKNOWN)
        attribute_number(a, "gen_ai.usage.input_tokens", facts.input_tokens);
    if (facts.output_tokens != OCTO_TOKENS_UNKNOWN)
        attribute_number(a, "gen_ai.usage.output_tokens", facts.output_tokens);
    if (facts.first_token_ns != 0)
        attribute_number(a, "octoshim.time_to_first_token_us", (int64_t)(facts.first_token_ns / 1000));
}

OTEL(TRACE, Span) * span_of(const struct octo_record *r, struct obstack *arena)
{
    static const span_message fresh = OPENTELEMETRY__PROTO__TRACE__V1__SPAN__INIT;
    bool server = is_server(r);
    span_message *span = obstack_alloc(arena, sizeof *span);
    struct attributes a = attributes_in(arena, ATTRIBUTES_MAX);
    struct texts t = texts_of(r);

    *span = fresh;
    span->trace_id = number_in(arena, r->trace[0], r->trace[1], 16);
    span->span_id = number_in(arena, r->span, 0, 8);
    if (r->parent != 0)
        span->parent_span_id = number_in(arena, r->parent, 0, 8);
    span->flags = r->trace_flags | HAS_IS_REMOTE | (server && r->parent != 0 ? IS_REMOTE : 0);
    span->kind = server ? KIND_SERVER : KIND_CLIENT;
    span->end_time_unix_nano = r->mono_ns;
    span->start_time_unix_nano = r->mono_ns - r->duration_ns;
    put_method(span, &a, t.method);
    if (server)
        put_served(&a, r, &t);
    else
        put_asked(&a, r, &t);
    put_result(span, &a, r, server);
    if (r->kind == OCTO_EV_LLM_CALL_COMPLETED || r->kind == OCTO_EV_LLM_CALL_FAILED)
        put_call(span, &a, r);
    if (r->protocol == 10 || r->protocol == 11)
        attribute_text(&a, "network.protocol.version", (char *)(r->protocol == 10 ? "1.0" : "1.1"));
    if (t.id.len > 0)
        attribute_list(&a, "http.request.header.x-request-id", text_in(arena, t.id.at, t.id.len));
    if (r->flags & OCTO_RECORD_INFERRED)
        attribute_text(&a, "octoshim.context", (char *)"inferred");
    span->n_attributes = a.count;
    span->attributes = a.at;
    return span;
}
