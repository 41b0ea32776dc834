/*
 * octoshim-otlp: started by liboctoshim.so in a service whose OTEL_EXPORTER_OTLP_ENDPOINT is set. See parts.h.
 *
 * A process of its own, so that TLS, name resolution and their libraries are none of the service's, and a fault in
 * them is not either. It ends when the service's writer has: with what is left sent, or LINGER_MS later.
 *
 *      octoshim-otlp --check    says where it would send, and what of its settings it does not understand
 *
 *      0 the pipe of records   2 the service's stderr, for complaints about settings   3 the page of counters, and
 *      behind it the metrics   4 the bell that says that there are some
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "parts.h"

enum {
    PIPE_READ = 256 << 10,
    KEPT_BYTES = 32 << 20,
    TOP_PAD = 1 << 20,
    LINGER_MS = 5000,  /* after the service: for what is left */
    IDLE_MS = 3600000, /* between looks when nothing is to be done */
};

struct loop {
    struct settings settings;
    struct resource resource;
    struct queue queue;
    struct sender spans, metrics;
    CURLM *multi;
    struct octo_otlp_page *page;
    struct octo_record **batch;
    char *in; /* PIPE_READ bytes: read, not yet taken apart */
    size_t in_length;
    char *text; /* of metrics; grows */
    size_t text_room;
    uint64_t oldest_at; /* when the first in the queue has come */
    uint64_t end_at;    /* 0: the pipe is open */
};

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Whether the facts of a model's call are there, whole, behind so many bytes of texts. */
static bool sound_call(const struct octo_record *r, size_t texts)
{
    struct octo_llm_facts facts;

    if (texts + sizeof facts > r->size - OCTO_RECORD_HEAD)
        return false;
    memcpy(&facts, r->text + texts, sizeof facts);
    return texts + sizeof facts + facts.provider_len + facts.model_len + facts.answer_model_len <=
           r->size - OCTO_RECORD_HEAD;
}

/* Whether the record's inside is within the record. */
static bool sound(const struct octo_record *r)
{
    size_t texts = (size_t)r->id_len + r->method_len + r->host_len + r->target_len;

    if (r->family == OCTO_PEER_UNIX && r->kind != OCTO_EV_REQUEST_COMPLETED && r->kind != OCTO_EV_REQUEST_ABORTED)
        texts += r->port;
    if (r->kind >= OCTO_EVENT_KINDS || texts > r->size - OCTO_RECORD_HEAD)
        return false;
    return (r->kind != OCTO_EV_LLM_CALL_COMPLETED && r->kind != OCTO_EV_LLM_CALL_FAILED) || sound_call(r, texts);
}

/* Queues what has come as a whole. False: this is no stream of records. */
static bool take_records(struct loop *l, uint64_t now)
{
    size_t at = 0;

    while (l->in_length - at >= OCTO_RECORD_HEAD) {
        struct octo_record *r = (struct octo_record *)(l->in + at);

        if (r->size < OCTO_RECORD_HEAD || r->size > OCTO_RECORD_MAX || r->size % OCTO_RECORD_ALIGN != 0)
            return false;
        if (l->in_length - at < r->size)
            break;
        if (!sound(r))
            return false;
        if (l->queue.count == 0)
            l->oldest_at = now;
        if (!queue_put(&l->queue, r))
            atomic_fetch_add(&l->page->spans[OCTO_SPAN_DROPPED], 1);
        at += r->size;
    }
    memmove(l->in, l->in + at, l->in_length - at);
    l->in_length -= at;
    return true;
}

static void read_pipe(struct loop *l, uint64_t now)
{
    ssize_t n = read(OCTO_OTLP_RECORDS, l->in + l->in_length, PIPE_READ - l->in_length);

    if (n > 0)
        l->in_length += (size_t)n;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || !take_records(l, now)) {
        close(OCTO_OTLP_RECORDS);
        l->end_at = now + LINGER_MS;
    }
}

static bool due(const struct loop *l, uint64_t now)
{
    return l->queue.count >= l->settings.batch_max ||
           (l->queue.count > 0 && (l->end_at != 0 || now >= l->oldest_at + (uint64_t)l->settings.delay_ms));
}

static void begin_batch(struct loop *l, uint64_t now)
{
    unsigned count = l->queue.count < l->settings.batch_max ? l->queue.count : l->settings.batch_max;

    for (unsigned i = 0; i < count; i++)
        l->batch[i] = queue_take(&l->queue);
    l->oldest_at = now;
    body_spans(&l->spans.body, &l->settings.spans, &l->resource, l->batch, count);
    for (unsigned i = 0; i < count; i++)
        free(l->batch[i]);
    sender_begin(&l->spans, now);
}

/* Takes the metrics that there are, and lets the writer put the next. */
static void begin_metrics(struct loop *l, uint64_t now)
{
    size_t length = atomic_load(&l->page->metrics_length), done = 0;
    ssize_t n;

    if (l->text_room <= length) {
        free(l->text);
        l->text = malloc(l->text_room = 2 * length);
        if (l->text == NULL)
            abort();
    }
    while (done < length &&
           (n = pread(OCTO_OTLP_PAGE, l->text + done, length - done, (off_t)(OCTO_OTLP_TEXT_AT + done))) > 0)
        done += (size_t)n;
    l->text[done] = '\0';
    if (done == length && l->settings.metrics.wanted) {
        body_metrics(&l->metrics.body, &l->settings.metrics, &l->resource, l->text, l->page->metrics_since_ns,
                     l->page->metrics_ns);
        sender_begin(&l->metrics, now);
    }
    atomic_store(&l->page->metrics_length, 0);
}

/* The writer waits for this, for a while. */
static void say_done(struct loop *l)
{
    if (atomic_exchange(&l->page->done, 1) == 0)
        syscall(SYS_futex, &l->page->done, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static bool metrics_due(const struct loop *l)
{
    return atomic_load(&l->page->metrics_length) != 0;
}

static int wait_ms(const struct loop *l, uint64_t now)
{
    uint64_t until = now + IDLE_MS;

    if ((l->spans.state == IDLE && due(l, now)) || (l->metrics.state == IDLE && metrics_due(l)))
        return 0;
    if (l->spans.state == WAITING && l->spans.again_at < until)
        until = l->spans.again_at;
    if (l->metrics.state == WAITING && l->metrics.again_at < until)
        until = l->metrics.again_at;
    if (l->spans.state == IDLE && l->queue.count > 0 && l->oldest_at + (uint64_t)l->settings.delay_ms < until)
        until = l->oldest_at + (uint64_t)l->settings.delay_ms;
    if (l->end_at != 0 && l->end_at < until)
        until = l->end_at;
    return until > now ? (int)(until - now) : 0;
}

static bool idle(const struct loop *l)
{
    return l->spans.state == IDLE && l->queue.count == 0 && l->metrics.state == IDLE && !metrics_due(l);
}

/* Nothing is to be done but to wait, for who does not take it now. */
static bool stalled(const struct loop *l)
{
    return (l->spans.state == WAITING || (l->spans.state == IDLE && l->queue.count == 0)) &&
           (l->metrics.state == WAITING || (l->metrics.state == IDLE && !metrics_due(l)));
}

/* What came, and what is due. */
static void step(struct loop *l, uint64_t now)
{
    senders_step(l->multi, now);
    sender_again(&l->spans, now);
    sender_again(&l->metrics, now);
    if (l->spans.state == IDLE && due(l, now))
        begin_batch(l, now);
    if (l->metrics.state == IDLE && metrics_due(l))
        begin_metrics(l, now);
    senders_step(l->multi, now);
}

static void run(struct loop *l)
{
    uint64_t now = now_ms();

    while (l->end_at == 0 || (!idle(l) && now < l->end_at)) {
        struct curl_waitfd in[] = {{.fd = OCTO_OTLP_BELL, .events = CURL_WAIT_POLLIN},
                                   {.fd = OCTO_OTLP_RECORDS, .events = CURL_WAIT_POLLIN}};
        uint64_t rung;

        curl_multi_poll(l->multi, in, l->end_at == 0 ? 2 : 1, wait_ms(l, now), NULL);
        now = now_ms();
        if (in[0].revents != 0 && read(OCTO_OTLP_BELL, &rung, sizeof rung) < 0 && errno != EAGAIN)
            abort();
        if (l->end_at == 0 && in[1].revents != 0)
            read_pipe(l, now);
        step(l, now);
        /* What has to wait, the service does not wait for. */
        if (l->end_at != 0 && stalled(l))
            say_done(l);
    }
    if (l->spans.state != IDLE)
        sender_abandon(&l->spans, "the service has ended");
    if (l->metrics.state != IDLE)
        sender_abandon(&l->metrics, "the service has ended");
    atomic_fetch_add(&l->page->spans[OCTO_SPAN_FAILED], l->queue.count);
    say_done(l);
}

/* The service's signals are not ours: the end of the pipe ends us. */
static void own_signals(void)
{
    const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGTSTP};
    sigset_t none;

    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void show(const char *what, const struct route *r)
{
    if (r->wanted)
        printf("%s go to %s, http/%s%s\n", what, r->shown_url, r->json ? "json" : "protobuf",
               r->gzip ? ", gzip" : "");
}

static int check(struct loop *l)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    settings_read(&l->settings);
    resource_read(&l->resource, &l->settings);
    show("spans", &l->settings.spans);
    show("metrics", &l->settings.metrics);
    return fflush(stdout) != 0;
}

int main(int argc, char **argv)
{
    static struct loop l;
    int nowhere;

    if (argc == 2 && strcmp(argv[1], "--check") == 0)
        return check(&l);
    own_signals();
    /* What a batch has needed, the next one will: it is not given back to the kernel in between. */
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
    mallopt(M_TOP_PAD, TOP_PAD);
    l.page = mmap(NULL, sizeof *l.page, PROT_READ | PROT_WRITE, MAP_SHARED, OCTO_OTLP_PAGE, 0);
    if (l.page == MAP_FAILED) {
        fprintf(stderr,
                "octoshim-otlp: is started by liboctoshim.so; see OTEL_EXPORTER_OTLP_ENDPOINT in octoshim(7)\n");
        return 2;
    }
    fcntl(OCTO_OTLP_RECORDS, F_SETFL, O_NONBLOCK);
    fcntl(OCTO_OTLP_BELL, F_SETFL, O_NONBLOCK);
    srand((unsigned)getpid());
    curl_global_init(CURL_GLOBAL_DEFAULT);
    settings_read(&l.settings);
    resource_read(&l.resource, &l.settings);
    /* Who reads the service's stderr to its end does not wait for us. */
    nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    queue_init(&l.queue, l.settings.queue_max);
    l.multi = curl_multi_init();
    sender_init(&l.spans, l.multi, &l.settings.spans, "spans", l.page, l.page->spans);
    sender_init(&l.metrics, l.multi, &l.settings.metrics, "metrics", l.page, NULL);
    l.batch = calloc(l.settings.batch_max, sizeof(struct octo_record *));
    l.in = malloc(PIPE_READ);
    if (l.batch == NULL || l.in == NULL || l.multi == NULL)
        abort();
    run(&l);
    return 0;
}
