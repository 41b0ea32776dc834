/*
 * The encoder: which event has which fields, in which order. See encode.h; how they look is form.c's, how
 * values are written put.c's.
 *
 * Context: the writer thread. About 100 ns a request event: copies of fixed length, a second's text kept.
 */
#include "export/encode.h"

#include "base/call_names.h"
#include "export/encode_crash.h"
#include "export/field.h"

#ifndef OCTO_VERSION
#define OCTO_VERSION "unknown"
#endif

enum {
    ID_MAX = 128,
    /* Upper bound of all fields that follow a path, without host: keys, numbers, address, line end. */
    AFTER_PATH_MAX = 1100,
    STACK_MAX = 300, /* of a stack, but its frames: a reason is of at most 95 bytes, in ASCII */
    SHORT_TEXTS = 300,
    END_MAX = 160, /* the number of pid, the line end */
    PROVIDER_ROOM = 5 * OCTO_LLM_PROVIDER_MAX,
    MODEL_ROOM = 5 * OCTO_LLM_MODEL_MAX,
    CALL_MAX = PROVIDER_ROOM + 2 * MODEL_ROOM + 260, /* and those of a model's call; its method is POST */
    HELD_MAX = 600,                                  /* and of what a request has taken */
    AFTER_HELD_MAX = 200,
    SOCKET_ROOM = 200, /* bytes of output for a Unix socket's path; what is more is left out */
};
/* Longest head, identity, id, method and host must leave room for a path. */
_Static_assert(416 + OCTO_IDENTITY_MAX + (ID_MAX + 255 + 255) * OCTO_ESCAPE_MAX + AFTER_PATH_MAX + 256 <
                   OCTO_LINE_MAX,
               "a path of some length fits always");
_Static_assert(CALL_MAX < (255 - 4) * OCTO_ESCAPE_MAX, "a model's call needs no more");

const char *octo_abort_reason_name(unsigned reason)
{
    static const char *const names[OCTO_ABORT_REASONS] = {
        [OCTO_ABORT_CLIENT_CLOSED] = "client_closed",   [OCTO_ABORT_RESET] = "reset",
        [OCTO_ABORT_TIMED_OUT] = "timed_out",           [OCTO_ABORT_SERVICE_CLOSED] = "service_closed",
        [OCTO_ABORT_SERVICE_EXITED] = "service_exited", [OCTO_ABORT_UNFRAMED] = "unframed",
    };

    return reason < OCTO_ABORT_REASONS ? names[reason] : "unknown";
}

#define FAILURE_CODE(symbol, code, text) [OCTO_FAILURE_##symbol] = code,
#define FAILURE_TEXT(symbol, code, text) [OCTO_FAILURE_##symbol] = text,

const char *octo_failure_code(unsigned failure)
{
    static const char *const codes[OCTO_FAILURE_KINDS] = {OCTO_FAILURES(FAILURE_CODE)};

    return failure < OCTO_FAILURE_KINDS ? codes[failure] : "EIO";
}

const char *octo_failure_text(unsigned failure)
{
    static const char *const texts[OCTO_FAILURE_KINDS] = {OCTO_FAILURES(FAILURE_TEXT)};

    return failure < OCTO_FAILURE_KINDS ? texts[failure] : "unknown";
}

#define OPERATION_NAME(symbol, name) [OCTO_LLM_##symbol] = (name),

const char *octo_llm_operation_name(unsigned operation)
{
    static const char *const names[OCTO_LLM_OPERATION_COUNT] = {OCTO_LLM_OPERATIONS(OPERATION_NAME)};

    return operation < OCTO_LLM_OPERATION_COUNT ? names[operation] : "unknown";
}

static char *put_address(char *p, const struct octo_record *r)
{
    switch (r->family) {
    case OCTO_PEER_IPV4:
        return octo_put_ipv4(p, r->peer);
    case OCTO_PEER_IPV6:
        return octo_put_ipv6(p, r->peer);
    case OCTO_PEER_UNIX:
        return OCTO_PUT(p, "unix");
    default:
        return OCTO_PUT(p, "unknown");
    }
}

static char *put_peer(char *p, const struct octo_form *form, enum octo_key key, const struct octo_record *r)
{
    return octo_field_close(put_address(octo_field_key(p, form, key), r), &form->text_end);
}

/* Whom the service asks: 10.0.0.4:80, [::1]:80, unix:/run/x.sock. path: of that, r->port bytes. */
static char *put_asked(char *p, const struct octo_form *form, const struct octo_record *r, const char *path)
{
    bool cut = false, brackets = r->family == OCTO_PEER_IPV6;

    p = octo_field_key(p, form, OCTO_KEY_PEER);
    if (brackets)
        *p++ = '[';
    p = put_address(p, r);
    if (brackets)
        *p++ = ']';
    if (r->family == OCTO_PEER_UNIX && r->port > 0) {
        *p++ = ':';
        p = octo_put_text(p, p + SOCKET_ROOM, path, r->port, &cut);
    } else if (r->family == OCTO_PEER_IPV4 || brackets) {
        *p++ = ':';
        p = octo_put_u64(p, r->port);
    }
    return octo_field_close(p, &form->text_end);
}

/* request_id, method, path, client, host; for a request that the service makes: context, and peer at the end. end: of
 * the line. */
static char *put_request(char *p, const struct octo_encoder *e, const struct octo_record *r, char *end, bool made)
{
    const struct octo_form *form = e->form;
    const char *id = r->text, *method = id + r->id_len, *host = method + r->method_len;
    struct octo_target target = octo_target_split(host + r->host_len, r->target_len);
    struct octo_span authority = octo_target_host(host, r->host_len);

    if (authority.len == 0)
        authority = target.authority;
    if (authority.len > 255)
        authority.len = 255;
    if (r->id_len > 0 && r->id_len <= ID_MAX)
        p = octo_field_short(p, form, OCTO_KEY_REQUEST_ID, id, r->id_len);
    if (r->trace[0] | r->trace[1])
        p = octo_field_trace(p, form, r->trace, r->span);
    if (r->flags & (OCTO_RECORD_CERTAIN | OCTO_RECORD_INFERRED))
        p = octo_field_word(p, form, OCTO_KEY_CONTEXT, r->flags & OCTO_RECORD_CERTAIN ? "certain" : "inferred");
    if (r->method_len > 0) {
        p = octo_field_short(p, form, OCTO_KEY_METHOD, method, r->method_len);
        p = octo_field_long(p, form, OCTO_KEY_PATH, OCTO_KEY_PATH_TRUNCATED, end - authority.len * OCTO_ESCAPE_MAX,
                            target.path, true, (r->flags & OCTO_RECORD_TARGET_CUT) != 0 && !target.path_whole);
    }
    if (!made && r->kind != OCTO_EV_REQUEST_SLOW)
        p = put_peer(p, form, OCTO_KEY_CLIENT, r);
    if (authority.len != 0)
        p = octo_field_short(p, form, OCTO_KEY_HOST, authority.at, authority.len);
    return made ? put_asked(p, form, r, host + r->host_len + r->target_len) : p;
}

static char *put_result(char *p, const struct octo_form *form, const struct octo_record *r)
{
    bool has_status = (r->flags & OCTO_RECORD_HAS_STATUS) != 0;

    if (has_status)
        p = octo_field_number(p, form, OCTO_KEY_STATUS_CODE, r->status);
    p = octo_field_ms(p, form, OCTO_KEY_DURATION_MS, r->duration_ns);
    if (has_status)
        p = octo_field_ms(p, form, OCTO_KEY_TTFB_MS, r->ttfb_ns);
    p = octo_field_number(p, form, OCTO_KEY_BYTES_IN, r->bytes_in);
    p = octo_field_number(p, form, OCTO_KEY_BYTES_OUT, r->bytes_out);
    if ((r->flags & OCTO_RECORD_SLOW) != 0)
        p = octo_field_true(p, form, OCTO_KEY_SLOW);
    if ((r->flags & OCTO_RECORD_KILLED) != 0)
        p = octo_field_true(p, form, OCTO_KEY_KILLED);
    return p;
}

/* "name": 1.234, in an object that has begun */
static char *put_part(char *p, const char *name, uint64_t ns)
{
    p = OCTO_PUT(octo_put_bytes(OCTO_PUT(p, ", \""), name, strlen(name)), "_ms\": ");
    return octo_put_ms(p, ns);
}

/* In both forms an object of JSON: structlog's console has the like. */
static char *put_calls(char *p, const struct octo_form *form, const struct octo_held_facts *facts)
{
    static const struct {
        const char *name;
        enum octo_seat_class class;
    } parts[] = {{"wait", OCTO_SEAT_WAIT}, {"file", OCTO_SEAT_FILE}, {"net", OCTO_SEAT_NET}};
    uint64_t total_ns = 0;
    const char *name;

    for (unsigned i = 0; i < OCTO_SEAT_CLASSES; i++)
        total_ns += facts->class_ns[i];
    p = OCTO_PUT(octo_field_key(p, form, OCTO_KEY_SYSCALLS), "{\"count\": ");
    p = put_part(octo_put_u64(p, facts->calls), "total", total_ns);
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
        p = put_part(p, parts[i].name, facts->class_ns[parts[i].class]);
    if (facts->calls_run_queue_ns != OCTO_NS_UNKNOWN)
        p = put_part(p, "run_queue", facts->calls_run_queue_ns);
    p = OCTO_PUT(p, ", \"top\": [");
    for (unsigned i = 0; i < OCTO_TOP_CALLS && facts->top[i].count != 0; i++) {
        p = i != 0 ? OCTO_PUT(p, ", {\"syscall\": \"") : OCTO_PUT(p, "{\"syscall\": \"");
        name = octo_call_name_of(facts->top[i].nr);
        p = name ? octo_put_bytes(p, name, strlen(name)) : octo_put_u64(OCTO_PUT(p, "syscall_"), facts->top[i].nr);
        p = octo_put_u64(OCTO_PUT(p, "\", \"count\": "), facts->top[i].count);
        p = OCTO_PUT(octo_put_ms(OCTO_PUT(p, ", \"ms\": "), facts->top[i].ns), "}");
    }
    return octo_field_close(OCTO_PUT(p, "]}"), &form->number_end);
}

/* What is behind the texts of a request that was measured. end: as for the path. A method of 255 bytes that are all escaped, as a damaged
 * record may have, leaves no room. */
static char *put_held(char *p, const struct octo_form *form, const struct octo_record *r, const char *end)
{
    const char *at = octo_record_behind(r);
    struct octo_held_facts facts;

    if (!(r->flags & OCTO_RECORD_HELD) || (uint64_t)(at - (const char *)r) + sizeof(facts) > r->size ||
        p + HELD_MAX + AFTER_HELD_MAX > end + AFTER_PATH_MAX)
        return p;
    memcpy(&facts, at, sizeof(facts));
    if (facts.cpu_ns != OCTO_NS_UNKNOWN)
        p = octo_field_ms(p, form, OCTO_KEY_CPU_MS, facts.cpu_ns);
    if (facts.run_queue_ns != OCTO_NS_UNKNOWN)
        p = octo_field_ms(p, form, OCTO_KEY_RUN_QUEUE_MS, facts.run_queue_ns);
    return facts.calls != 0 ? put_calls(p, form, &facts) : p;
}

/* How old the request is, and where its thread is. */
static char *put_stuck(char *p, const struct octo_form *form, const struct octo_record *r)
{
    const char *call = r->status != 0 ? octo_call_name_of(r->status - 1u) : NULL;

    p = octo_field_ms(p, form, OCTO_KEY_DURATION_MS, r->duration_ns);
    if (call)
        p = octo_field_word(p, form, OCTO_KEY_SYSCALL, call);
    return r->tid != 0 ? octo_field_number(p, form, OCTO_KEY_THREAD_ID, r->tid) : p;
}

static char *put_failure(char *p, const struct octo_form *form, const struct octo_record *r)
{
    p = octo_field_word(p, form, OCTO_KEY_ERROR, octo_failure_text(r->reason));
    return octo_field_word(p, form, OCTO_KEY_ERROR_CODE, octo_failure_code(r->reason));
}

/* A name of a provider or model, in at most `most` bytes: it is cut only where nearly all of it has to be escaped. */
static char *put_name(char *p, const struct octo_form *form, enum octo_key key, const char *name, size_t n,
                      size_t most)
{
    bool cut = false;

    p = octo_field_key(p, form, key);
    return octo_field_close(octo_put_text(p, p + most, name, n, &cut), &form->text_end);
}

/* What is behind the texts of a call of a language model. */
static char *put_call(char *p, const struct octo_form *form, const struct octo_record *r)
{
    const char *at = octo_record_behind(r);
    struct octo_llm_facts facts;

    memcpy(&facts, at, sizeof(facts));
    at += sizeof(facts);
    p = put_name(p, form, OCTO_KEY_PROVIDER, at, facts.provider_len, PROVIDER_ROOM);
    at += facts.provider_len;
    if (facts.model_len > 0)
        p = put_name(p, form, OCTO_KEY_MODEL, at, facts.model_len, MODEL_ROOM);
    at += facts.model_len;
    if (facts.answer_model_len > 0)
        p = put_name(p, form, OCTO_KEY_ANSWER_MODEL, at, facts.answer_model_len, MODEL_ROOM);
    p = octo_field_word(p, form, OCTO_KEY_OPERATION, octo_llm_operation_name(facts.operation));
    p = octo_field_key(p, form, OCTO_KEY_STREAMING);
    p = octo_field_close(facts.streams ? OCTO_PUT(p, "true") : OCTO_PUT(p, "false"), &form->number_end);
    if (facts.first_token_ns != 0)
        p = octo_field_ms(p, form, OCTO_KEY_FIRST_TOKEN_MS, facts.first_token_ns);
    if (facts.input_tokens != OCTO_TOKENS_UNKNOWN)
        p = octo_field_number(p, form, OCTO_KEY_INPUT_TOKENS, facts.input_tokens);
    if (facts.output_tokens != OCTO_TOKENS_UNKNOWN)
        p = octo_field_number(p, form, OCTO_KEY_OUTPUT_TOKENS, facts.output_tokens);
    return p;
}

/* Why a call has failed: by its answer's status, or without one. */
static char *put_call_failure(char *p, const struct octo_form *form, const struct octo_record *r)
{
    char text[40] = "the answer's status is ";
    char *end = text + strlen(text);

    if (r->reason < OCTO_FAILURE_KINDS) {
        p = octo_field_word(p, form, OCTO_KEY_ERROR, octo_failure_text(r->reason));
    } else {
        end = octo_put_u64(end, r->status);
        p = octo_field_short(p, form, OCTO_KEY_ERROR, text, (size_t)(end - text));
    }
    return octo_field_word(p, form, OCTO_KEY_ERROR_CODE, "LLM_API_ERROR");
}

static char *put_protocol(char *p, const struct octo_form *form, const struct octo_record *r)
{
    return octo_field_word(p, form, OCTO_KEY_PROTOCOL,
                           r->protocol == 10   ? "HTTP/1.0"
                           : r->protocol == 11 ? "HTTP/1.1"
                                               : "unknown");
}

static size_t held_room(const struct octo_record *r)
{
    return r->flags & OCTO_RECORD_HELD ? HELD_MAX : 0;
}

/* ID, method and host leave room for the frames of a stack. */
static bool texts_are_short(const struct octo_record *r)
{
    return (unsigned)r->id_len + r->method_len + r->host_len <= SHORT_TEXTS;
}

/* What a line may have beside its record. */
struct more {
    const struct octo_crash *crash;
    const struct octo_line_stack *stack;
};

/* Bytes that a stack takes from the path. */
static size_t stack_room(const struct octo_record *r, const struct octo_line_stack *stack)
{
    return !stack ? 0 : texts_are_short(r) ? STACK_MAX + stack->json_bytes : STACK_MAX;
}

static char *put_stack(char *p, const struct octo_form *form, const struct octo_record *r,
                       const struct octo_line_stack *stack)
{
    return stack ? octo_field_stack(p, form, stack, texts_are_short(r) ? SIZE_MAX : 0) : p;
}

static char *put_fields(char *p, const struct octo_encoder *e, const struct octo_record *r,
                        const struct more *more, char *end)
{
    const struct octo_form *form = e->form;
    struct octo_span text = {r->text + r->id_len + r->method_len + r->host_len, r->target_len};

    switch (r->kind) {
    case OCTO_EV_REQUEST_STARTED:
        return put_request(p, e, r, end, false);
    case OCTO_EV_REQUEST_COMPLETED:
        p = put_request(p, e, r, end - held_room(r) - stack_room(r, more->stack), false);
        p = put_held(put_result(p, form, r), form, r, end);
        return put_stack(p, form, r, more->stack);
    case OCTO_EV_REQUEST_SLOW:
        p = put_request(p, e, r, end - stack_room(r, more->stack), false);
        return put_stack(put_stuck(p, form, r), form, r, more->stack);
    case OCTO_EV_CLIENT_REQUEST_STARTED:
        return put_request(p, e, r, end, true);
    case OCTO_EV_CLIENT_REQUEST_COMPLETED:
        p = put_result(put_request(p, e, r, end - stack_room(r, more->stack), true), form, r);
        return put_stack(p, form, r, more->stack);
    case OCTO_EV_CLIENT_REQUEST_FAILED:
        p = put_failure(put_result(put_request(p, e, r, end - stack_room(r, more->stack), true), form, r), form,
                        r);
        return put_stack(p, form, r, more->stack);
    case OCTO_EV_LLM_CALL_COMPLETED:
        return put_call(put_result(put_request(p, e, r, end - CALL_MAX, true), form, r), form, r);
    case OCTO_EV_LLM_CALL_FAILED:
        p = put_call(put_result(put_request(p, e, r, end - CALL_MAX, true), form, r), form, r);
        return put_call_failure(p, form, r);
    case OCTO_EV_REQUEST_ABORTED:
        p = put_held(put_result(put_request(p, e, r, end - held_room(r), false), form, r), form, r, end);
        return octo_field_word(p, form, OCTO_KEY_REASON, octo_abort_reason_name(r->reason));
    case OCTO_EV_CONNECTION_OPENED:
        return put_protocol(put_peer(p, form, OCTO_KEY_PEER, r), form, r);
    case OCTO_EV_CONNECTION_CLOSED:
        p = put_protocol(put_peer(p, form, OCTO_KEY_PEER, r), form, r);
        return octo_field_ms(p, form, OCTO_KEY_DURATION_MS, r->duration_ns);
    case OCTO_EV_SERVICE_STARTED:
        p = octo_field_long(p, form, OCTO_KEY_ARGV0, OCTO_KEY_ARGV0_TRUNCATED, end, text, false, false);
        return octo_field_word(p, form, OCTO_KEY_SHIM_VERSION, OCTO_VERSION);
    case OCTO_EV_SERVICE_CRASHED:
        return more->crash ? octo_encode_crash(p, form, more->crash, end + AFTER_PATH_MAX - END_MAX) : p;
    case OCTO_EV_SERVICE_STOPPED:
        return octo_field_number(p, form, OCTO_KEY_EXIT_CODE, r->status);
    default: /* SHIM_* */
        p = octo_field_long(p, form, OCTO_KEY_REASON, OCTO_KEY_REASON_TRUNCATED, end, text, false, false);
        return octo_field_number(p, form, OCTO_KEY_COUNT, r->count);
    }
}

/* "2025-11-10T10:30:45.123456" */
static inline char *put_stamp(char *p, struct octo_encoder *e, uint64_t real_ns)
{
    uint64_t second = real_ns / 1000000000u;

    if (second != e->second) {
        *octo_put_time(e->stamp, second) = '.';
        e->second = second;
    }
    memcpy(p, e->stamp, 20);
    return octo_put_6(p + 20, (uint32_t)(real_ns % 1000000000u) / 1000);
}

static inline char *put_identity(char *p, const struct octo_encoder *e, const struct octo_record *r)
{
    p = octo_put_bytes(p, e->identity, e->identity_len);
    return octo_field_close(octo_put_u64(p, r->pid), &e->form->number_end);
}

static size_t encode(struct octo_encoder *e, const struct octo_record *r, const struct more *more,
                     int64_t real_offset_ns, char *out)
{
    const struct octo_form *form = e->form;
    const struct octo_form_text *event = &form->event[r->kind];
    uint64_t real_ns = r->mono_ns + (uint64_t)real_offset_ns;
    char *end = out + OCTO_LINE_MAX - AFTER_PATH_MAX;
    char *p = out;

    p = octo_field_form_text(p, form->stamp_first ? &form->before_stamp : event);
    p = put_stamp(p, e, real_ns);
    p = octo_field_form_text(p, &form->level[r->level]);
    if (form->stamp_first)
        p = octo_field_form_text(p, event);
    if (form->identity_first) {
        p = put_identity(p, e, r);
        p = put_fields(p, e, r, more, end);
    } else {
        p = octo_put_bytes(p, form->logger.text, form->logger.len);
        p = put_fields(p, e, r, more, end - e->identity_len);
        p = put_identity(p, e, r);
    }
    return (size_t)(octo_field_close(p, &form->line_end) - out);
}

size_t octo_encode(struct octo_encoder *e, const struct octo_record *r, int64_t real_offset_ns, char *out)
{
    return encode(e, r, &(struct more){0}, real_offset_ns, out);
}

size_t octo_encode_stacked(struct octo_encoder *e, const struct octo_record *r,
                           const struct octo_line_stack *stack, int64_t real_offset_ns, char *out)
{
    return encode(e, r, &(struct more){.stack = stack}, real_offset_ns, out);
}

size_t octo_encode_death(struct octo_encoder *e, const struct octo_crash *crash, int64_t real_offset_ns, char *out)
{
    const struct octo_record r = {
        .kind = OCTO_EV_SERVICE_CRASHED, .level = OCTO_CRITICAL, .mono_ns = crash->mono_ns, .pid = crash->pid};

    return encode(e, &r, &(struct more){.crash = crash}, real_offset_ns, out);
}

void octo_encoder_init(struct octo_encoder *e, bool json, const char *service, const char *environment,
                       const char *version)
{
    const char *const names[3] = {service, environment, version};
    const enum octo_key keys[3] = {OCTO_KEY_SERVICE, OCTO_KEY_ENVIRONMENT, OCTO_KEY_VERSION};
    char *p = e->identity;

    e->form = json ? &octo_form_json : &octo_form_console;
    e->second = 0;
    *octo_put_time(e->stamp, 0) = '.';
    if (e->form->identity_first)
        p = octo_put_bytes(p, e->form->logger.text, e->form->logger.len);
    for (unsigned i = 0; i < 3; i++) {
        size_t n = strlen(names[i]);

        p = octo_field_short(p, e->form, keys[i], names[i], n < 127 ? n : 127);
    }
    p = octo_field_key(p, e->form, OCTO_KEY_PID);
    e->identity_len = (uint32_t)(p - e->identity);
}
