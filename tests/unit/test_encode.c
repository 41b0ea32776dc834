/* The encoder: the exact lines of every kind; hostile text; cutting; secrets; addresses; times. */
#include "encode_rig.h"

#include <time.h>

static void expect_path(const char *target, const char *wanted)
{
    json_t *object = encode(record(OCTO_EV_REQUEST_STARTED, target));

    assert_string_equal(json_string_value(json_object_get(object, "path")), wanted);
    assert_null(json_object_get(object, "path_truncated"));
    json_decref(object);
}

static void test_every_kind(void **state)
{
    struct octo_record *r = record(OCTO_EV_REQUEST_STARTED, "/a/b?c=d");

    (void)state;
    expect(r, "{\"event\": \"request.started\", " WHEN ", \"level\": \"info\", " IDENTITY
              ", \"request_id\": \"req_0123456789abcdef\", \"method\": \"GET\", \"path\": \"/a/b\", "
              "\"client\": \"10.0.200.7\", \"host\": \"shop:8080\"}\n");

    r = record(OCTO_EV_REQUEST_COMPLETED, "/a/b");
    r->status = 200;
    r->flags = OCTO_RECORD_HAS_STATUS;
    expect(r, "{\"event\": \"request.completed\", " WHEN ", \"level\": \"info\", " IDENTITY
              ", \"request_id\": \"req_0123456789abcdef\", \"method\": \"GET\", \"path\": \"/a/b\", "
              "\"client\": \"10.0.200.7\", \"host\": \"shop:8080\", \"status_code\": 200, \"duration_ms\": 1.235, "
              "\"ttfb_ms\": 0.999, \"bytes_in\": 100, \"bytes_out\": 9223372036854775807}\n");
    r->bytes_out = 0;
    r->level = OCTO_ERROR;
    r->status = 503;
    r->flags |= OCTO_RECORD_SLOW;
    expect(r, "{\"event\": \"request.completed\", " WHEN ", \"level\": \"error\", " IDENTITY
              ", \"request_id\": \"req_0123456789abcdef\", \"method\": \"GET\", \"path\": \"/a/b\", "
              "\"client\": \"10.0.200.7\", \"host\": \"shop:8080\", \"status_code\": 503, \"duration_ms\": 1.235, "
              "\"ttfb_ms\": 0.999, \"bytes_in\": 100, \"bytes_out\": 0, \"slow\": true}\n");

    r = record(OCTO_EV_REQUEST_ABORTED, "/a/b");
    r->level = OCTO_WARNING;
    r->reason = OCTO_ABORT_TIMED_OUT;
    r->bytes_out = 5;
    expect(r, "{\"event\": \"request.aborted\", " WHEN ", \"level\": \"warning\", " IDENTITY
              ", \"request_id\": \"req_0123456789abcdef\", \"method\": \"GET\", \"path\": \"/a/b\", "
              "\"client\": \"10.0.200.7\", \"host\": \"shop:8080\", \"duration_ms\": 1.235, \"bytes_in\": 100, "
              "\"bytes_out\": 5, \"reason\": \"timed_out\"}\n");
    for (unsigned reason = 0; reason < OCTO_ABORT_REASONS; reason++) {
        r->reason = (uint16_t)reason;
        r->status = 200;
        r->flags = OCTO_RECORD_HAS_STATUS;
        json_decref(encode(r));
        assert_non_null(strstr(line, octo_abort_reason_name(reason)));
    }
    assert_string_equal(octo_abort_reason_name(OCTO_ABORT_REASONS), "unknown");

    r = record(OCTO_EV_CONNECTION_OPENED, "");
    r->level = OCTO_DEBUG;
    expect(r, "{\"event\": \"connection.opened\", " WHEN ", \"level\": \"debug\", " IDENTITY
              ", \"peer\": \"10.0.200.7\", \"protocol\": \"unknown\"}\n");
    r = record(OCTO_EV_CONNECTION_CLOSED, "");
    r->level = OCTO_DEBUG;
    r->protocol = 10;
    r->family = OCTO_PEER_UNIX;
    expect(r, "{\"event\": \"connection.closed\", " WHEN ", \"level\": \"debug\", " IDENTITY
              ", \"peer\": \"unix\", \"protocol\": \"HTTP/1.0\", \"duration_ms\": 1.235}\n");

    expect(record(OCTO_EV_SERVICE_STARTED, "/usr/sbin/nginx -g"),
           "{\"event\": \"service.started\", " WHEN ", \"level\": \"info\", " IDENTITY
           ", \"argv0\": \"/usr/sbin/nginx -g\", \"shim_version\": \"" OCTO_VERSION "\"}\n");
    r = record(OCTO_EV_SERVICE_STOPPED, "");
    r->status = 143;
    expect(r,
           "{\"event\": \"service.stopped\", " WHEN ", \"level\": \"info\", " IDENTITY ", \"exit_code\": 143}\n");

    r = record(OCTO_EV_SHIM_DEGRADED, "header");
    r->level = OCTO_WARNING;
    expect(r, "{\"event\": \"shim.degraded\", " WHEN ", \"level\": \"warning\", " IDENTITY
              ", \"reason\": \"header\", \"count\": 9}\n");
    r->kind = OCTO_EV_SHIM_EVENTS_DROPPED;
    json_decref(encode(r));
    r->kind = OCTO_EV_SHIM_SINK_FAILED;
    r->level = OCTO_CRITICAL;
    octo_encode(&json, r, OFFSET_NS, line);
    assert_non_null(strstr(line, "\"level\": \"critical\""));
}

static void test_console(void **state)
{
    struct octo_record *r = record(OCTO_EV_REQUEST_COMPLETED, "/a\x1b[2J");
    size_t n;

    (void)state;
    r->status = 404;
    r->flags = OCTO_RECORD_HAS_STATUS;
    r->bytes_out = 7;
    n = octo_encode(&console, r, OFFSET_NS, line);
    line[n] = 0;
    assert_string_equal(
        line,
        "\x1b[2m2025-11-10T10:30:45.123456Z\x1b[0m [\x1b[32m\x1b[1minfo     \x1b[0m] "
        "\x1b[1mrequest.completed             \x1b[0m [\x1b[34m\x1b[1moctoshim\x1b[0m] "
        "\x1b[36mrequest_id\x1b[0m=\x1b[35mreq_0123456789abcdef\x1b[0m \x1b[36mmethod\x1b[0m=\x1b[35mGET\x1b[0m "
        "\x1b[36mpath\x1b[0m=\x1b[35m/a\\u001b[2J\x1b[0m \x1b[36mclient\x1b[0m=\x1b[35m10.0.200.7\x1b[0m "
        "\x1b[36mhost\x1b[0m=\x1b[35mshop:8080\x1b[0m \x1b[36mstatus_code\x1b[0m=\x1b[35m404\x1b[0m "
        "\x1b[36mduration_ms\x1b[0m=\x1b[35m1.235\x1b[0m \x1b[36mttfb_ms\x1b[0m=\x1b[35m0.999\x1b[0m "
        "\x1b[36mbytes_in\x1b[0m=\x1b[35m100\x1b[0m \x1b[36mbytes_out\x1b[0m=\x1b[35m7\x1b[0m "
        "\x1b[36mservice\x1b[0m=\x1b[35morders\x1b[0m \x1b[36menvironment\x1b[0m=\x1b[35mtest\x1b[0m "
        "\x1b[36mversion\x1b[0m=\x1b[35m1.2\x1b[0m \x1b[36mpid\x1b[0m=\x1b[35m42\x1b[0m\n");
}

static void test_path_forms(void **state)
{
    json_t *object;

    (void)state;
    expect_path("/", "/");
    expect_path("/?q", "/");
    expect_path("?q", "/");
    expect_path("", "/");
    expect_path("/a#b?c", "/a");
    expect_path("/a?b#c", "/a");
    expect_path("*", "*");
    expect_path("http://user:pw@shop.test:81/x?y=pw", "/x");
    expect_path("http://shop.test", "/");
    expect_path("HTTP://shop.test?pw", "/");
    expect_path("user:pw@shop.test:443", "shop.test:443");
    expect_path("a@b@shop.test:443", "shop.test:443");
    expect_path("@", "/");
    expect_path("http://", "/");
    expect_path("/a//b/http://c", "/a//b/http://c");
    assert_null(strstr(line, "pw"));

    /* The authority serves where there is no Host; user information never. */
    object = encode(record_n(OCTO_EV_REQUEST_STARTED, "i", 1, "GET", 3, "", 0, "http://u:p@h:1/x", 16));
    assert_string_equal(json_string_value(json_object_get(object, "host")), "h:1");
    json_decref(object);
    object = encode(record_n(OCTO_EV_REQUEST_STARTED, "i", 1, "GET", 3, "u:p@real", 8, "http://h:1/x", 12));
    assert_string_equal(json_string_value(json_object_get(object, "host")), "real");
    json_decref(object);
    object = encode(record_n(OCTO_EV_REQUEST_STARTED, "i", 1, "GET", 3, "", 0, "/x", 2));
    assert_null(json_object_get(object, "host"));
    json_decref(object);
}

static void test_secrets_in_paths(void **state)
{
    (void)state;
    expect_path("/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl/x", "/t/REDACTED/x");
    expect_path("/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.", "/t/REDACTED");
    expect_path("/t/eyJhbGciOiJIUzI1NiJ9-without-dots", "/t/eyJhbGciOiJIUzI1NiJ9-without-dots");
    expect_path("/sk-abcdefghijklmnop1234", "/REDACTED");
    expect_path("/sk-proj-abc_DEF-123456789012/sk-abcdefghijklmnop1234", "/REDACTED/REDACTED");
    expect_path("/sk-short", "/sk-short");
    expect_path("/risk-abcdefghijklmnop1234", "/risk-abcdefghijklmnop1234");
    expect_path("/ghp_abcdefghijklmnopqrstuvwxyz0123456789", "/REDACTED");
    expect_path("/github_pat_abcdefghijklmnopqrst", "/REDACTED");
    expect_path("/AKIAIOSFODNN7EXAMPLE/b", "/REDACTED/b");
    expect_path("/AKIAIOSFODNN7EXAMPLe", "/AKIAIOSFODNN7EXAMPLe");
    expect_path("/a;token=ghp_abcdefghijklmnopqrstuvwxyz0123456789,b", "/a;token=REDACTED,b");
    expect_path("/a%2Fsk-abcdefghijklmnop1234%2Fb", "/a%2FREDACTED%2Fb");
    expect_path("/%", "/%");
    expect_path("/abcdefghijklmnopqrstuvwxyz%4", "/abcdefghijklmnopqrstuvwxyz%4");
}

static void test_every_byte_alone_and_in_a_crowd(void **state)
{
    char target[64];

    (void)state;
    for (unsigned b = 1; b < 256; b++)
        for (unsigned at = 1; at < 40; at++) {
            char wanted[8] = {(char)b, 0};
            json_t *object;
            const char *path;

            if (b == '?' || b == '#')
                continue;
            memset(target, 'x', 40);
            target[0] = '/';
            target[at] = (char)b;
            if (b >= 0x80)
                memcpy(wanted, "\xef\xbf\xbd", 4); /* U+FFFD */
            object = encode(record_n(OCTO_EV_REQUEST_STARTED, "i", 1, "GET", 3, "h", 1, target, 40));
            path = json_string_value(json_object_get(object, "path"));
            assert_memory_equal(path, target, at);
            assert_memory_equal(path + at, wanted, strlen(wanted));
            assert_memory_equal(path + at + strlen(wanted), target + at + 1, 39 - at);
            json_decref(object);
        }
    /* NUL, too. */
    json_decref(encode(record_n(OCTO_EV_REQUEST_STARTED, "i", 1, "GET", 3, "h", 1, "/a\0b", 4)));
    assert_non_null(strstr(line, "\"path\": \"/a\\u0000b\""));
}

static void test_escapes(void **state)
{
    static const struct {
        const char *text, *escaped;
    } cases[] = {
        {"\"\\/\b\f\n\r\t", "\\\"\\\\/\\b\\f\\n\\r\\t"},
        {"\x1f\x7f", "\\u001f\\u007f"},
        {"\xc2\x80\xc2\x9f", "\\u0080\\u009f"}, /* C1 */
        {"\xc3\xa9\xe2\x82\xac\xe2\x80\xa8", "\\u00e9\\u20ac\\u2028"},
        {"\xf0\x9f\x98\x80", "\\ud83d\\ude00"}, /* surrogate pair */
        {"\xf4\x8f\xbf\xbf", "\\udbff\\udfff"}, /* U+10FFFF */
        {"\xc0\xaf", "\\ufffd\\ufffd"},         /* overlong */
        {"\xe0\x80\xaf", "\\ufffd\\ufffd\\ufffd"},
        {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},            /* a surrogate */
        {"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"}, /* beyond Unicode */
        {"\xe2\x82", "\\ufffd"},                              /* cut short: one for the whole prefix */
        {"\xe2\x82z", "\\ufffdz"},
        {"\xf0\x9f\x98", "\\ufffd"},
        {"\xf0\x9f\x98\xf0\x9f\x98\x80", "\\ufffd\\ud83d\\ude00"},
        {"\xff\xfe", "\\ufffd\\ufffd"},
        {"a\r\nX-Evil: 1", "a\\r\\nX-Evil: 1"},
        {"\"}{\"", "\\\"}{\\\""},
    };
    char out[200];

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool cut = false;
        char *end = octo_put_text(out, out + sizeof out, cases[i].text, strlen(cases[i].text), &cut);

        *end = 0;
        assert_string_equal(out, cases[i].escaped);
        assert_false(cut);
        /* Every end: whole escapes only, never beyond, the cut is said. */
        for (size_t room = 0; room < strlen(cases[i].escaped); room++) {
            char *guarded = guard_end(room);

            cut = false;
            end = octo_put_text(guarded, guarded + room, cases[i].text, strlen(cases[i].text), &cut);
            assert_true(cut);
            assert_memory_equal(guarded, cases[i].escaped, (size_t)(end - guarded));
        }
    }
}

static void test_text_is_not_read_beyond_its_end(void **state)
{
    (void)state;
    for (size_t n = 0; n < 70; n++) {
        char *text = guard_end(n);
        char out[500];
        bool cut = false;

        memset(text, n % 3 ? 'a' : 0xe2, n);
        octo_put_text(out, out + sizeof out, text, n, &cut);
        assert_false(cut);
        memset(text, 'e', n);
        octo_target_put(out, out + sizeof out, (struct octo_span){text, n}, &cut);
        octo_target_split(text, n);
    }
}

static void test_long_lines_are_cut_and_marked(void **state)
{
    const struct octo_held_facts most = {
        .cpu_ns = INT64_MAX,
        .run_queue_ns = INT64_MAX,
        .calls = INT64_MAX,
        .class_ns = {INT64_MAX / 4, INT64_MAX / 4, INT64_MAX / 4, INT64_MAX / 4},
        .calls_run_queue_ns = INT64_MAX,
        .top = {{450, UINT32_MAX, INT64_MAX}, {450, UINT32_MAX, INT64_MAX}, {450, UINT32_MAX, INT64_MAX}}};
    static char names[128], target[60000];
    struct octo_encoder wide;
    json_t *object;

    (void)state;
    memset(target, 0xff, sizeof target);
    target[0] = '/';
    object = encode(record_n(OCTO_EV_REQUEST_STARTED, "i", 1, "GET", 3, "h", 1, target, sizeof target));
    assert_true(json_is_true(json_object_get(object, "path_truncated")));
    assert_true(json_string_length(json_object_get(object, "path")) > 3000);
    json_decref(object);
    memset(target + 1, 'a', sizeof target - 1);
    object = encode(record_n(OCTO_EV_REQUEST_STARTED, "i", 1, "GET", 3, "h", 1, target, sizeof target));
    assert_true(json_is_true(json_object_get(object, "path_truncated")));
    assert_true(json_string_length(json_object_get(object, "path")) > 6000);
    json_decref(object);
    object = encode(record_n(OCTO_EV_SERVICE_STARTED, "", 0, "", 0, "", 0, target, sizeof target));
    assert_true(json_is_true(json_object_get(object, "argv0_truncated")));
    json_decref(object);
    struct octo_record *r = record_n(OCTO_EV_SHIM_SINK_FAILED, "", 0, "", 0, "", 0, target, sizeof target);

    r->level = OCTO_ERROR;
    json_decref(encode(r));
    assert_non_null(strstr(line, "\"reason_truncated\": true"));

    /* Cut by the producer: marked, unless the query began before the cut. */
    r = record(OCTO_EV_REQUEST_STARTED, "/abc");
    r->flags = OCTO_RECORD_TARGET_CUT;
    object = encode(r);
    assert_true(json_is_true(json_object_get(object, "path_truncated")));
    json_decref(object);
    r = record(OCTO_EV_REQUEST_STARTED, "/abc?long");
    r->flags = OCTO_RECORD_TARGET_CUT;
    object = encode(r);
    assert_null(json_object_get(object, "path_truncated"));
    json_decref(object);

    r = record(OCTO_EV_REQUEST_STARTED, "/a/sk-abcdefghijklmnop1234/b");
    r->flags = OCTO_RECORD_TARGET_CUT;
    object = encode(r);
    assert_string_equal(json_string_value(json_object_get(object, "path")), "/a/REDACTED/b");
    json_decref(object);

    /* The worst of everything, in both forms. */
    memset(names, 1, 127);
    memset(target, 1, sizeof target);
    for (unsigned round = 0; round < 4; round++) {
        bool held = round >= 2;
        unsigned form = round % 2;
        char worst[255];
        char *room = guard_end(OCTO_LINE_ROOM);
        size_t n;

        memset(worst, 1, sizeof worst);
        octo_encoder_init(&wide, form == 0, names, names, names);
        r = held ? held_record(OCTO_EV_REQUEST_ABORTED, worst, 128, "POST", 4, worst, 255, target, sizeof target,
                               &most)
                 : record_n(OCTO_EV_REQUEST_ABORTED, worst, 128, worst, 255, worst, 255, target, sizeof target);
        r->level = OCTO_CRITICAL;
        r->family = OCTO_PEER_IPV6;
        memset(r->peer, 0xff, 16);
        r->flags = held ? 0xff : 0xff & ~OCTO_RECORD_HELD;
        r->status = 65535;
        r->duration_ns = r->ttfb_ns = r->bytes_in = INT64_MAX;
        r->pid = UINT32_MAX;
        n = octo_encode(&wide, r, OFFSET_NS, room);
        assert_true(n <= OCTO_LINE_MAX && n > 6000);
        assert_int_equal(room[n - 1], '\n');
        if (form == 0) {
            object = json_loadb(room, n, 0, NULL);
            assert_non_null(object);
            assert_int_equal(json_string_length(json_object_get(object, "host")), 255);
            assert_int_equal(json_string_length(json_object_get(object, "version")), 127);
            assert_true(json_string_length(json_object_get(object, "path")) > (held ? 20 : 100));
            assert_int_equal(json_object_get(object, "syscalls") != NULL, held);
            json_decref(object);
        }
    }
}

static void test_unusable_id_is_not_printed(void **state)
{
    static char id[255];
    json_t *object;

    (void)state;
    memset(id, 'a', sizeof id);
    octo_encode(&json, record_n(OCTO_EV_REQUEST_STARTED, id, 129, "GET", 3, "h", 1, "/", 1), OFFSET_NS, line);
    assert_null(strstr(line, "request_id"));
    object = encode(record_n(OCTO_EV_REQUEST_STARTED, id, 128, "GET", 3, "h", 1, "/", 1));
    assert_int_equal(json_string_length(json_object_get(object, "request_id")), 128);
    json_decref(object);
}

static void test_addresses(void **state)
{
    static const struct {
        uint8_t address[16];
        const char *text;
    } cases[] = {
        {{0}, "::"},
        {{[15] = 1}, "::1"},
        {{0x20, 1, 0xd, 0xb8, [15] = 1}, "2001:db8::1"},
        {{0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, "2001:db8:0:1::1"}, /* longest run */
        {{0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1}, "1::1:0:0:1:1"},            /* first of equals */
        {{0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1}, "1:0:1:1:1:1:1:1"},         /* one zero stays */
        {{0xfe, 0x80}, "fe80::"},
        {{0xab, 0xcd, 0xef, 1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 1, 0x23, 0x45, 0x67, 0x89},
         "abcd:ef01:2345:6789:abcd:ef01:2345:6789"},
        {{[10] = 0xff, 0xff, 192, 0, 2, 255}, "192.0.2.255"},
        {{[0] = 0, [12] = 1, 2, 3, 4}, "::102:304"},
    };
    struct octo_record *r = record(OCTO_EV_REQUEST_STARTED, "/");

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *object;

        r->family = OCTO_PEER_IPV6;
        memcpy(r->peer, cases[i].address, 16);
        object = encode(r);
        assert_string_equal(json_string_value(json_object_get(object, "client")), cases[i].text);
        json_decref(object);
    }
    r->family = OCTO_PEER_UNKNOWN;
    json_decref(encode(r));
    assert_non_null(strstr(line, "\"client\": \"unknown\""));
}

static void test_times(void **state)
{
    char out[32], wanted[32];

    (void)state;
    for (time_t t = 0; t < 253402300800; t += 86400 * 3 + 3599) {
        struct tm tm;

        *octo_put_time(out, (uint64_t)t) = 0;
        strftime(wanted, sizeof wanted, "%Y-%m-%dT%H:%M:%S", gmtime_r(&t, &tm));
        assert_string_equal(out, wanted);
    }
    /* The cached second: forth and back. */
    struct octo_record *r = record(OCTO_EV_REQUEST_STARTED, "/");
    const uint64_t at[] = {123456789, 999999999, 1000000000, 86400000000000, 5, 0};
    const char *const stamp[] = {"10T10:30:45.123456Z", "10T10:30:45.999999Z", "10T10:30:46.000000Z",
                                 "11T10:30:45.000000Z", "10T10:30:45.000000Z", "10T10:30:45.000000Z"};

    for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++) {
        r->mono_ns = at[i];
        json_decref(encode(r));
        assert_non_null(strstr(line, stamp[i]));
    }
}

static void test_numbers(void **state)
{
    static const uint64_t values[] = {0,         1,       9,           10,          99,
                                      100,       101,     999,         1000,        12345,
                                      999999,    1000000, 4294967295u, 4294967296u, 9999999999999999999u,
                                      UINT64_MAX};
    static const struct {
        uint64_t ns;
        const char *ms;
    } times[] = {{0, "0.000"},
                 {499, "0.000"},
                 {500, "0.001"},
                 {999499, "0.999"},
                 {999500, "1.000"},
                 {1000000, "1.000"},
                 {12345678901, "12345.679"},
                 {UINT64_MAX, "18446744073709.552"}};
    char out[64], wanted[64];

    (void)state;
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        *octo_put_u64(out, values[i]) = 0;
        snprintf(wanted, sizeof wanted, "%llu", (unsigned long long)values[i]);
        assert_string_equal(out, wanted);
    }
    for (unsigned i = 0; i < sizeof times / sizeof times[0]; i++) {
        *octo_put_ms(out, times[i].ns) = 0;
        assert_string_equal(out, times[i].ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_console),
        cmocka_unit_test(test_path_forms),
        cmocka_unit_test(test_secrets_in_paths),
        cmocka_unit_test(test_every_byte_alone_and_in_a_crowd),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_text_is_not_read_beyond_its_end),
        cmocka_unit_test(test_long_lines_are_cut_and_marked),
        cmocka_unit_test(test_unusable_id_is_not_printed),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_numbers),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
