/*
 * A scraper's connection: requests and their answers, time, the answers that connections share, and the sockets that they
 * come from.
 */
#include "scrape_rig.h"

#include "export/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>

/* ── requests and their answers ────────────────────────────────────────────────────────────────────── */

static void test_statuses(void **state)
{
    static const struct {
        const char *request, *status, *body;
    } cases[] = {
        {"GET /healthz", "200 OK", "ok\n"},
        {"GET /healthz?x=y", "200 OK", "ok\n"},
        {"GET /", "404 Not Found", "there are /metrics and /healthz\n"},
        {"GET /metrics/", "404 Not Found", NULL},
        {"POST /x", "404 Not Found", NULL},
        {"POST /metrics", "405 Method Not Allowed", "GET or HEAD\n"},
        {"DELETE /healthz", "405 Method Not Allowed", NULL},
        {"OPTIONS *", "404 Not Found", NULL},
        {"CONNECT a:1", "404 Not Found", NULL},
        {"get /metrics", "405 Method Not Allowed", NULL},
    };
    char request[200];

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client *c;

        snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: a\r\n\r\n", cases[i].request);
        next_answer(c = ask(0, request), true);
        assert_string_equal(answer.status, cases[i].status);
        assert_string_equal(answer.type, "text/plain; charset=utf-8");
        assert_true(answer.length > 0 && !answer.close && c->scrape.state == OCTO_SCRAPE_IDLE && c->n == 0);
        assert_string_equal(field("\r\nAllow: "), strncmp(cases[i].status, "405", 3) ? "" : "GET, HEAD");
        if (cases[i].body)
            assert_string_equal(body, cases[i].body);
        octo_scrape_close(&c->scrape);
        close(c->fd);
    }
}

static void test_every_kind(void **state)
{
    (void)state;
    fill(100000);
    octo_count(m, counter, 42);
    for (unsigned kind = 0; kind < OCTO_ANSWER_KINDS; kind++) {
        bool open = kind & OCTO_ANSWER_OPEN, gzip = kind & OCTO_ANSWER_GZIP;
        char request[200];

        snprintf(request, sizeof(request), "GET /metrics HTTP/1.1\r\n%s%s\r\n", open ? ACCEPT_OPEN : "",
                 gzip ? ACCEPT_GZIP : "");
        read_metrics(ask(kind, request), open, gzip);
        assert_true(answer.length > 90000);
        assert_int_equal(number("c_total", ""), 42);
        assert_int_equal(number("octoshim_processes", ""), 1);
        assert_int_equal(client[kind].scrape.state, OCTO_SCRAPE_IDLE);
    }
}

static void test_head(void **state)
{
    struct client *c = ask(0, "HEAD /healthz HTTP/1.1\r\n\r\n");

    (void)state;
    next_answer(c, false);
    assert_string_equal(answer.status, "200 OK");
    assert_true(answer.length == 3 && c->n == 0);
    give(c, "HEAD /metrics HTTP/1.1\r\n" ACCEPT_OPEN "\r\nHEAD /x HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n");
    serve(c);
    next_answer(c, false);
    assert_string_equal(answer.status, "200 OK");
    assert_string_equal(answer.type, OPEN_TYPE);
    assert_true(answer.length > 1000);
    next_answer(c, false);
    assert_string_equal(answer.status, "404 Not Found");
    next_answer(c, true);
    assert_string_equal(body, "ok\n");
    assert_int_equal(c->n, 0);
}

static const char pipeline[] =
    "GET /healthz HTTP/1.1\r\n\r\nPOST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcdeGET /metrics "
    "HTTP/1.1\r\n\r\n"
    "HEAD /healthz HTTP/1.1\r\n\r\nGET /metrics HTTP/1.1\r\n" ACCEPT_OPEN ACCEPT_GZIP "\r\n"
    "GET /last HTTP/1.1\r\nConnection: close\r\n\r\nGET /never HTTP/1.1\r\n\r\n";

static void check_pipeline(struct client *c)
{
    next_answer(c, true);
    assert_string_equal(body, "ok\n");
    next_answer(c, true);
    assert_string_equal(answer.status, "405 Method Not Allowed");
    read_metrics(c, false, false);
    next_answer(c, false);
    assert_string_equal(answer.status, "200 OK");
    read_metrics(c, true, true);
    assert_false(answer.close);
    next_answer(c, true);
    assert_string_equal(answer.status, "404 Not Found");
    assert_true(answer.close);
    assert_int_equal(c->n, 0);
    assert_true(c->eof);
    assert_int_equal(c->scrape.state, OCTO_SCRAPE_LINGERING);
}

static void test_pipelining(void **state)
{
    char piece[64];

    (void)state;
    check_pipeline(ask(0, pipeline));
    for (unsigned step = 1; step < 60; step += 29) {
        struct client *c = open_client(1);

        for (size_t at = 0; at < sizeof(pipeline) - 1 && c->scrape.state != OCTO_SCRAPE_LINGERING; at += step) {
            snprintf(piece, sizeof(piece), "%.*s", (int)step, pipeline + at);
            give(c, piece);
            serve(c);
        }
        check_pipeline(c);
        octo_scrape_close(&c->scrape);
        close(c->fd);
    }
}

static void test_keep_alive_and_its_end(void **state)
{
    struct client *c = open_client(0);

    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        octo_count(m, counter, 1);
        give(c, "GET /metrics HTTP/1.1\r\nConnection: keep-alive\r\n\r\n");
        serve(c);
        read_metrics(c, false, false);
        assert_int_equal(number("c_total", ""), i + 1);
        assert_int_equal(c->scrape.state, OCTO_SCRAPE_IDLE);
    }
    give(c, "GET /metrics HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    serve(c);
    read_metrics(c, false, false);
    assert_true(answer.close && c->eof);
    give(c, "what still comes is read, so that no reset takes the answer along");
    go(c);
    assert_int_equal(c->scrape.state, OCTO_SCRAPE_LINGERING);
    shutdown(c->fd, SHUT_WR);
    go(c);
    go(c);
    assert_int_equal(c->scrape.state, OCTO_SCRAPE_CLOSED);
    /* A scraper that has said all and waits gets its answer. */
    c = open_client(1);
    give(c, "GET /healthz HTTP/1.1\r\n\r\n");
    shutdown(c->fd, SHUT_WR);
    serve(c);
    next_answer(c, true);
    assert_string_equal(body, "ok\n");
    assert_true(c->eof && c->scrape.state == OCTO_SCRAPE_CLOSED);
}

static void test_what_is_no_request(void **state)
{
    static char huge[10000] = "GET /metrics HTTP/1.1\r\nX: ";

    (void)state;
    memset(huge + strlen(huge), 'x', sizeof(huge) - strlen(huge) - 1);
    for (unsigned i = 0; i < 4; i++) {
        const char *const bad[] = {"\x16\x03\x01\x02\x01TLS", "GET /metrics HTTP/1.1\nHost: a\n\n", huge,
                                   "GET /healthz HTTP/1.1\r\n\r\nnonsense\r\n\r\n"};
        struct client *c = ask(i, bad[i]);

        if (i == 3)
            next_answer(c, true);
        next_answer(c, true);
        assert_string_equal(answer.status, "400 Bad Request");
        assert_true(answer.close && c->eof && answer.length > 0);
        assert_int_equal(c->scrape.state, OCTO_SCRAPE_LINGERING);
    }
}

/* ── time ──────────────────────────────────────────────────────────────────────────────────────────── */

static void assert_closes_after(struct client *c, uint64_t ms)
{
    int fd = c->scrape.fd;
    uint64_t skew_before = skew;

    assert_int_not_equal(c->scrape.state, OCTO_SCRAPE_CLOSED);
    skew = skew_before + (ms - 100) * MS;
    go(c);
    assert_int_not_equal(c->scrape.state, OCTO_SCRAPE_CLOSED);
    skew = skew_before + ms * MS;
    go(c);
    assert_int_equal(c->scrape.state, OCTO_SCRAPE_CLOSED);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    skew = skew_before;
    go(c); /* and does nothing any more */
    assert_int_equal(octo_scrape_events(&c->scrape), 0);
    for (unsigned i = 0; i < 100; i++)
        take(c, SIZE_MAX);
    assert_true(c->eof);
    close(c->fd);
}

static void test_deadlines(void **state)
{
    struct client *c;

    (void)state;
    frozen = octo_clock_mono_ns();
    c = open_client(0);
    assert_int_equal(octo_scrape_events(&c->scrape), POLLIN);
    assert_closes_after(c, OCTO_SCRAPE_MS); /* says nothing */
    c = open_client(1);
    for (unsigned i = 0; i < 40; i++) { /* says little and little: the time is that of the whole request */
        give(c, "G");
        go(c);
        skew += 100 * MS;
    }
    assert_closes_after(c, OCTO_SCRAPE_MS - 4000);
    c = ask(2, "GET /healthz HTTP/1.1\r\n\r\n");
    assert_closes_after(c, OCTO_SCRAPE_IDLE_MS);
    c = ask(3, "GET /healthz HTTP/1.1\r\n\r\n");
    skew += (OCTO_SCRAPE_IDLE_MS - 1000) * MS;
    give(c, "GET /heal");
    go(c);
    assert_int_equal(c->scrape.state, OCTO_SCRAPE_READING);
    assert_closes_after(c, OCTO_SCRAPE_MS);
    c = ask(4, "GET /healthz HTTP/1.1\r\n\r\nGET /heal"); /* the same, pipelined */
    assert_int_equal(c->scrape.state, OCTO_SCRAPE_READING);
    assert_closes_after(c, OCTO_SCRAPE_MS);
    c = ask(5, "GET /healthz HTTP/1.0\r\n\r\n");
    for (unsigned i = 0; i < 9; i++) { /* a flood after the last answer does not keep it open */
        skew += 100 * MS;
        give(c, "more and more");
        go(c);
        assert_int_equal(c->scrape.state, OCTO_SCRAPE_LINGERING);
    }
    assert_closes_after(c, OCTO_SCRAPE_MS / 5 - 900);
    fill(100000);
    c = open_client(6);
    give(c, "GET /metrics HTTP/1.1\r\n\r\n");
    go(c);
    assert_int_equal(c->scrape.state, OCTO_SCRAPE_SENDING);
    assert_int_equal(octo_scrape_events(&c->scrape), POLLOUT);
    for (unsigned i = 0; i < 40; i++) { /* takes little and little */
        take(c, 100);
        go(c);
        skew += 100 * MS;
    }
    assert_int_equal(c->scrape.answer->users, 1);
    assert_closes_after(c, OCTO_SCRAPE_MS - 4000);
    for (unsigned i = 0; i < OCTO_ANSWERS; i++)
        assert_int_equal(answers.answer[i].users, 0);
}

static void test_a_reader_of_single_bytes(void **state)
{
    struct client *c = open_client(0), *other;
    size_t rounds = 0;

    (void)state;
    fill(60000);
    octo_count(m, counter, 7);
    give(c, "GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n");
    for (; !c->eof && rounds < 1000000; rounds++) {
        frozen = c->scrape.asked_ns; /* however slow the machine is */
        go(c);
        frozen = 0;
        take(c, 1);
        if (rounds % 10000 == 10) { /* others are sent newer ones meanwhile */
            octo_count(m, counter, 1);
            read_metrics(other = ask(1, "GET /metrics HTTP/1.1\r\n\r\n"), false, false);
            assert_true(number("c_total", "") > 7);
            octo_scrape_close(&other->scrape);
            close(other->fd);
        }
    }
    assert_true(rounds > 60000);
    read_metrics(c, false, false);
    assert_int_equal(number("c_total", ""), 7);
    assert_int_equal(c->n, 0);
}

static void test_clients_that_go_away(void **state)
{
    static const char *const requests[] = {"", "GET /met", "GET /metrics HTTP/1.1\r\n\r\n",
                                           "HEAD /metrics HTTP/1.1\r\n\r\n"};

    (void)state;
    fill(100000);
    for (unsigned i = 0; i < 4; i++)
        for (unsigned rounds = 0; rounds < 4; rounds++) {
            struct client *c = open_client(0);

            give(c, requests[i]);
            for (unsigned k = 0; k < rounds; k++)
                go(c);
            close(c->fd);
            for (unsigned k = 0; k < 100 && c->scrape.state != OCTO_SCRAPE_CLOSED; k++)
                usleep((useconds_t)(go(c) / 1000));
            assert_int_equal(c->scrape.state, OCTO_SCRAPE_CLOSED);
            for (unsigned k = 0; k < OCTO_ANSWERS; k++)
                assert_int_equal(answers.answer[k].users, 0);
        }
}

/* ── answers that are shared ───────────────────────────────────────────────────────────────────────── */

static void test_one_answer_for_all_who_asked_before(void **state)
{
    uint64_t asked = now(), wait_ns = 0;

    (void)state;
    fill(30000);
    for (unsigned i = 0; i < 8; i++) {
        if (i == 6) {
            assert_true(answers.not_before_ns == client[0].scrape.answer->made_ns + 10 * answers.last_ns);
            answers.not_before_ns = octo_clock_mono_ns() + OCTO_NS_PER_S;
        }
        give(open_client(i),
             i < 6 ? "GET /metrics HTTP/1.1\r\n\r\n" : "GET /metrics HTTP/1.1\r\n" ACCEPT_OPEN "\r\n");
        octo_scrape_go_on(&client[i].scrape, &answers, true, asked); /* all in one round of the exposer */
    }
    for (unsigned i = 1; i < 6; i++)
        assert_ptr_equal(client[i].scrape.answer, client[0].scrape.answer);
    assert_int_equal(client[0].scrape.answer->users, 6);
    for (unsigned i = 6; i < 8; i++) { /* of another kind: not before a tenth of the time allows */
        assert_int_equal(client[i].scrape.state, OCTO_SCRAPE_WAITING);
        assert_int_equal(octo_scrape_events(&client[i].scrape), 0);
    }
    assert_null(octo_answer_get(&answers, OCTO_ANSWER_OPEN, asked, &wait_ns));
    assert_in_range(wait_ns, 1, OCTO_NS_PER_S);
    answers.not_before_ns = 0;
    for (unsigned i = 0; i < 8; i++)
        serve(&client[i]);
    for (unsigned i = 0; i < 8; i++)
        read_metrics(&client[i], i >= 6, false);
}

static void test_no_answer_is_older_than_its_request(void **state)
{
    struct octo_answer *got;
    uint64_t wait_ns, asked, begun = octo_clock_mono_ns(), making = 0;

    (void)state;
    for (unsigned i = 1; i <= 200; i++) {
        bool gzip = i % 3 == 0;

        octo_count(m, counter, 1);
        asked = octo_clock_mono_ns();
        while ((got = octo_answer_get(&answers, gzip ? OCTO_ANSWER_GZIP : 0, asked, &wait_ns)) == NULL) {
            assert_in_range(wait_ns, 1, 10 * answers.last_ns);
            usleep((useconds_t)(wait_ns / 1000) + 1);
        }
        assert_true(got->made_ns >= asked && got->kind == (gzip ? OCTO_ANSWER_GZIP : 0));
        memcpy(body, got->body.start, answer.length = got->body.used);
        if (gzip)
            inflate_body();
        parse(body, answer.length, false);
        assert_int_equal(number("c_total", ""), i);
        octo_answer_put(got);
        making += answers.last_ns;
    }
    /* Making them took no more than a tenth of the time. */
    assert_true(octo_clock_mono_ns() - begun >= 10 * (making - answers.last_ns));
}

static void test_all_answers_are_in_use(void **state)
{
    uint64_t wait_ns = 1;
    struct client *c;

    (void)state;
    fill(100000);
    for (unsigned i = 0; i < OCTO_ANSWERS; i++) { /* each asks later than the last answer */
        give(c = open_client(i), "GET /metrics HTTP/1.1\r\n\r\n");
        while (c->scrape.state != OCTO_SCRAPE_SENDING)
            usleep((useconds_t)(go(c) / 1000));
        for (unsigned k = 0; k < i; k++)
            assert_ptr_not_equal(c->scrape.answer, client[k].scrape.answer);
    }
    assert_null(octo_answer_get(&answers, 0, now(), &wait_ns));
    assert_int_equal(wait_ns, 0);
    give(c = open_client(8), "GET /metrics HTTP/1.1\r\n\r\n");
    give(open_client(9), "GET /metrics HTTP/1.1\r\n\r\n");
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(go(c) + go(&client[9]), 0);
        assert_int_equal(c->scrape.state, OCTO_SCRAPE_WAITING);
    }
    close(client[3].fd);
    go(&client[3]);
    usleep((useconds_t)(answers.last_ns / 100));
    serve(c);
    read_metrics(c, false, false);
    /* Who gets none in time is told so. */
    octo_scrape_close(&client[9].scrape);
    close(client[9].fd);
    give(open_client(3), "GET /metrics HTTP/1.1\r\n\r\n");
    while (client[3].scrape.state != OCTO_SCRAPE_SENDING)
        usleep((useconds_t)(go(&client[3]) / 1000));
    give(open_client(9), "GET /metrics HTTP/1.1\r\n\r\n");
    go(&client[9]);
    skew = OCTO_SCRAPE_MS * MS;
    serve(&client[9]);
    next_answer(&client[9], true);
    assert_string_equal(answer.status, "503 Service Unavailable");
    assert_string_equal(field("\r\nRetry-After: "), "5");
    assert_true(answer.close && client[9].eof);
}

/* More text than an answer may have: 503, and nothing is kept of it. */
static void test_an_answer_that_is_too_large(void **state)
{
    uint64_t bound[OCTO_BOUNDS_MAX], wait_ns;
    char labels[OCTO_SERIES_TEXT_MAX + 1];
    int h;

    (void)state;
    for (unsigned i = 0; i < OCTO_BOUNDS_MAX; i++)
        bound[i] = i + 1;
    h = octo_metrics_family(
        m, &(struct octo_metric_plan){"h", "x", OCTO_HISTOGRAM, OCTO_UNIT_ONE, bound, OCTO_BOUNDS_MAX});
    memset(labels, 'l', sizeof(labels));
    strcpy(labels + sizeof(labels) - 2, "\"");
    memset(m->labels, 'c', sizeof(m->labels) - 1);
    memcpy(m->labels, "b=\"", 3);
    strcpy(m->labels + sizeof(m->labels) - 3, "\",");
    for (unsigned i = 0; i < OCTO_FAMILY_SERIES; i++) {
        labels[snprintf(labels, sizeof(labels), "i=\"%06u", i)] = 'l';
        rig_word(m, (unsigned)h, labels);
    }
    for (unsigned kind = 0; kind < OCTO_ANSWER_KINDS; kind++) {
        struct client *c = open_client(kind);
        char request[200];

        skew = 0;
        answers.not_before_ns = 0;
        snprintf(request, sizeof(request), "%s /metrics HTTP/1.1\r\n%s%s\r\n", kind ? "GET" : "HEAD",
                 kind & OCTO_ANSWER_OPEN ? ACCEPT_OPEN : "", kind & OCTO_ANSWER_GZIP ? ACCEPT_GZIP : "");
        give(c, request);
        assert_int_equal(wait_ns = go(c), OCTO_NS_PER_S);
        assert_int_equal(c->scrape.state, OCTO_SCRAPE_WAITING);
        for (unsigned i = 0; i < OCTO_ANSWERS; i++)
            assert_null(answers.answer[i].body.start);
        skew = OCTO_SCRAPE_MS * MS;
        answers.not_before_ns = UINT64_MAX;
        serve(c);
        next_answer(c, kind != 0);
        assert_string_equal(answer.status, "503 Service Unavailable");
        assert_true(answer.close && c->eof && c->n == 0);
    }
}

/* ── sockets ───────────────────────────────────────────────────────────────────────────────────────── */

static void test_listen_tcp(void **state)
{
    struct octo_listen where = {.kind = OCTO_LISTEN_IPV4, .address = {127, 0, 0, 1}};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[OCTO_LISTEN_TEXT_MAX], wanted[64];
    uint16_t port = 0, same;
    int fd = octo_listen_open(&where, &port), other = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_true(fd >= 0 && port != 0);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    to.sin_port = htons(port);
    assert_int_equal(connect(other, (struct sockaddr *)&to, sizeof(to)), 0);
    same = port;
    assert_int_equal(octo_listen_open(&where, &same), -EADDRINUSE);
    octo_listen_text(&where, port, text);
    snprintf(wanted, sizeof(wanted), "127.0.0.1:%u", port);
    assert_string_equal(text, wanted);
    octo_listen_close(&where, fd);
    fd = octo_listen_open(&where, &same); /* the same again, at once, for a successor */
    assert_true(fd >= 0 && same == port);
    octo_listen_close(&where, fd);
    close(other);
    where = (struct octo_listen){.kind = OCTO_LISTEN_IPV6, .port = 9464, .address = {[15] = 1}};
    octo_listen_text(&where, 7, text);
    assert_string_equal(text, "[::1]:9464");
    assert_true((where.address[0] = 9) && octo_listen_open(&where, &port) < 0);
}

static void test_listen_unix(void **state)
{
    struct octo_listen where = {.kind = OCTO_LISTEN_UNIX};
    char text[OCTO_LISTEN_TEXT_MAX];
    uint16_t port = 0;
    struct stat st;
    int fd, again;

    (void)state;
    sprintf(where.path, "%s/%0*d", dir, (int)(sizeof(where.path) - 2 - strlen(dir)), 0);
    fd = octo_listen_open(&where, &port);
    assert_true(fd >= 0);
    assert_int_equal(stat(where.path, &st), 0);
    assert_int_equal(st.st_mode, S_IFSOCK | 0660);
    assert_int_equal(octo_listen_open(&where, &port), -EADDRINUSE); /* somebody answers there */
    close(fd);                                                      /* as a killed one leaves it */
    again = octo_listen_open(&where, &port);
    assert_true(again >= 0);
    octo_listen_text(&where, 0, text);
    assert_true(strncmp(text, "unix:/", 6) == 0 && strcmp(text + 5, where.path) == 0);
    octo_listen_close(&where, again);
    assert_int_equal(stat(where.path, &st), -1);
}

/*
 * connect(2) to what is no socket says ECONNREFUSED, too: a regular file (a log, a key) that OCTOSHIM_METRICS_LISTEN names by
 * mistake stays.
 */
static void test_a_file_is_no_stale_socket(void **state)
{
    struct octo_listen where = {.kind = OCTO_LISTEN_UNIX};
    uint16_t port = 0;
    struct stat st;
    int fd;

    (void)state;
    sprintf(where.path, "%s/precious", dir);
    close(open(where.path, O_CREAT | O_WRONLY, 0600));
    fd = octo_listen_open(&where, &port);
    assert_int_equal(stat(where.path, &st), 0);
    unlink(where.path);
    close(fd);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(fd, -EADDRINUSE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, begin, end)
    const struct CMUnitTest tests[] = {TEST(statuses),
                                       TEST(every_kind),
                                       TEST(head),
                                       TEST(pipelining),
                                       TEST(keep_alive_and_its_end),
                                       TEST(what_is_no_request),
                                       TEST(deadlines),
                                       TEST(a_reader_of_single_bytes),
                                       TEST(clients_that_go_away),
                                       TEST(one_answer_for_all_who_asked_before),
                                       TEST(no_answer_is_older_than_its_request),
                                       TEST(all_answers_are_in_use),
                                       TEST(an_answer_that_is_too_large),
                                       TEST(listen_tcp),
                                       TEST(listen_unix),
                                       TEST(a_file_is_no_stale_socket)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
