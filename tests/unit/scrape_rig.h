/*
 * An exposer in small: connections over socket pairs on a segment of the test's own, scrapers that read their answers, and a
 * time that the test may put forward.
 */
#ifndef SCRAPE_RIG_H
#define SCRAPE_RIG_H

#include "exposition.h"
#include "metrics_rig.h"

#include "base/clock.h"
#include "export/page.h"
#include "export/scrape.h"

#include <poll.h>
#include <sys/socket.h>
#include <zlib.h>

#define MS OCTO_NS_PER_MS
#define TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define OPEN_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define ACCEPT_OPEN "Accept: application/openmetrics-text\r\n"
#define ACCEPT_GZIP "Accept-Encoding: gzip\r\n"

enum { CLIENTS = 12, MUCH = 48 << 20 };

static char dir[64], path[OCTO_SEGMENT_PATH_MAX];
static struct octo_segment *segment;

static void write_page(struct octo_bulk *b, void *subject, enum octo_exposition format, uint64_t last_ns)
{
    octo_page_write(b, subject, format, last_ns, true);
}

static struct octo_metrics *m;
static struct octo_answers answers;
static uint64_t frozen; /* the tests' time, instead of the clock's; 0: the clock's */
static uint64_t skew;   /* how far ahead of that it is */
static unsigned counter;

static struct client {
    struct octo_scrape scrape;
    int fd; /* the scraper's end; -1: closed */
    char *got;
    size_t n; /* bytes in got */
    bool eof;
} client[CLIENTS];

static inline uint64_t now(void)
{
    return (frozen ?: octo_clock_mono_ns()) + skew;
}

static inline int begin(void **state)
{
    const struct octo_identity identity = {"orders", "test", "1", 9};

    (void)state;
    strcpy(dir, "/dev/shm/octo-test-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    segment = octo_segment_create(dir, "", &identity, (uint32_t)getpid(), path, sizeof(path), NULL);
    m = octo_segment_metrics(segment);
    counter = rig_word(m, rig_family(m, "c_total", OCTO_COUNTER), "");
    answers = (struct octo_answers){.write = write_page, .subject = segment};
    frozen = skew = 0;
    for (unsigned i = 0; i < CLIENTS; i++)
        client[i].fd = -1;
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CLIENTS; i++) {
        octo_scrape_close(&client[i].scrape);
        close(client[i].fd);
    }
    for (unsigned i = 0; i < OCTO_ANSWERS; i++)
        assert_int_equal(answers.answer[i].users, 0); /* whatever happened */
    octo_answers_end(&answers);
    octo_segment_retire(segment, path);
    munmap(segment, octo_segment_bytes);
    return rmdir(dir);
}

/* ── a client ──────────────────────────────────────────────────────────────────────────────────────── */

static inline struct client *open_client(unsigned i)
{
    struct client *c = &client[i];
    int ends[2], small = 1;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)); /* an answer takes many writes */
    c->fd = ends[1];
    c->got = c->got ?: malloc(MUCH);
    c->n = 0;
    c->eof = false;
    octo_scrape_begin(&c->scrape, ends[0], now());
    return c;
}

static inline void give(struct client *c, const char *text)
{
    assert_int_equal(write(c->fd, text, strlen(text)), strlen(text));
}

/* Reads at most that much. */
static inline void take(struct client *c, size_t most)
{
    ssize_t n = read(c->fd, c->got + c->n, most < MUCH - 1 - c->n ? most : MUCH - 1 - c->n);

    c->eof |= n == 0;
    c->n += n > 0 ? (size_t)n : 0;
    c->got[c->n] = '\0';
}

/* One round of the exposer for it: what poll() says is what it is told. */
static inline uint64_t go(struct client *c)
{
    struct pollfd fd = {.fd = c->scrape.fd, .events = octo_scrape_events(&c->scrape)};

    return octo_scrape_go_on(&c->scrape, &answers, poll(&fd, 1, 0) > 0, now());
}

static inline bool can_wait(const struct client *c)
{
    return c->scrape.state == OCTO_SCRAPE_IDLE || c->scrape.state == OCTO_SCRAPE_READING ||
           c->scrape.state == OCTO_SCRAPE_CLOSED || c->scrape.state == OCTO_SCRAPE_LINGERING;
}

/* Rounds until it has nothing to do; the answer is read meanwhile. */
static inline void serve(struct client *c)
{
    struct pollfd fd;
    unsigned rounds = 0;
    uint64_t wait_ns;

    do {
        wait_ns = go(c);
        take(c, SIZE_MAX);
        if (wait_ns != 0)
            usleep((useconds_t)(wait_ns / 1000) + 1);
        fd = (struct pollfd){.fd = c->scrape.fd, .events = POLLIN};
        assert_true(rounds++ < 100000);
    } while (!can_wait(c) || (c->scrape.state != OCTO_SCRAPE_CLOSED && c->scrape.state != OCTO_SCRAPE_LINGERING &&
                              poll(&fd, 1, 0) > 0));
    take(c, SIZE_MAX);
}

static inline struct client *ask(unsigned i, const char *request)
{
    struct client *c = open_client(i);

    give(c, request);
    serve(c);
    return c;
}

/* ── an answer ─────────────────────────────────────────────────────────────────────────────────────── */

/* The first answer that the client has: takes it off, head and body. */
static struct answer {
    char head[600], status[64], type[200];
    bool close, gzip;
    size_t length; /* Content-Length */
    const char *body;
} answer;
static char body[MUCH];

static inline const char *field(const char *name)
{
    static char value[200];
    const char *at = strcasestr(answer.head, name);

    value[0] = '\0';
    if (at != NULL)
        snprintf(value, sizeof(value), "%.*s", (int)strcspn(at + strlen(name), "\r"), at + strlen(name));
    return value;
}

static inline void next_answer(struct client *c, bool with_body)
{
    char *blank = strstr(c->got, "\r\n\r\n");
    size_t head = blank ? (size_t)(blank + 4 - c->got) : 0;

    if (head == 0 || head >= sizeof(answer.head) || strncmp(c->got, "HTTP/1.1 ", 9) != 0)
        REFUSE("no answer: %.99s\n", c->got);
    memcpy(answer.head, c->got, head);
    answer.head[head] = '\0';
    snprintf(answer.status, sizeof(answer.status), "%.*s", (int)strcspn(c->got + 9, "\r"), c->got + 9);
    snprintf(answer.type, sizeof(answer.type), "%s", field("\r\nContent-Type: "));
    answer.close = strcmp(field("\r\nConnection: "), "close") == 0;
    answer.gzip = strcmp(field("\r\nContent-Encoding: "), "gzip") == 0;
    answer.length = strtoull(field("\r\nContent-Length: "), NULL, 10);
    assert_true(ends_with(field("\r\nDate: "), " GMT") && strlen(field("\r\nDate: ")) == 29);
    if (!with_body)
        memmove(c->got, c->got + head, c->n -= head);
    else if (c->n < head + answer.length)
        REFUSE("%zu bytes of %zu\n", c->n - head, answer.length);
    if (with_body) {
        memcpy(body, c->got + head, answer.length);
        body[answer.length] = '\0';
        memmove(c->got, c->got + head + answer.length, c->n -= head + answer.length);
    }
    c->got[c->n] = '\0';
}

static inline void inflate_body(void)
{
    static char text[MUCH];
    z_stream z = {.next_in = (Bytef *)body, .avail_in = (uInt)answer.length, .next_out = (Bytef *)text};

    z.avail_out = sizeof(text) - 1;
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    answer.length = z.total_out;
    memcpy(body, text, answer.length);
    body[answer.length] = '\0';
    inflateEnd(&z);
}

/* Reads the metrics that the client was sent. */
static inline void read_metrics(struct client *c, bool open, bool gzip)
{
    next_answer(c, true);
    assert_string_equal(answer.status, "200 OK");
    assert_string_equal(answer.type, open ? OPEN_TYPE : TEXT_TYPE);
    assert_int_equal(answer.gzip, gzip);
    assert_string_equal(field("\r\nVary: "), "Accept, Accept-Encoding");
    if (gzip)
        inflate_body();
    parse(body, answer.length, open);
}

/* Many series, so that an answer is `bytes` or more. */
static inline void fill(size_t bytes)
{
    unsigned f = 0;
    char name[16], labels[OCTO_SERIES_TEXT_MAX + 1];

    memset(labels, 'l', sizeof(labels));
    for (size_t i = 0; i * 700 < bytes; i++) {
        if (i % OCTO_FAMILY_SERIES == 0) {
            snprintf(name, sizeof(name), "fill_%zu", i);
            f = rig_family(m, name, OCTO_GAUGE_SET);
        }
        labels[snprintf(labels, sizeof(labels), "i=\"%06zu", i)] = 'l';
        strcpy(labels + 650, "\"");
        octo_set(m, rig_word(m, f, labels), (int64_t)i);
    }
}

#endif
