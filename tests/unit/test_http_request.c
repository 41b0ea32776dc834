/*
 * What a scraper asks for: requests in any pieces, those that are none, and what they say they take.
 *
 * The request lies flush against a page without access, so reading past its bytes is a crash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "choices.h"
#include "export/http_request.h"
#include "guard.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { REQUESTS = 16 };

static struct octo_ask *ask;

/* What came of a stream. */
static struct {
    unsigned count;
    bool bad;
    struct seen {
        bool get, head, post, metrics, open, gzip, last;
    } request[REQUESTS];
} got;

static int make_ask(void **state)
{
    static struct guard g;

    (void)state;
    g = guard_new(sizeof(*ask));
    ask = (struct octo_ask *)(void *)(g.end - sizeof(*ask));
    return 0;
}

static void begin(void)
{
    memset(&got, 0, sizeof(got));
    octo_ask_begin(ask);
}

/* As the exposer does: a whole request is answered, then what came after it is looked at. */
static void settle(enum octo_ask_state state)
{
    while (state == OCTO_ASK_WHOLE && got.count < REQUESTS) {
        assert_true(ask->framed <= ask->used && ask->framed > 0);
        got.request[got.count++] = (struct seen){
            octo_ask_is(ask, "GET"),         octo_ask_is(ask, "HEAD"),
            octo_ask_is(ask, "POST"),        octo_ask_is_for(ask, "/metrics"),
            octo_ask_wants_openmetrics(ask), octo_ask_wants_gzip(ask),
            octo_ask_is_last(ask),
        };
        octo_ask_next(ask);
        state = octo_ask_feed(ask, 0);
    }
    got.bad = state == OCTO_ASK_BAD;
}

/* Feeds bytes[0..n), at most `step` at once, until they are used up or found bad. */
static void pour(const char *bytes, size_t n, size_t step)
{
    while (n > 0 && !got.bad) {
        size_t room, take = n < step ? n : step;
        char *at = octo_ask_room(ask, &room);

        assert_true(room >= 1 && at + room <= ask->bytes + sizeof(ask->bytes));
        take = take < room ? take : room;
        memcpy(at, bytes, take);
        settle(octo_ask_feed(ask, take));
        bytes += take;
        n -= take;
    }
}

static void one(const char *bytes, size_t n)
{
    begin();
    pour(bytes, n, SIZE_MAX);
}

/* A request for the metrics with these field lines. */
static void ask_with(const char *lines)
{
    char text[2048];
    int n = snprintf(text, sizeof(text), "GET /metrics HTTP/1.1\r\nHost: a\r\n%s\r\n", lines);

    one(text, (size_t)n);
    if (got.count != 1 || got.bad)
        fail_msg("no request: %s", text);
}

/* ── pieces ────────────────────────────────────────────────────────────────────────────────────────── */

static const char stream[] =
    "GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: application/openmetrics-text;version=1.0.0\r\n\r\n"
    "\r\nHEAD /metrics?a=b HTTP/1.1\r\nAccept-Encoding: deflate\r\nACCEPT-ENCODING: gzip\r\n\r\n"
    "POST /metrics HTTP/1.1\r\nContent-Length: 25\r\nConnection: keep-alive\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n"
    "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nAccept: */*\r\n\r\n"
    "17;ext=1\r\nAccept: application/ope\r\n00a\r\n0123456789\r\n0\r\nAccept: application/openmetrics-text\r\n\r\n"
    "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
    "GET /metrics HTTP/1.0\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n"
    "PUT /metrics HTTP/1.1\r\nConnection: TE , Close\r\n\r\n";

static const struct seen stream_seen[] = {
    {.get = true, .metrics = true, .open = true},
    {.head = true, .metrics = true, .gzip = true},
    {.post = true, .metrics = true},
    {.post = true},
    {.post = true},
    {.get = true, .metrics = true, .gzip = true, .last = true},
    {.metrics = true, .last = true},
};

static void check_stream(size_t first, size_t second)
{
    if (got.bad || got.count != COUNT(stream_seen) || ask->used != 0 ||
        memcmp(got.request, stream_seen, sizeof(stream_seen)) != 0)
        fail_msg("cut at %zu and %zu: %u requests%s", first, second, got.count, got.bad ? ", bad" : "");
}

static void test_every_split_of_a_stream(void **state)
{
    const size_t n = sizeof(stream) - 1;

    (void)state;
    for (size_t cut = 0; cut <= n; cut++) {
        begin();
        pour(stream, cut, SIZE_MAX);
        pour(stream + cut, n - cut, SIZE_MAX);
        check_stream(cut, n);
    }
    for (size_t step = 1; step < 64; step++) {
        begin();
        pour(stream, n, step);
        check_stream(step, step);
    }
}

static void test_random_splits_of_a_stream(void **state)
{
    struct choices c = {.seed = 20251110};
    const size_t n = sizeof(stream) - 1;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t most = 1 + choose(&c, 200);
        size_t first = choose(&c, (uint32_t)n);

        begin();
        for (size_t at = 0, take; at < n; at += take) {
            take = at < first ? 1 + choose(&c, most) : n - at;
            take = take < n - at ? take : n - at;
            pour(stream + at, take, SIZE_MAX);
        }
        check_stream(first, most);
    }
}

static void test_what_came_of_the_next_one_stays(void **state)
{
    (void)state;
    one("GET /a HTTP/1.1\r\n\r\nHEAD /metr", 29);
    assert_int_equal(got.count, 1);
    assert_int_equal(ask->used, 10);
    assert_memory_equal(ask->bytes, "HEAD /metr", 10);
    pour("ics HTTP/1.1\r\n\r\n", 16, 1);
    assert_int_equal(got.count, 2);
    assert_true(got.request[1].head && got.request[1].metrics && !got.request[0].metrics);
}

/* ── too large ─────────────────────────────────────────────────────────────────────────────────────── */

/* A request whose head has that many bytes; more: what follows it. Returns all its bytes. */
static size_t with_head_of(char *out, size_t head, const char *line, const char *more)
{
    int n = sprintf(out, "%s HTTP/1.1\r\nFill: ", line);

    memset(out + n, 'f', head - (size_t)n - 4);
    memcpy(out + head - 4, "\r\n\r\n", 4);
    strcpy(out + head, more);
    return head + strlen(more);
}

static void test_large_heads(void **state)
{
    static char text[4 * OCTO_ASK_HEAD_MAX];
    static const size_t steps[] = {1, 3, 1000, OCTO_ASK_HEAD_MAX - 1, SIZE_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT(steps); i++)
        for (size_t head = OCTO_ASK_HEAD_MAX - 4; head <= OCTO_ASK_HEAD_MAX + 4; head++) {
            bool fits = head <= OCTO_ASK_HEAD_MAX;
            size_t n = with_head_of(text, head, "GET /metrics", "GET /metrics HTTP/1.1\r\n\r\n");

            if (head == OCTO_ASK_HEAD_MAX + 1) /* the last LF alone is beyond: taken or not */
                continue;
            begin();
            pour(text, n, steps[i]);
            assert_int_equal(got.bad, !fits);
            assert_int_equal(got.count, fits ? 2 : 0);
            /* The second is as large as the first may be. */
            n = with_head_of(text + 18, head, "GET /metrics", "") + 18;
            memcpy(text, "GET / HTTP/1.1\r\n\r\n", 18);
            begin();
            pour(text, n, steps[i]);
            assert_int_equal(got.bad, !fits);
            assert_int_equal(got.count, fits ? 2 : 1);
        }
    /* A body finds room behind a head that left one byte of it. */
    for (size_t i = 0; i < COUNT(steps); i++) {
        size_t n = with_head_of(text, OCTO_ASK_HEAD_MAX, "POST /", "abcdefghijGET / HTTP/1.1\r\n\r\n");

        memcpy(text + 17, "Content-Length: 10\r\nF:", 22);
        begin();
        pour(text, n, steps[i]);
        assert_false(got.bad);
        assert_int_equal(got.count, 2);
    }
    /* No end of line at all. */
    memset(text, 'x', sizeof(text));
    memcpy(text, "GET /", 5);
    one(text, sizeof(text));
    assert_true(got.bad);
    assert_int_equal(ask->used, OCTO_ASK_HEAD_MAX);
}

enum { MUCH = 200000 };

static char *body_text(size_t body, bool chunked, size_t *n)
{
    static char text[MUCH + 1024];
    int head = chunked ? sprintf(text, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n", body)
                       : sprintf(text, "POST / HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", body);

    memset(text + head, 'b', body);
    *n = (size_t)head + body;
    *n += (size_t)sprintf(text + *n, "%sGET / HTTP/1.1\r\n\r\n", chunked ? "\r\n0\r\n\r\n" : "");
    return text;
}

static void test_large_bodies(void **state)
{
    static const size_t steps[] = {1, 100, 8000, SIZE_MAX};
    static const size_t sizes[] = {1, 8192, 20000, 60000, 80000, MUCH};

    (void)state;
    for (size_t i = 0; i < COUNT(steps); i++)
        for (size_t k = 0; k < COUNT(sizes); k++)
            for (unsigned chunked = 0; chunked < 2; chunked++) {
                bool fits = sizes[k] < OCTO_ASK_BODY_MAX;
                size_t n;
                const char *text = body_text(sizes[k], chunked, &n);

                begin();
                pour(text, n, steps[i]);
                assert_int_equal(got.bad, !fits);
                assert_int_equal(got.count, fits ? 2 : 0);
            }
}

/*
 * Once the blank line counted as body and a last piece did not: 65536 bytes were refused byte by byte, and 70000 taken in
 * larger pieces.
 */
static void test_the_limit_of_bodies_does_not_depend_on_the_pieces(void **state)
{
    static const size_t steps[] = {1, 100, 1000, 8000, SIZE_MAX};
    bool first = false;

    (void)state;
    for (size_t body = OCTO_ASK_BODY_MAX; body <= OCTO_ASK_BODY_MAX + 4500; body += 4464)
        for (size_t i = 0; i < COUNT(steps); i++) {
            size_t n;
            const char *text = body_text(body, false, &n);

            begin();
            pour(text, n, steps[i]);
            if (i == 0)
                first = got.bad;
            if (got.bad != first)
                fail_msg("a body of %zu: %s byte by byte, %s by %zu", body, first ? "bad" : "good",
                         got.bad ? "bad" : "good", steps[i]);
            assert_int_equal(got.bad, body > OCTO_ASK_BODY_MAX);
        }
}

/* ── malformed ─────────────────────────────────────────────────────────────────────────────────────── */

static void check_malformed(const char *text, size_t n)
{
    for (size_t cut = 0; cut <= n; cut++) {
        begin();
        pour(text, cut, SIZE_MAX);
        pour(text + cut, n - cut, SIZE_MAX);
        if (!got.bad || got.count != 0)
            fail_msg("taken for a request, cut at %zu: %s", cut, text);
    }
    if (text[0] == '\r') /* one empty line is allowed there, too */
        return;
    /* After a good one; and it stays bad. */
    one("GET / HTTP/1.1\r\n\r\n", 18);
    pour(text, n, 1);
    assert_true(got.bad && got.count == 1);
    settle(octo_ask_feed(ask, 0));
    assert_true(got.bad && got.count == 1);
}

/* Each of the texts, which | separates, after `before`. */
static void malformed(const char *before, const char *texts)
{
    char text[300];

    for (const char *end; texts != NULL; texts = *end ? end + 1 : NULL) {
        end = strchrnul(texts, '|');
        check_malformed(text, (size_t)sprintf(text, "%s%.*s", before, (int)(end - texts), texts));
    }
}

static void test_malformed(void **state)
{
    (void)state;
    malformed(
        "", "\x16\x03\x01\x02 TLS|PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n|\r\n\r\nGET / HTTP/1.1\r\n\r\n|"
            "\nGET / HTTP/1.1\r\n\r\n| GET /metrics HTTP/1.1\r\n\r\n|GET HTTP/1.1\r\n\r\n|G(T / HTTP/1.1\r\n\r\n");
    malformed("GET /metrics", "\r\n\r\n| HTTP/2.0\r\n\r\n| HTTP/1.2\r\n\r\n| http/1.1\r\n\r\n|  HTTP/1.1\r\n\r\n|"
                              " HTTP/1.1 \r\n\r\n|\t HTTP/1.1\r\n\r\n| /b HTTP/1.1\r\n\r\n| HTTP/1.1\n\n");
    malformed("GET / HTTP/1.1\r\n",
              "A: b\nC: d\r\n\r\n|A: b\rC: d\r\n\r\n|A : b\r\n\r\n|: b\r\n\r\n|A\r\n\r\n|\r\r\n|"
              "A: b\r\n c\r\n\r\n|A: b\x01\r\n\r\n|A: b\x7f\r\n\r\n|A: b\r\n\r ");
    malformed(
        "POST / HTTP/1.1\r\n",
        "Content-Length: 1\r\nContent-Length: 1\r\n\r\na|Content-Length: -1\r\n\r\n|Content-Length: 1, 1\r\n\r\na|"
        "Content-Length: 99999999999999999999\r\n\r\n|Content-Length:\r\n\r\n|Transfer-Encoding: x\r\n\r\n|"
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n|"
        "Transfer-Encoding: gzip, chunked\r\n\r\n");
    malformed("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
              "g\r\n|\r\n|1\r\nab\r\n|1\na|0\r\nbad\r\n\r\n");
    malformed("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n");
    check_malformed("GET / HTTP/1.1\r\nNul: a\0b\r\n\r\n", 28);
}

/* ── method, target ────────────────────────────────────────────────────────────────────────────────── */

static void check_metrics(const char *line, bool metrics)
{
    char text[4096];
    int n = snprintf(text, sizeof(text), "%s HTTP/1.1\r\n\r\n", line);

    for (size_t step = 1; step < 20; step += 6) {
        begin();
        pour(text, (size_t)n, step);
        if (got.count != 1 || got.request[0].metrics != metrics ||
            got.request[0].get != (strncmp(line, "GET ", 4) == 0))
            fail_msg("%s: %s", metrics ? "metrics" : "no metrics", line);
    }
}

static void test_methods_and_targets(void **state)
{
    static const char *const metrics[] = {"GET /metrics",  "GET /metrics?", "GET /metrics?name[]=up&x=/healthz",
                                          "get /metrics",  "GETS /metrics", "GE /metrics",
                                          "HEAD /metrics", "G /metrics?"};
    static const char *const other[] = {"GET /metrics/",   "GET /metricsx",  "GET /metric",      "GET /METRICS",
                                        "GET //metrics",   "GET /a/metrics", "GET /%6detrics",   "GET /?/metrics",
                                        "CONNECT host:80", "OPTIONS *",      "GET /metrics;a?b", "GET *"};
    char line[3100];

    (void)state;
    for (size_t i = 0; i < COUNT(metrics); i++)
        check_metrics(metrics[i], true);
    for (size_t i = 0; i < COUNT(other); i++)
        check_metrics(other[i], false);
    /* Longer than what is kept. */
    sprintf(line, "GET /metrics?%0*d", 3000, 1);
    check_metrics(line, true);
    sprintf(line, "%0*d /metrics", 3000, 1);
    check_metrics(line, true);
}

/* RFC 9112 3.2.2: a server MUST accept the absolute form. */
static void test_absolute_form(void **state)
{
    static const char text[] = "GET http://127.0.0.1:9464/metrics HTTP/1.1\r\nHost: 127.0.0.1:9464\r\n\r\n";

    (void)state;
    one(text, sizeof(text) - 1);
    assert_int_equal(got.count, 1);
    assert_true(got.request[0].metrics);
}

/* ── what it takes ─────────────────────────────────────────────────────────────────────────────────── */

#define OPEN "application/openmetrics-text"

static void check_open(const char *lines, bool open)
{
    ask_with(lines);
    if (got.request[0].open != open)
        fail_msg("%s for:\n%s", open ? "OpenMetrics" : "text", lines);
}

static void check_gzip(const char *lines, bool gzip)
{
    ask_with(lines);
    if (got.request[0].gzip != gzip)
        fail_msg("%s for:\n%s", gzip ? "gzip" : "no gzip", lines);
}

static void check_last(const char *lines, bool last)
{
    char text[600];

    ask_with(lines);
    if (got.request[0].last != last)
        fail_msg("%s:\n%s", last ? "last" : "not last", lines);
    one(text, (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.0\r\n%s\r\n", lines));
    assert_true(got.count == 1 && got.request[0].last);
}

/* Checks a field with each of the values, which | separates; @ is OpenMetrics' type. */
static void each(void (*check)(const char *lines, bool wanted), const char *field, const char *values, bool wanted)
{
    char line[600];
    int n;

    for (const char *p = values;; p++) {
        n = snprintf(line, sizeof(line), "%s:", field);
        for (; *p != '|' && *p != '\0'; p++)
            n += snprintf(line + n, sizeof(line) - (size_t)n, "%.*s", *p == '@' ? 99 : 1, *p == '@' ? OPEN : p);
        snprintf(line + n, sizeof(line) - (size_t)n, "\r\n");
        check(line, wanted);
        if (*p == '\0')
            return;
    }
}

#define PROTO " application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
#define OPEN_3 "@;version=1.0.0;escaping=allow-utf-8"
#define TEXT_3 "text/plain;version=1.0.0;escaping=allow-utf-8"

static void test_what_prometheus_sends(void **state)
{
    (void)state;
    /* 2.42, 3; both with native histograms */
    each(check_open, "Accept",
         " @;version=1.0.0,@;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1|"
         " " OPEN_3 ";q=0.6,@;version=0.0.1;q=0.5," TEXT_3 ";q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2|" PROTO
         ",@;version=1.0.0;q=0.8,@;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1|" PROTO
         ";q=0.7," OPEN_3 ";q=0.6,@;version=0.0.1;q=0.5," TEXT_3 ";q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         true);
    /* 2 before OpenMetrics, 3 where scrape_protocols puts text first */
    each(check_open, "Accept",
         " text/plain;version=0.0.4;q=1,*/*;q=0.1|"
         " " TEXT_3 ";q=0.6,text/plain;version=0.0.4;q=0.5," OPEN_3 ";q=0.4,*/*;q=0.3",
         false);
}

static void test_accept(void **state)
{
    (void)state;
    each(check_open, "Accept",
         "@| @| @;version=1.0.0| @;version=2.0.0,@;version=1.0.0;q=0.5| @;q=0.001| @;q=0.5,text/plain;q=0.5|"
         " text/plain;q=0.9,@| @;q=1.000| @;q=1.5,text/plain;q=1| @;q=0.1;version=1.0.0,text/plain;q=0.05| "
         ",,;q=1,@,,|"
         " @;;;q=1;| Application/OpenMetrics-Text| \t@ \t; \tversion=1.0.0\t ; q=0.7 \t, text/plain ; q=0.6 \t",
         true);
    /* Nobody asks for it, of that version, or as much as for text. */
    each(
        check_open, "Accept",
        "| | */*| text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8| application/*|"
        " application/json| @;version=0.0.1| @;version=2.0.0| @;version=1.0.00| @;version=|"
        " @;version=2.0.0,@;version=1.0.0;q=0.5,text/plain;q=0.6| @;q=0| @;q=0.0, */*| @;q=0.499,text/plain;q=0.5|"
        " @;q=0.9,text/plain| @;q=0.4,text/*;q=0.5| @;Q=0.4;VERSION=1.0.0,text/plain;q=0.5|"
        " \t@ \t; \tversion=1.0.0\t ; q=0.7 \t, text/plain ; q=0.8 \t",
        false);
    /* Nonsense. */
    each(check_open, "Accept",
         " @;q=| @;q=x| @;q=-1| @;q=10| @;q=.5| @;q=0.5x| @x| x@| application/openmetrics-tex| @ text/plain|"
         " ,,, ;;; ,;q=,\t,=;=| ;| ,",
         false);
}

static void test_fields_of_accept(void **state)
{
    (void)state;
    check_open("", false);
    check_open("ACCEPT: " OPEN "\r\n", true);
    check_open("aCCept: text/plain;q=0.5\r\naccepT: " OPEN ";q=0.6\r\n", true);
    check_open("Accept: " OPEN ";q=0.6\r\nX: y\r\nAccept: text/plain;q=0.7\r\n", false);
    check_open("Accept: text/html\r\nAccept: \r\nAccept: " OPEN "\r\n", true);
    check_open("Accept-Language: " OPEN "\r\n", false);
    check_open("X-Accept: " OPEN "\r\n", false);
    check_open("Accep: " OPEN "\r\n", false);
    check_open("X: Accept: " OPEN "\r\n", false);
}

/*
 * RFC 9110 12.5.1: the most specific range that matches a type gives its quality. What is said of everything else says
 * nothing of text/plain where that is named.
 */
static void test_the_most_specific_range_counts(void **state)
{
    (void)state;
    each(check_open, "Accept", " @;q=0.5,text/plain;q=0.1,*/*;q=0.9| @;q=0.5,text/plain;q=0,*/*", true);
}

static void test_accept_encoding(void **state)
{
    (void)state;
    each(check_gzip, "Accept-Encoding",
         " gzip| gzip, deflate, br, zstd| br;q=1.0, gzip;q=0.8, *;q=0.1| deflate,\tGZIP | x-gzip| gzip;q=0.001|"
         "gzip ; q=1",
         true);
    each(check_gzip, "Accept-Encoding", /* * allows it, and does not ask for it */
         "| identity| *| gzip;q=0| gzip;q=0.000, *| gzip;q=nonsense| gzipped| gzi| deflate;gzip", false);
    check_gzip("ACCEPT-encoding: identity\r\nAccept-Encoding: gzip\r\n", true);
    check_gzip("Accept: gzip\r\nX-Accept-Encoding: gzip\r\n", false);
    check_gzip("", false);
}

static void test_connection(void **state)
{
    (void)state;
    each(check_last, "Connection", " close| CLOSE|\tclose | keep-alive, close", true);
    each(check_last, "Connection", "| keep-alive| closed| clos| \"close\"", false);
    check_last("connection: TE\r\nCONNECTION: close\r\n", true);
    check_last("Proxy-Connection: close\r\nConnections: a, close\r\n", false);
    check_last("", false);
}

/* What one request says is not there in the next. */
static void test_requests_do_not_mix(void **state)
{
    static const char text[] = "GET /metrics HTTP/1.0\r\nAccept: " OPEN "\r\nAccept-Encoding: gzip\r\n\r\n"
                               "HEAD /m HTTP/1.1\r\n\r\n";

    (void)state;
    for (size_t step = 1; step < sizeof(text); step++) {
        begin();
        pour(text, sizeof(text) - 1, step);
        assert_int_equal(got.count, 2);
        assert_memory_equal(&got.request[0], (&(struct seen){true, false, false, true, true, true, true}),
                            sizeof(struct seen));
        assert_memory_equal(&got.request[1], (&(struct seen){.head = true}), sizeof(struct seen));
    }
}

/* Fields of a body and of trailers are not the head's. */
static void test_only_the_head_is_asked(void **state)
{
    static const char text[] = "POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "25\r\n\r\nAccept: application/openmetrics-tex\r\n0\r\n"
                               "Accept: " OPEN "\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";

    (void)state;
    for (size_t step = 1; step < sizeof(text); step++) {
        begin();
        pour(text, sizeof(text) - 1, step);
        if (got.bad || got.count != 1)
            fail_msg("by %zu", step);
        assert_memory_equal(&got.request[0], (&(struct seen){.post = true, .metrics = true}), sizeof(struct seen));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_split_of_a_stream),
                                       cmocka_unit_test(test_random_splits_of_a_stream),

                                       cmocka_unit_test(test_what_came_of_the_next_one_stays),
                                       cmocka_unit_test(test_large_heads),
                                       cmocka_unit_test(test_large_bodies),
                                       cmocka_unit_test(test_the_limit_of_bodies_does_not_depend_on_the_pieces),
                                       cmocka_unit_test(test_malformed),
                                       cmocka_unit_test(test_methods_and_targets),
                                       cmocka_unit_test(test_absolute_form),
                                       cmocka_unit_test(test_what_prometheus_sends),
                                       cmocka_unit_test(test_accept),
                                       cmocka_unit_test(test_fields_of_accept),
                                       cmocka_unit_test(test_the_most_specific_range_counts),
                                       cmocka_unit_test(test_accept_encoding),
                                       cmocka_unit_test(test_connection),
                                       cmocka_unit_test(test_requests_do_not_mix),
                                       cmocka_unit_test(test_only_the_head_is_asked)};

    return cmocka_run_group_tests(tests, make_ask, NULL);
}
