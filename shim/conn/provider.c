/* Providers of language models: see provider.h. */
#include "conn/provider.h"

#include "base/settings_table.h"
#include "base/text.h"
#include "proto/pattern.h"

#include <string.h>

enum { ROWS_MAX = 96, NAME_MAX = 32, HOST_MAX = 255 };

struct row {
    const char *host, *path, *name;
    uint8_t host_len, path_len, name_len;
};

static struct row rows[ROWS_MAX];
static unsigned row_count;

static const char built_in[] =
    "api.openai.com=openai,"
    "*.openai.azure.com/openai/deployments/{model}/*=azure.ai.openai,*.openai.azure.com=azure.ai.openai,"
    "*.services.ai.azure.com=azure.ai.inference,*.models.ai.azure.com=azure.ai.inference,"
    "api.anthropic.com=anthropic,"
    "generativelanguage.googleapis.com/{version}/models/{model}=gcp.gemini,"
    "*aiplatform.googleapis.com/{version}/projects/{p}/locations/{l}/publishers/{u}/models/{model}=gcp.vertex_ai,"
    "bedrock-runtime.*.amazonaws.com/model/{model}/*=aws.bedrock,"
    "api.mistral.ai=mistral_ai,api.cohere.com=cohere,api.cohere.ai=cohere,api.groq.com=groq,api.deepseek.com="
    "deepseek,"
    "api.perplexity.ai=perplexity,api.x.ai=x_ai,"
    "*:11434=ollama,"
    "*/v1/chat/completions=openai_compatible";

/* How a path ends; the longer first. */
static const struct {
    const char *end;
    uint8_t operation;
    bool streams;
} operations[] = {
    {"/chat/completions", OCTO_LLM_CHAT, false},
    {"/completions", OCTO_LLM_TEXT_COMPLETION, false},
    {"/responses", OCTO_LLM_CHAT, false},
    {"/messages", OCTO_LLM_CHAT, false},
    {"/embeddings", OCTO_LLM_EMBEDDINGS, false},
    {":generateContent", OCTO_LLM_GENERATE_CONTENT, false},
    {":streamGenerateContent", OCTO_LLM_GENERATE_CONTENT, true},
    {":embedContent", OCTO_LLM_EMBEDDINGS, false},
    {"/invoke", OCTO_LLM_TEXT_COMPLETION, false},
    {"/invoke-with-response-stream", OCTO_LLM_TEXT_COMPLETION, true},
    {"/converse", OCTO_LLM_CHAT, false},
    {"/converse-stream", OCTO_LLM_CHAT, true},
    {"/chat", OCTO_LLM_CHAT, false},
    {"/generate", OCTO_LLM_TEXT_COMPLETION, false},
    {"/embed", OCTO_LLM_EMBEDDINGS, false},
};

/* Takes a row apart. What is wrong, or NULL. */
static const char *read_row(struct row *row, const char *p, size_t len)
{
    const char *equals = memrchr(p, '=', len), *slash, *why;
    size_t column, where, path;

    if (!equals || equals == p)
        return "a row is host/path=provider";
    where = (size_t)(equals - p);
    row->name = equals + 1;
    row->name_len = (uint8_t)(len - where - 1);
    if (len - where - 1 == 0 || len - where - 1 > NAME_MAX ||
        strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789._-") < row->name_len)
        return "a provider is 1 to 32 of a-z 0-9 . _ -";
    slash = memchr(p, '/', where);
    path = slash ? where - (size_t)(slash - p) : 0;
    if (where - path > HOST_MAX || path > OCTO_PATTERN_MAX)
        return "it is too long";
    row->host = p;
    row->host_len = (uint8_t)(where - path);
    row->path = slash;
    row->path_len = (uint8_t)path;
    return slash && octo_pattern_check(slash, path, &column, &why) != 0 ? why : NULL;
}

static void read_rows(const char *text, void (*complain)(const char *line))
{
    for (const char *p = text, *end; *p; p = *end ? end + 1 : end) {
        const char *why;
        char line[256];
        struct octo_text t;
        size_t len;

        end = strchrnul(p, ',');
        for (; p < end && *p == ' '; p++)
            ;
        for (len = (size_t)(end - p); len > 0 && p[len - 1] == ' '; len--)
            ;
        if (len == 0)
            continue;
        why = row_count == ROWS_MAX ? "there are too many" : read_row(&rows[row_count], p, len);
        if (!why) {
            row_count++;
            continue;
        }
        octo_text_begin(&t, line, sizeof(line) - 1);
        octo_text_str(&t, "octoshim: OCTOSHIM_LLM: \"");
        octo_settings_quote(&t, p, len, 100);
        octo_text_str(&t, "\": ");
        octo_text_str(&t, why);
        octo_text_str(&t, "; left out\n");
        complain(line);
    }
}

void octo_providers_wake(const char *text, void (*complain)(const char *line))
{
    row_count = 0;
    if (octo_text_same(text, strlen(text), "off"))
        return;
    read_rows(text, complain);
    read_rows(built_in, complain);
}

/* Without its port. */
static size_t bare_len(const char *host, size_t len)
{
    const char *colon = memrchr(host, ':', len);

    return colon && (host[0] != '[' || colon[-1] == ']') ? (size_t)(colon - host) : len;
}

static bool host_matches(const struct row *row, const char *host, size_t bare)
{
    char lower[HOST_MAX + 1];
    bool port = memchr(row->host, ':', row->host_len) != NULL && row->host[0] != '[';
    size_t len = port ? strlen(host) : bare;

    if (row->host_len == 0)
        return true;
    for (size_t i = 0; i < len; i++)
        lower[i] = host[i] >= 'A' && host[i] <= 'Z' ? (char)(host[i] + ('a' - 'A')) : host[i];
    lower[len] = '\0';
    return octo_text_glob(row->host, row->host_len, lower);
}

/* Of a path with a model in it: the model, without what a colon adds (models/gemini-2.0-flash:generateContent). */
static void take_model(const struct row *row, const struct octo_capture *captures, struct octo_provider_call *call)
{
    int n = octo_pattern_name(row->path, row->path_len, "model", 5);
    const char *colon;

    if (n < 0)
        return;
    colon = memrchr(captures[n].at, ':', captures[n].len);
    call->model = captures[n].at;
    call->model_len = (uint8_t)(captures[n].len < UINT8_MAX ? captures[n].len : UINT8_MAX);
    if (colon && memcmp(row->name, "gcp.", 4) == 0 && (size_t)(colon - captures[n].at) < call->model_len)
        call->model_len = (uint8_t)(colon - captures[n].at);
}

static bool ends_with(const char *path, size_t len, const char *end)
{
    size_t n = strlen(end);

    return len >= n && memcmp(path + len - n, end, n) == 0;
}

bool octo_provider_find(const char *host, size_t host_len, const char *target, size_t target_len,
                        struct octo_provider_call *call)
{
    const char *query = memchr(target, '?', target_len);
    size_t path_len = query ? (size_t)(query - target) : target_len;
    struct octo_capture captures[OCTO_PATTERN_CAPTURES];
    char name[HOST_MAX + 1];
    unsigned o = 0;

    while (o < sizeof(operations) / sizeof(*operations) && !ends_with(target, path_len, operations[o].end))
        o++;
    if (o == sizeof(operations) / sizeof(*operations) || host_len > HOST_MAX)
        return false;
    memcpy(name, host, host_len);
    name[host_len] = '\0';
    for (unsigned i = 0; i < row_count; i++) {
        if (!host_matches(&rows[i], name, bare_len(name, host_len)) ||
            (rows[i].path && !octo_pattern_match(rows[i].path, rows[i].path_len, target, target_len, captures)))
            continue;
        *call = (struct octo_provider_call){.provider = rows[i].name,
                                            .provider_len = rows[i].name_len,
                                            .operation = operations[o].operation,
                                            .streams = operations[o].streams};
        if (rows[i].path)
            take_model(&rows[i], captures, call);
        return true;
    }
    return false;
}
