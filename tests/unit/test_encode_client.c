/* The encoder: requests that the service makes. */
#include "encode_rig.h"

static void test_requests_that_are_made(void **state)
{
    struct octo_record *r = record(OCTO_EV_CLIENT_REQUEST_STARTED, "/a/b?c=d");

    (void)state;
    r->level = OCTO_DEBUG;
    r->port = 65535;
    expect(r, "{\"event\": \"client.request.started\", " WHEN ", \"level\": \"debug\", " IDENTITY
              ", \"request_id\": \"req_0123456789abcdef\", \"method\": \"GET\", \"path\": \"/a/b\", "
              "\"host\": \"shop:8080\", \"peer\": \"10.0.200.7:65535\"}\n");

    r = record(OCTO_EV_CLIENT_REQUEST_COMPLETED, "/a/b");
    r->status = 200;
    r->flags = OCTO_RECORD_HAS_STATUS | OCTO_RECORD_CERTAIN;
    r->bytes_out = 7;
    r->trace[1] = 0xabc;
    r->span = 0x0123456789abcdef;
    r->family = OCTO_PEER_IPV6;
    memset(r->peer, 0, sizeof(r->peer));
    r->peer[15] = 1;
    r->port = 80;
    expect(r,
           "{\"event\": \"client.request.completed\", " WHEN ", \"level\": \"info\", " IDENTITY
           ", \"request_id\": \"req_0123456789abcdef\", \"trace_id\": \"00000000000000000000000000000abc\", "
           "\"span_id\": \"0123456789abcdef\", \"context\": \"certain\", \"method\": \"GET\", \"path\": \"/a/b\", "
           "\"host\": \"shop:8080\", \"peer\": \"[::1]:80\", \"status_code\": 200, \"duration_ms\": 1.235, "
           "\"ttfb_ms\": 0.999, \"bytes_in\": 100, \"bytes_out\": 7}\n");

    /* Not even a connection; the path of a Unix socket stands behind the other texts. */
    r = record_n(OCTO_EV_CLIENT_REQUEST_FAILED, "", 0, "", 0, "", 0, "/run/\"a\x01.sock", 13);
    r->target_len = 0;
    r->port = 13;
    r->family = OCTO_PEER_UNIX;
    r->flags = OCTO_RECORD_INFERRED;
    r->level = OCTO_ERROR;
    r->bytes_in = r->bytes_out = 0;
    expect(r, "{\"event\": \"client.request.failed\", " WHEN ", \"level\": \"error\", " IDENTITY
              ", \"context\": \"inferred\", \"peer\": \"unix:/run/\\\"a\\u0001.sock\", \"duration_ms\": 1.235, "
              "\"bytes_in\": 0, \"bytes_out\": 0, \"error\": \"connection refused\", \"error_code\": "
              "\"ECONNREFUSED\"}\n");
    for (unsigned failure = 0; failure < OCTO_FAILURE_KINDS; failure++) {
        r->reason = (uint16_t)failure;
        json_decref(encode(r));
        assert_non_null(strstr(line, octo_failure_text(failure)));
        assert_non_null(strstr(line, octo_failure_code(failure)));
    }
    assert_string_equal(octo_failure_code(OCTO_FAILURE_KINDS), "EIO");
    assert_string_equal(octo_failure_text(OCTO_FAILURE_KINDS), "unknown");
}

/* Facts behind the texts of a call. */
static void put_facts(struct octo_record *r, const struct octo_llm_facts *facts, const char *names)
{
    char *at = r->text + r->id_len + r->method_len + r->host_len + r->target_len;

    memcpy(at, facts, sizeof(*facts));
    memcpy(at + sizeof(*facts), names, strlen(names));
}

static void test_calls_of_models(void **state)
{
    struct octo_llm_facts facts = {.first_token_ns = 1500000,
                                   .input_tokens = 11,
                                   .output_tokens = 0,
                                   .operation = OCTO_LLM_CHAT,
                                   .streams = 1,
                                   .provider_len = 6,
                                   .model_len = 6,
                                   .answer_model_len = 7};
    struct octo_record *r = record(OCTO_EV_LLM_CALL_COMPLETED, "/v1/chat?key=secret");
    char names[3 * 255 + 1], id[128], host[255], target[2048];

    (void)state;
    r->status = 200;
    r->flags = OCTO_RECORD_HAS_STATUS;
    r->port = 80;
    put_facts(r, &facts, "openaigpt-4ogpt-4.1");
    expect(r,
           "{\"event\": \"llm.call.completed\", " WHEN ", \"level\": \"info\", " IDENTITY
           ", \"request_id\": \"req_0123456789abcdef\", \"method\": \"GET\", \"path\": \"/v1/chat\", "
           "\"host\": \"shop:8080\", \"peer\": \"10.0.200.7:80\", \"status_code\": 200, \"duration_ms\": 1.235, "
           "\"ttfb_ms\": 0.999, \"bytes_in\": 100, \"bytes_out\": 9223372036854775807, \"provider\": \"openai\", "
           "\"model\": \"gpt-4o\", \"answer_model\": \"gpt-4.1\", \"operation\": \"chat\", \"streaming\": true, "
           "\"time_to_first_token_ms\": 1.500, \"input_tokens\": 11, \"output_tokens\": 0}\n");

    r->kind = OCTO_EV_LLM_CALL_FAILED;
    r->level = OCTO_ERROR;
    r->status = 429;
    r->reason = OCTO_FAILURE_KINDS;
    facts = (struct octo_llm_facts){.input_tokens = OCTO_TOKENS_UNKNOWN,
                                    .output_tokens = OCTO_TOKENS_UNKNOWN,
                                    .operation = OCTO_LLM_EMBEDDINGS,
                                    .provider_len = 6};
    put_facts(r, &facts, "ollama");
    json_decref(encode(r));
    assert_non_null(strstr(line,
                           "\"provider\": \"ollama\", \"operation\": \"embeddings\", \"streaming\": false, "
                           "\"error\": \"the answer's status is 429\", \"error_code\": \"LLM_API_ERROR\"}\n"));
    r->reason = OCTO_FAILURE_RESET;
    json_decref(encode(r));
    assert_non_null(
        strstr(line, "\"error\": \"connection reset by the peer\", \"error_code\": \"LLM_API_ERROR\"}\n"));

    /* As long as it can be, its names as they are or all escaped: it fits. */
    for (unsigned round = 0; round < 2; round++) {
        memset(names, round == 0 ? 'm' : 1, sizeof(names));
        names[OCTO_LLM_PROVIDER_MAX + 2 * OCTO_LLM_MODEL_MAX] = '\0';
        memset(id, 1, sizeof(id));
        memset(host, 1, sizeof(host));
        memset(target, 1, sizeof(target));
        facts = (struct octo_llm_facts){.first_token_ns = UINT64_MAX,
                                        .input_tokens = OCTO_TOKENS_UNKNOWN - 1,
                                        .output_tokens = OCTO_TOKENS_UNKNOWN - 1,
                                        .provider_len = OCTO_LLM_PROVIDER_MAX,
                                        .model_len = OCTO_LLM_MODEL_MAX,
                                        .answer_model_len = OCTO_LLM_MODEL_MAX};
        r = record_n(OCTO_EV_LLM_CALL_FAILED, id, sizeof(id), "POST", 4, host, sizeof(host), target,
                     sizeof(target));
        r->status = UINT16_MAX;
        r->flags = 0xff;
        r->duration_ns = r->ttfb_ns = r->bytes_in = r->bytes_out = INT64_MAX;
        r->trace[0] = r->span = UINT64_MAX;
        r->reason = OCTO_FAILURE_CLOSED_EARLY;
        put_facts(r, &facts, names);
        size_t n = octo_encode(&json, r, OFFSET_NS, line);

        assert_in_range(n, 6000, OCTO_LINE_MAX);
        line[n] = 0;
        assert_non_null(strstr(line, "\"path_truncated\": true"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_that_are_made),
        cmocka_unit_test(test_calls_of_models),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
