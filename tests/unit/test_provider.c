/* Which provider a request is for: the built-in rows, rows of the user's, and what is wrong with rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conn/provider.h"

static char complaints[4096];

static void complain(const char *line)
{
    strcat(complaints, line);
}

static void rows(const char *text)
{
    complaints[0] = '\0';
    octo_providers_wake(text, complain);
}

/* "provider operation model", or "" if it is no call. */
static const char *found(const char *host, const char *target)
{
    static const char *const operations[] = {"chat", "text", "generate", "embed"};
    static char text[400];
    struct octo_provider_call call;
    char *own_host = malloc(strlen(host)),
         *own_target = malloc(strlen(target)); /* without a NUL, for the sanitizer */
    bool is;

    memcpy(own_host, host, strlen(host));
    memcpy(own_target, target, strlen(target));
    is = octo_provider_find(own_host, strlen(host), own_target, strlen(target), &call);
    text[0] = '\0';
    if (is)
        snprintf(text, sizeof text, "%.*s %s%s %.*s", call.provider_len, call.provider, operations[call.operation],
                 call.streams ? "*" : "", call.model_len, call.model_len ? call.model : "");
    free(own_host);
    free(own_target);
    return text;
}

static void built_in(void **state)
{
    (void)state;
    rows("");
    assert_string_equal(complaints, "");
    assert_string_equal(found("api.openai.com", "/v1/chat/completions"), "openai chat ");
    assert_string_equal(found("API.OPENAI.COM:443", "/v1/completions?x=/chat"), "openai text ");
    assert_string_equal(found("api.openai.com", "/v1/models"), "");
    assert_string_equal(found("api.openai.com.evil.net", "/v1/embeddings"), "");
    assert_string_equal(found("x.openai.azure.com", "/openai/deployments/d/chat/completions?api-version=1"),
                        "azure.ai.openai chat d");
    assert_string_equal(found("x.openai.azure.com", "/openai/v1/responses"), "azure.ai.openai chat ");
    assert_string_equal(
        found("generativelanguage.googleapis.com", "/v1beta/models/g-2.0:streamGenerateContent?alt=sse"),
        "gcp.gemini generate* g-2.0");
    assert_string_equal(
        found("aiplatform.googleapis.com", "/v1/projects/p/locations/l/publishers/google/models/g:embedContent"),
        "gcp.vertex_ai embed g");
    assert_string_equal(found("bedrock-runtime.us-east-1.amazonaws.com", "/model/a.b-v1:0/converse-stream"),
                        "aws.bedrock chat* a.b-v1:0");
    assert_string_equal(found("bedrock.us-east-1.amazonaws.com", "/model/a/converse"), "");
    assert_string_equal(found("127.0.0.1:11434", "/api/generate"), "ollama text ");
    assert_string_equal(found("[::1]:11434", "/api/embed"), "ollama embed ");
    assert_string_equal(found("127.0.0.1:11435", "/api/chat"), "");
    assert_string_equal(found("anything", "/v1/chat/completions"), "openai_compatible chat ");
    assert_string_equal(found("anything", "/v1/messages"), "");
    assert_string_equal(found("", "/v1/chat/completions"), "openai_compatible chat ");
    assert_string_equal(found("api.openai.com", "http://api.openai.com/v1/embeddings"), "openai embed ");
    assert_string_equal(found("x", ""), "");
}

static void own(void **state)
{
    char long_host[300];

    (void)state;
    rows(" gw:4000=mine , gw.*/a/{model}/embeddings=other,/all/chat=any,*.gw=mine");
    assert_string_equal(complaints, "");
    assert_string_equal(found("gw:4000", "/x/chat/completions"), "mine chat ");
    assert_string_equal(found("gw:4001", "/x/chat/completions"), "");
    assert_string_equal(found("gw", "/x/chat/completions"), "");
    assert_string_equal(found("GW.net:1", "/a/m/embeddings"), "other embed m");
    assert_string_equal(found("whoever", "/all/chat"), "any chat ");
    assert_string_equal(found("api.openai.com", "/all/chat"), "any chat "); /* before the built-in rows */
    assert_string_equal(found("a.gw:9", "/v1/messages"), "mine chat ");
    memset(long_host, 'a', sizeof long_host);
    long_host[299] = '\0';
    assert_string_equal(found(long_host, "/v1/chat/completions"), "");
    rows("OFF");
    assert_string_equal(found("api.openai.com", "/v1/chat/completions"), "");
}

static void wrong(void **state)
{
    static const struct {
        const char *row, *why;
    } rows_of[] = {
        {"host", "a row is host/path=provider"},
        {"=x", "a row is host/path=provider"},
        {"h=", "a provider is 1 to 32"},
        {"h=UPPER", "a provider is 1 to 32"},
        {"h=a b", "a provider is 1 to 32"},
        {"h/{model=x", ""},
        {"h//a=x", ""},
        {"h=abcdefghijklmnopqrstuvwxyz0123456", "a provider is 1 to 32"},
    };
    char many[4096] = "";

    (void)state;
    for (size_t i = 0; i < sizeof rows_of / sizeof *rows_of; i++) {
        rows(rows_of[i].row);
        assert_non_null(strstr(complaints, rows_of[i].row));
        assert_non_null(strstr(complaints, rows_of[i].why));
        assert_non_null(strstr(complaints, "; left out\n"));
        assert_string_equal(found("api.openai.com", "/v1/embeddings"), "openai embed ");
    }
    for (int i = 0; i < 100; i++)
        strcat(many, "h=x,");
    rows(many);
    assert_non_null(strstr(complaints, "there are too many"));
    assert_string_equal(found("h", "/chat"), "x chat ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in),
        cmocka_unit_test(own),
        cmocka_unit_test(wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
