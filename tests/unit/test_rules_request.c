/*
 * Rules on requests: header and body fields, path captures, gauges while a request lasts. The rules are made by hand; the
 * bytes come in every split, and leave by both ways of the writing editor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conn/conn.h"
#include "conn/measure.h"
#include "conn/process.h"
#include "conn/rules.h"
#include "event/owners.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FD = 300 };

static const struct sockaddr_in peer = {.sin_family = AF_INET};
static char dir[] = "/tmp/octo-rules-XXXXXX";
static unsigned families;

/* ── making rules ──────────────────────────────────────────────────────────────────────────────────── */

static struct octo_rule *rule(enum octo_metric_type type, enum octo_rule_value value)
{
    static const uint64_t bounds[] = {1000000000, 5000000000};
    struct octo_rule *r = &octo_rules.rule[octo_rules.count];
    char name[32];
    const struct octo_metric_plan plan = {name,
                                          "For a test.",
                                          type,
                                          value == OCTO_VALUE_DURATION ? OCTO_UNIT_NANO
                                          : value == OCTO_VALUE_NUMBER ? OCTO_UNIT_MICRO
                                                                       : OCTO_UNIT_ONE,
                                          type == OCTO_HISTOGRAM ? bounds : NULL,
                                          type == OCTO_HISTOGRAM ? 2 : 0};
    int family;

    snprintf(name, sizeof(name), "family_%u", families++);
    family = octo_metrics_family(octo_service.metrics, &plan);
    assert_true(family >= 0);
    *r = (struct octo_rule){
        .on = OCTO_ON_REQUEST, .type = (uint8_t)type, .value = (uint8_t)value, .family = (uint16_t)family};
    octo_rules.on[OCTO_ON_REQUEST] |= 1ull << octo_rules.count++;
    return r;
}

static void path(struct octo_rule *r, const char *pattern)
{
    r->pattern = pattern;
    r->pattern_len = (uint8_t)strlen(pattern);
}

static void looks(const struct octo_rule *r, enum octo_ref_kind kind)
{
    uint64_t bit = 1ull << (r - octo_rules.rule);

    octo_rules.needs_request |= kind == OCTO_REF_REQUEST ? bit : 0;
    octo_rules.needs_response |= kind == OCTO_REF_RESPONSE ? bit : 0;
    octo_rules.needs_request_head |= kind == OCTO_REF_HEADER ? bit : 0;
    octo_rules.needs_response_head |= kind == OCTO_REF_RESPONSE_HEADER ? bit : 0;
}

static struct octo_ref ref(struct octo_rule *r, enum octo_ref_kind kind, const char *text)
{
    struct octo_ref made = {.kind = (uint8_t)kind, .text = text, .len = (uint16_t)strlen(text)};

    looks(r, kind);
    if (kind == OCTO_REF_REQUEST || kind == OCTO_REF_RESPONSE)
        made.index = (uint8_t)octo_pick_set_add(
            kind == OCTO_REF_REQUEST ? &octo_rules.request : &octo_rules.response, text, strlen(text), NULL, NULL);
    else if (kind == OCTO_REF_HEADER) {
        made.index = (uint8_t)octo_rules.request_headers;
        octo_rules.request_header[octo_rules.request_headers++] =
            (struct octo_header_name){text, (uint8_t)strlen(text)};
    } else if (kind == OCTO_REF_RESPONSE_HEADER) {
        made.index = (uint8_t)octo_rules.response_headers;
        octo_rules.response_header[octo_rules.response_headers++] =
            (struct octo_header_name){text, (uint8_t)strlen(text)};
    } else if (kind == OCTO_REF_PATH) {
        made.index = (uint8_t)octo_pattern_name(r->pattern, r->pattern_len, text, strlen(text));
    }
    return made;
}

static void label(struct octo_rule *r, const char *name, enum octo_ref_kind kind, const char *text)
{
    r->label[r->labels].name = name;
    r->label[r->labels].len = (uint8_t)strlen(name);
    r->label[r->labels++].ref = ref(r, kind, text);
}

static void condition(struct octo_rule *r, enum octo_ref_kind kind, const char *text, const char *glob)
{
    r->condition[r->conditions++] = (struct octo_condition){ref(r, kind, text), glob, (uint16_t)strlen(glob)};
}

static void no_rules(void)
{
    memset(&octo_rules, 0, sizeof(octo_rules));
    octo_rules.body_limit = OCTO_RULE_BODY_USUAL;
}

/* ── passing bytes ─────────────────────────────────────────────────────────────────────────────────── */

static void in(const char *text, size_t n)
{
    struct iovec iov = {(void *)(uintptr_t)text, n};
    struct octo_conn *conn = octo_conn_enter(FD, OCTO_IN);

    assert_non_null(conn);
    octo_edit_passed(&conn->in, &octo_conn_in_ops, conn, &iov, 1, n);
    octo_conn_leave(conn, OCTO_IN);
}

static ssize_t take(struct octo_io *io, const struct iovec *iov, int cnt, enum octo_io_mode mode)
{
    ssize_t sum = 0;

    (void)io;
    (void)mode;
    for (int i = 0; i < cnt; i++)
        sum += (ssize_t)iov[i].iov_len;
    return sum > 40 ? sum - sum % 7 : sum; /* sometimes not all */
}

static void out(const char *text, size_t n, bool observed)
{
    struct octo_conn *conn = octo_conn_enter(FD, OCTO_OUT);
    struct octo_io io = {.call = take};

    assert_non_null(conn);
    for (size_t done = 0; done < n;) {
        struct iovec iov = {(void *)(uintptr_t)(text + done), n - done};

        if (observed) {
            octo_edit_passed(&conn->out, &octo_conn_out_ops, conn, &iov, 1, n);
            done = n;
        } else {
            ssize_t put = octo_edit_write(&conn->out, &octo_conn_out_ops, conn, &iov, 1, iov.iov_len, &io);

            assert_true(put > 0);
            done += (size_t)put;
        }
    }
    octo_conn_leave(conn, OCTO_OUT);
}

static void open_connection(void)
{
    octo_fd_accepted(FD, (const struct sockaddr *)&peer, sizeof(peer));
}

static void close_connection(void)
{
    octo_conn_drop(octo_fd_detach(FD));
}

static void exchange(const char *request, const char *response, size_t cut_in, size_t cut_out, bool observed)
{
    size_t n = strlen(request), k = strlen(response);

    cut_in = cut_in < n ? cut_in : n;
    cut_out = cut_out < k ? cut_out : k;
    if (cut_in)
        in(request, cut_in);
    if (cut_in < n)
        in(request + cut_in, n - cut_in);
    if (cut_out)
        out(response, cut_out, observed);
    if (cut_out < k)
        out(response + cut_out, k - cut_out, observed);
}

/* ── what was counted ──────────────────────────────────────────────────────────────────────────────── */

static uint32_t word(const struct octo_rule *r, const char *labels)
{
    int number = octo_metrics_find(octo_service.metrics, r->family, labels, strlen(labels));

    if (number < 0)
        fail_msg("no series {%s}", labels);
    return octo_metrics_at(octo_service.metrics, (unsigned)number)->word;
}

static uint64_t counted(const struct octo_rule *r, const char *labels)
{
    return octo_metrics_word(octo_service.metrics, word(r, labels));
}

static int64_t gauge(const struct octo_rule *r, const char *labels)
{
    uint32_t share = word(r, labels);
    int64_t sum = 0;

    for (unsigned i = 0; i < OCTO_OWNERS; i++)
        if (octo_service.metrics->owner[i].pid)
            sum += octo_share_of(octo_service.metrics, i, share);
    return sum;
}

/* ── tests ─────────────────────────────────────────────────────────────────────────────────────────── */

static const char post[] =
    "POST /shop/tasks?x=1 HTTP/1.1\r\nHost: a\r\nX-Source:  api \r\nTransfer-Encoding: chunked\r\n\r\n"
    "13\r\n{\"task\":{\"priority\"\r\n11;x=\"}\"\r\n:\"high\",\"n\":1.5}}\r\n0\r\nX-T: 1\r\n\r\n";
static const char answer[] = "HTTP/1.1 100 Continue\r\nX-Cache: interim\r\n\r\n"
                             "HTTP/1.1 201 Created\r\nX-Cache: HIT\r\nContent-Length: 27\r\n\r\n"
                             "{\"id\":7,\"usage\":{\"n\":2.25}}";

static void test_every_split(void **state)
{
    static const char labels[] = "priority=\"high\",source=\"api\",shop=\"shop\",id=\"7\",cache=\"HIT\",kind="
                                 "\"a\\\"b\",host=\"a\",status=\"201\"";
    struct octo_rule *r, *sum;
    uint64_t times = 0;

    (void)state;
    no_rules();
    r = rule(OCTO_COUNTER, OCTO_VALUE_ONE);
    path(r, "/{shop}/tasks");
    r->verbs = 1 << 3; /* POST */
    r->statuses = 1;
    r->status[0] = 2;
    assert_int_equal(octo_verb("POST", 4), 3);
    label(r, "priority", OCTO_REF_REQUEST, "task.priority");
    label(r, "source", OCTO_REF_HEADER, "x-source");
    label(r, "shop", OCTO_REF_PATH, "shop");
    label(r, "id", OCTO_REF_RESPONSE, "id");
    label(r, "cache", OCTO_REF_RESPONSE_HEADER, "x-cache");
    label(r, "kind", OCTO_REF_CONSTANT, "a\"b");
    sum = rule(OCTO_HISTOGRAM, OCTO_VALUE_NUMBER);
    sum->number = ref(sum, OCTO_REF_RESPONSE, "usage.n");
    label(sum, "host", OCTO_REF_HOST, "");
    label(sum, "status", OCTO_REF_STATUS, "");
    open_connection();
    for (size_t i = 0; i < sizeof(post); i++)
        for (size_t k = i % 3; k < sizeof(answer); k += 3) {
            exchange(post, answer, i, k, (i + k) % 2);
            times++;
        }
    close_connection();
    char wanted[sizeof(labels)];

    memcpy(wanted, labels, sizeof(labels));
    *strstr(wanted, ",host=") = '\0';
    assert_int_equal(counted(r, wanted), times);
    assert_int_equal(counted(sum, "host=\"a\",status=\"201\""), times * 2250000);
}

static void test_conditions(void **state)
{
    struct octo_rule *yes, *no, *missing, *status, *method, *other;

    (void)state;
    no_rules();
    yes = rule(OCTO_COUNTER, OCTO_VALUE_ONE);
    condition(yes, OCTO_REF_REQUEST, "task.priority", "h*");
    condition(yes, OCTO_REF_HEADER, "x-source", "api");
    no = rule(OCTO_COUNTER, OCTO_VALUE_ONE);
    condition(no, OCTO_REF_REQUEST, "task.priority", "low");
    missing = rule(OCTO_COUNTER, OCTO_VALUE_ONE);
    condition(missing, OCTO_REF_REQUEST, "task.colour", "*");
    status = rule(OCTO_COUNTER, OCTO_VALUE_ONE);
    status->statuses = 2;
    status->status[0] = 404;
    status->status[1] = 5;
    method = rule(OCTO_COUNTER, OCTO_VALUE_ONE);
    method->verbs = 1 << 1;
    other = rule(OCTO_COUNTER, OCTO_VALUE_ONE);
    path(other, "/tasks");
    open_connection();
    exchange(post, answer, 50, 50, false);
    close_connection();
    assert_int_equal(counted(yes, ""), 1);
    for (unsigned i = 1; i < octo_rules.count; i++)
        assert_true(octo_metrics_find(octo_service.metrics, octo_rules.rule[i].family, "", 0) < 0);
    (void)no;
    (void)missing;
    (void)method;
}

static void test_in_progress(void **state)
{
    struct octo_rule *early, *late;

    (void)state;
    no_rules();
    early = rule(OCTO_GAUGE_SHARED, OCTO_VALUE_IN_PROGRESS);
    path(early, "/{shop}/tasks");
    label(early, "shop", OCTO_REF_PATH, "shop");
    late = rule(OCTO_GAUGE_SHARED, OCTO_VALUE_IN_PROGRESS);
    label(late, "priority", OCTO_REF_REQUEST, "task.priority");
    open_connection();
    in(post, 110); /* within the body */
    assert_int_equal(gauge(early, "shop=\"shop\""), 1);
    assert_true(octo_metrics_find(octo_service.metrics, late->family, "priority=\"high\"", 15) < 0);
    in(post + 110, sizeof(post) - 1 - 110);
    assert_int_equal(gauge(late, "priority=\"high\""), 1);
    out(answer, sizeof(answer) - 1, false);
    assert_int_equal(gauge(early, "shop=\"shop\""), 0);
    assert_int_equal(gauge(late, "priority=\"high\""), 0);
    in(post, sizeof(post) - 1); /* answered by nobody */
    assert_int_equal(gauge(late, "priority=\"high\""), 1);
    close_connection();
    assert_int_equal(gauge(early, "shop=\"shop\""), 0);
    assert_int_equal(gauge(late, "priority=\"high\""), 0);
}

static void test_bad_bodies(void **state)
{
    static const char *const bodies[] = {
        "", "{", "nonsense", "{\"task\":[]}", "{\"task\":{\"priority\":{}}}", "\x1f\x8b\x08"};
    struct octo_rule *r;
    char request[256];

    (void)state;
    no_rules();
    r = rule(OCTO_COUNTER, OCTO_VALUE_ONE);
    label(r, "priority", OCTO_REF_REQUEST, "task.priority");
    open_connection();
    for (unsigned i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        snprintf(request, sizeof(request), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s",
                 strlen(bodies[i]), bodies[i]);
        exchange(request, "HTTP/1.1 204 No Content\r\n\r\n", 60, 10, false);
    }
    close_connection();
    assert_int_equal(counted(r, "priority=\"\""), sizeof(bodies) / sizeof(bodies[0]));
}

/* Only the first bytes of a body are looked at. */
static void test_body_limit(void **state)
{
    struct octo_rule *r;
    char request[1024];

    (void)state;
    no_rules();
    octo_rules.body_limit = 100;
    r = rule(OCTO_COUNTER, OCTO_VALUE_ONE);
    label(r, "v", OCTO_REF_REQUEST, "v");
    open_connection();
    for (int pad = 80; pad <= 120; pad += 40) {
        snprintf(request, sizeof(request),
                 "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%*s{\"v\":\"1\"}", pad + 9, pad, "");
        exchange(request, "HTTP/1.1 204 No Content\r\n\r\n", 60, 10, true);
    }
    close_connection();
    assert_int_equal(counted(r, "v=\"1\""), 1);
    assert_int_equal(counted(r, "v=\"\""), 1);
}

static void test_label_values_are_bounded(void **state)
{
    struct octo_rule *r;
    char request[512], wanted[128], value[200];

    (void)state;
    no_rules();
    r = rule(OCTO_COUNTER, OCTO_VALUE_ONE);
    label(r, "v", OCTO_REF_HEADER, "v");
    memset(value, 'x', 150);
    value[150] = '\0';
    open_connection();
    snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: a\r\nV: %s\r\n\r\n", value);
    exchange(request, "HTTP/1.1 204 No Content\r\n\r\n", 60, 10, true);
    snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: a\r\nV: \"a\\\xff\tb\r\n\r\n");
    exchange(request, "HTTP/1.1 204 No Content\r\n\r\n", 60, 10, true);
    for (unsigned i = 0; i < OCTO_FAMILY_SERIES + 50; i++) {
        snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: a\r\nV: %u\r\n\r\n", i);
        exchange(request, "HTTP/1.1 204 No Content\r\n\r\n", 5, 10, true);
    }
    close_connection();
    snprintf(wanted, sizeof(wanted), "v=\"%.64s\"", value);
    assert_int_equal(counted(r, wanted), 1);
    assert_int_equal(counted(r, "v=\"\\\"a\\\\??b\""), 1);
    assert_int_equal(counted(r, "v=\"__other__\""), 53);
}

static ssize_t be_killed(struct octo_io *io, const struct iovec *iov, int cnt, enum octo_io_mode mode)
{
    (void)io;
    (void)iov;
    (void)cnt;
    (void)mode;
    kill(getpid(), SIGKILL);
    return -1;
}

static bool is_gone(uint32_t pid, uint64_t since_ns)
{
    (void)since_ns;
    return kill((pid_t)pid, 0) < 0;
}

/* A child that is killed in the call which sends its response: what the client has is counted, unless it takes the response to
 * know what. */
static void test_killed_in_the_last_call(void **state)
{
    enum { KILLS = 5 };
    struct octo_rule *created, *bytes, *duration, *answered, *other;

    (void)state;
    no_rules();
    created = rule(OCTO_COUNTER, OCTO_VALUE_ONE);
    created->statuses = 1;
    created->status[0] = 2;
    label(created, "priority", OCTO_REF_REQUEST, "task.priority");
    bytes = rule(OCTO_COUNTER, OCTO_VALUE_BYTES_IN);
    duration = rule(OCTO_HISTOGRAM, OCTO_VALUE_DURATION);
    answered = rule(OCTO_COUNTER, OCTO_VALUE_ONE);
    label(answered, "id", OCTO_REF_RESPONSE, "id");
    other = rule(OCTO_COUNTER, OCTO_VALUE_ONE);
    other->statuses = 1;
    other->status[0] = 404;
    for (unsigned i = 0; i < KILLS; i++) {
        int status;
        pid_t child = fork();

        if (child == 0) {
            static const char all[] = "HTTP/1.1 201 Created\r\nContent-Length: 8\r\n\r\n{\"id\":7}";
            struct iovec iov = {(void *)(uintptr_t)all, sizeof(all) - 1};
            struct octo_io io = {.call = be_killed};
            struct octo_conn *conn;

            open_connection();
            in(post, sizeof(post) - 1);
            conn = octo_conn_enter(FD, OCTO_OUT);
            octo_edit_write(&conn->out, &octo_conn_out_ops, conn, &iov, 1, iov.iov_len, &io);
            _exit(1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
    }
    octo_owner_reap(octo_service.metrics, is_gone);
    assert_int_equal(counted(created, "priority=\"high\""), KILLS);
    assert_int_equal(counted(bytes, ""), KILLS * (sizeof(post) - 1));
    assert_int_equal(octo_metrics_word(octo_service.metrics, word(duration, "") + 1),
                     KILLS); /* all under a second */
    assert_true(octo_metrics_find(octo_service.metrics, answered->family, "id=\"7\"", 6) < 0);
    assert_true(octo_metrics_find(octo_service.metrics, other->family, "", 0) < 0);

    /* Not killed, and once more what the response is needed for. */
    open_connection();
    exchange(post, answer, 70, 30, false);
    close_connection();
    assert_int_equal(counted(created, "priority=\"high\""), KILLS + 1);
    assert_int_equal(counted(answered, "id=\"7\""), 1);
}

static int load(void **state)
{
    static char runtime_dir[64] = "OCTOSHIM_RUNTIME_DIR=", level[] = "LOG_LEVEL=CRITICAL",
                quiet[] = "OCTOSHIM_LOG=/dev/null";
    char *environment[] = {runtime_dir, level, quiet, NULL};

    (void)state;
    if (!mkdtemp(dir))
        return -1;
    strcat(runtime_dir, dir);
    octo_process_load(environment, "test_rules", "test_rules", "");
    return octo_service_wake(-1) && octo_service.metrics ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    unlink(octo_service.segment_path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_in_progress),
        cmocka_unit_test(test_bad_bodies),
        cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_label_values_are_bounded),
        cmocka_unit_test(test_killed_in_the_last_call),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
