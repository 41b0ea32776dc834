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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_that_are_made),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
