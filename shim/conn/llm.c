/* Calls of language models: see llm.h. */
#include "conn/llm.h"

#include "conn/process.h"
#include "conn/provider.h"
#include "conn/slab.h"
#include "conn/watch.h"
#include "proto/pick.h"
#include "proto/sse.h"

#include <string.h>

enum { BODY_MAX = 16 << 20 }; /* bytes of a body that are looked at */

/* Of the request. */
enum { ASKED_MODEL, ASKED_STREAM };
static const char *const asked_paths[] = {"model", "stream"};

/* Of an answer in one document, or in JSON lines. What a number is to the sum. */
enum role { MODEL, INPUT, MORE_INPUT, OUTPUT, MORE_OUTPUT };

struct path {
    const char *path;
    uint8_t role;
};

static const struct path answer_paths[] = {
    {"model", MODEL},
    {"usage.prompt_tokens", INPUT}, /* OpenAI and those like it */
    {"usage.completion_tokens", OUTPUT},
    {"usage.input_tokens", INPUT}, /* OpenAI's responses, Anthropic */
    {"usage.output_tokens", OUTPUT},
    {"usage.cache_creation_input_tokens", MORE_INPUT}, /* Anthropic */
    {"usage.cache_read_input_tokens", MORE_INPUT},
    {"usageMetadata.promptTokenCount", INPUT}, /* Gemini */
    {"usageMetadata.candidatesTokenCount", OUTPUT},
    {"usageMetadata.thoughtsTokenCount", MORE_OUTPUT},
    {"usage.inputTokens", INPUT}, /* Bedrock */
    {"usage.outputTokens", OUTPUT},
    {"usage.billed_units.input_tokens", INPUT}, /* Cohere */
    {"usage.billed_units.output_tokens", OUTPUT},
    {"prompt_eval_count", INPUT}, /* Ollama */
    {"eval_count", OUTPUT},
};

static const struct path event_paths[] = {
    {"model", MODEL},
    {"usage.prompt_tokens", INPUT}, /* OpenAI: the last event */
    {"usage.completion_tokens", OUTPUT},
    {"usage.input_tokens", INPUT},
    {"usage.output_tokens", OUTPUT}, /* Anthropic: message_delta, the sum so far */
    {"message.model", MODEL},        /* Anthropic: message_start */
    {"message.usage.input_tokens", INPUT},
    {"message.usage.cache_creation_input_tokens", MORE_INPUT},
    {"message.usage.cache_read_input_tokens", MORE_INPUT},
    {"response.model", MODEL}, /* OpenAI's responses: response.completed */
    {"response.usage.input_tokens", INPUT},
    {"response.usage.output_tokens", OUTPUT},
    {"usageMetadata.promptTokenCount", INPUT}, /* Gemini: each event, the sum so far */
    {"usageMetadata.candidatesTokenCount", OUTPUT},
    {"usageMetadata.thoughtsTokenCount", MORE_OUTPUT},
    {"delta.usage.tokens.output_tokens", OUTPUT}, /* Cohere: message-end */
};

enum {
    ANSWER_PATHS = sizeof(answer_paths) / sizeof(*answer_paths),
    EVENT_PATHS = sizeof(event_paths) / sizeof(*event_paths),
};
_Static_assert((int)ANSWER_PATHS <= (int)OCTO_PICK_PATHS_MAX && (int)EVENT_PATHS <= (int)OCTO_PICK_PATHS_MAX,
               "a set has room");

static struct octo_pick_set asked_set, answer_set, event_set;

/* Header fields of the answer. */
enum { CONTENT_TYPE, CONTENT_ENCODING };
static const struct octo_header_name headers[] = {{"content-type", 12}, {"content-encoding", 16}};

enum format { UNDECIDED, DOCUMENT, EVENTS, LINES, NOTHING };

struct octo_llm {
    uint32_t slab_link, handle;
    struct octo_watch *watch;
    uint64_t skip; /* bytes of the request's head that have yet to pass */
    uint64_t head_ns, now_ns, first_ns;
    int64_t input, more_input, output, more_output; /* -1: not said */
    uint8_t operation, streams, format;
    uint8_t provider_len, model_len, answer_model_len;
    const char *provider;
    char model[OCTO_LLM_MODEL_MAX], answer_model[OCTO_LLM_MODEL_MAX];
    struct octo_sse sse;
    struct octo_pick pick; /* of the present document */
    char text[3 * OCTO_PICK_VALUE_MAX];
};

static struct octo_slab calls = {.object_size = (sizeof(struct octo_llm) + 63) / 64 * 64};

static void response_data(void *arg, const uint8_t *p, size_t n);

static const struct octo_watch_plan plan = {
    .response_header = headers,
    .response_headers = sizeof(headers) / sizeof(*headers),
    .request = &asked_set,
    .response = &answer_set,
    .body_limit = BODY_MAX,
    .response_data = response_data,
};

void octo_llm_wake(void (*complain)(const char *line))
{
    for (unsigned i = 0; i < sizeof(asked_paths) / sizeof(*asked_paths); i++)
        octo_pick_set_add(&asked_set, asked_paths[i], strlen(asked_paths[i]), NULL, NULL);
    for (unsigned i = 0; i < ANSWER_PATHS; i++)
        octo_pick_set_add(&answer_set, answer_paths[i].path, strlen(answer_paths[i].path), NULL, NULL);
    for (unsigned i = 0; i < EVENT_PATHS; i++)
        octo_pick_set_add(&event_set, event_paths[i].path, strlen(event_paths[i].path), NULL, NULL);
    octo_providers_wake(octo_service.settings.llm, complain);
}

/* ── texts ─────────────────────────────────────────────────────────────────────────────────────────── */

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static bool is_model_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("._:/@+-", c));
}

/* A model's name as it may be a label, percent-decoded; 0: it is none. */
static uint8_t name_model(char to[OCTO_LLM_MODEL_MAX], const char *text, size_t len, bool encoded)
{
    uint8_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (encoded && c == '%' && i + 2 < len && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
            c = (char)(digit(text[i + 1]) << 4 | digit(text[i + 2]));
            i += 2;
        }
        if (n == OCTO_LLM_MODEL_MAX || !is_model_char(c))
            return 0;
        to[n++] = c;
    }
    return n;
}

/* ── documents ─────────────────────────────────────────────────────────────────────────────────────── */

static void take_number(struct octo_llm *c, uint8_t role, struct octo_pick_value v)
{
    int64_t number = v.millionths / 1000000, *to = role == INPUT        ? &c->input
                                                   : role == MORE_INPUT ? &c->more_input
                                                   : role == OUTPUT     ? &c->output
                                                                        : &c->more_output;

    if (v.kind != OCTO_PICK_NUMBER || !v.exact || v.millionths < 0 || number >= UINT32_MAX)
        return;
    /* Several of one document are added (what was made for the cache, and read from it); of several documents the last counts. */
    *to = role == MORE_INPUT && *to > 0 ? *to + number : number;
}

/* What the document says; documents that say nothing change nothing. */
static void take(struct octo_llm *c, const struct path *paths, unsigned count)
{
    int64_t more_input = c->more_input;

    c->more_input = -1;
    for (unsigned i = 0; i < count; i++) {
        struct octo_pick_value v = octo_pick_get(&c->pick, i);

        if (paths[i].role != MODEL)
            take_number(c, paths[i].role, v);
        else if (v.kind == OCTO_PICK_STRING && !v.cut && c->answer_model_len == 0)
            c->answer_model_len = name_model(c->answer_model, v.text, v.len, false);
    }
    if (c->more_input < 0)
        c->more_input = more_input;
}

static void begin_document(struct octo_llm *c, const struct octo_pick_set *set)
{
    octo_pick_begin(&c->pick, set, c->text, sizeof(c->text), BODY_MAX);
}

static void document_begins(void *owner)
{
    struct octo_llm *c = owner;

    begin_document(c, c->format == EVENTS ? &event_set : &answer_set);
    if (c->first_ns == 0)
        c->first_ns = c->now_ns;
}

static void document_goes_on(void *owner, const uint8_t *p, size_t n)
{
    octo_pick_feed(&((struct octo_llm *)owner)->pick, p, n);
}

static void document_ends(void *owner)
{
    struct octo_llm *c = owner;

    octo_pick_end(&c->pick);
    take(c, c->format == EVENTS ? event_paths : answer_paths,
         c->format == EVENTS ? (unsigned)EVENT_PATHS : (unsigned)ANSWER_PATHS);
}

static const struct octo_sse_ops document_ops = {document_begins, document_goes_on, document_ends};

/* ── the answer ────────────────────────────────────────────────────────────────────────────────────── */

static bool field_begins(const struct octo_watch_side *side, unsigned field, const char *with)
{
    size_t len = strlen(with);

    if (!side->there[field] || side->value_len[field] < len)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((side->value[field][i] | 32) != (with[i] | 32))
            return false;
    return true;
}

static void decide_format(struct octo_llm *c)
{
    const struct octo_watch_side *side = &c->watch->out;

    if (side->there[CONTENT_ENCODING] && !field_begins(side, CONTENT_ENCODING, "identity"))
        c->format = NOTHING;
    else if (field_begins(side, CONTENT_TYPE, "text/event-stream"))
        c->format = EVENTS;
    else if (field_begins(side, CONTENT_TYPE, "application/x-ndjson") ||
             field_begins(side, CONTENT_TYPE, "application/jsonl"))
        c->format = LINES;
    else if (field_begins(side, CONTENT_TYPE, "application/json"))
        c->format = DOCUMENT;
    else
        c->format = NOTHING;
    c->sse.lines = c->format == LINES;
    if (c->format == DOCUMENT)
        begin_document(c, &answer_set);
    else if (c->format != NOTHING)
        c->streams = 1;
}

static void response_data(void *arg, const uint8_t *p, size_t n)
{
    struct octo_llm *c = arg;

    if (c->format == UNDECIDED)
        decide_format(c);
    if (c->format == DOCUMENT)
        octo_pick_feed(&c->pick, p, n);
    else if (c->format != NOTHING)
        octo_sse_feed(&c->sse, p, n, &document_ops, c);
}

/* ── an exchange's way ─────────────────────────────────────────────────────────────────────────────── */

static struct octo_llm *fresh(void)
{
    uint32_t handle;
    struct octo_llm *c = octo_slab_take(&calls, &handle);

    if (!c)
        return NULL;
    memset(c, 0, sizeof(*c));
    c->handle = handle;
    c->input = c->more_input = c->output = c->more_output = -1;
    octo_pick_begin(&c->pick, &answer_set, NULL, 0, 0);
    c->watch = octo_watch_new(&plan);
    if (!c->watch) {
        octo_slab_give(&calls, handle);
        return NULL;
    }
    c->watch->arg = c;
    return c;
}

void octo_llm_begin(struct octo_exchange *x, const struct octo_framer *f, uint64_t passed)
{
    struct octo_provider_call call;
    struct octo_llm *c;

    if (f->method_len != 4 || memcmp(x->text.method, "POST", 4) != 0 ||
        !octo_provider_find(x->text.host, f->host_len, x->text.target, f->target_len, &call) || !(c = fresh()))
        return;
    c->provider = call.provider;
    c->provider_len = call.provider_len;
    c->operation = call.operation;
    c->streams = call.streams;
    c->model_len = name_model(c->model, call.model, call.model_len, true);
    c->skip = f->head_bytes > passed ? f->head_bytes - passed : 0;
    c->head_ns = x->head_ns;
    octo_watch_request_body(c->watch, f, true);
    octo_watch_response_begin(c->watch, x->method, true);
    x->llm = c;
}

void octo_llm_request_bytes(struct octo_exchange *x, const uint8_t *p, uint64_t n)
{
    struct octo_llm *c = x->llm;
    uint64_t skip = c->skip < n ? c->skip : n;

    c->skip -= skip;
    if (n > skip || !p)
        octo_watch_request(c->watch, p ? p + skip : NULL, n - skip);
}

void octo_llm_response_bytes(struct octo_exchange *x, const uint8_t *p, uint64_t n, uint64_t now_ns)
{
    x->llm->now_ns = now_ns;
    octo_watch_response(x->llm->watch, p, n);
}

static uint32_t sum(int64_t number, int64_t more)
{
    int64_t all = number < 0 ? -1 : number + (more > 0 ? more : 0);

    return all < 0 || all >= OCTO_TOKENS_UNKNOWN ? OCTO_TOKENS_UNKNOWN : (uint32_t)all;
}

void octo_llm_report(struct octo_exchange *x, struct octo_llm_report *report)
{
    struct octo_llm *c = x->llm;
    const struct octo_pick *asked = &c->watch->in.pick;
    struct octo_pick_value model = octo_pick_get(asked, ASKED_MODEL), stream = octo_pick_get(asked, ASKED_STREAM);

    if (c->format == DOCUMENT) {
        octo_pick_end(&c->pick);
        take(c, answer_paths, ANSWER_PATHS);
    } else if (c->format == LINES) {
        octo_sse_end(&c->sse, &document_ops, c);
    }
    if (model.kind == OCTO_PICK_STRING && !model.cut && c->model_len == 0)
        c->model_len = name_model(c->model, model.text, model.len, false);
    if (stream.kind == OCTO_PICK_BOOL && stream.truth)
        c->streams = 1;
    if (c->model_len == 0) {
        memcpy(c->model, c->answer_model, c->answer_model_len);
        c->model_len = c->answer_model_len;
    }
    if (c->answer_model_len == c->model_len && memcmp(c->model, c->answer_model, c->model_len) == 0)
        c->answer_model_len = 0;
    *report = (struct octo_llm_report){
        .facts = {.first_token_ns = c->first_ns > c->head_ns ? c->first_ns - c->head_ns : 0,
                  .input_tokens = sum(c->input, c->more_input),
                  .output_tokens = sum(c->output, c->more_output),
                  .operation = c->operation,
                  .streams = c->streams,
                  .provider_len = c->provider_len,
                  .model_len = c->model_len,
                  .answer_model_len = c->answer_model_len},
        .provider = c->provider,
        .model = c->model,
        .answer_model = c->answer_model,
    };
}

void octo_llm_forget(struct octo_exchange *x)
{
    if (!x->llm)
        return;
    octo_watch_free(x->llm->watch);
    octo_slab_give(&calls, x->llm->handle);
    x->llm = NULL;
}
