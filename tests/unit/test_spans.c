/*
 * Spans: what the writer hands over, to whom, and that it never waits. octoshim-otlp is a shell script here, so that what it
 * gets can be looked at.
 */
#include "writer_rig.h"

#include "export/encode.h"
#include "export/spans.h"

static char *file(const char *name)
{
    static char name_of[4][100];
    static unsigned turn;
    char *p = name_of[turn++ % 4];

    snprintf(p, sizeof name_of[0], "%s/%s", dir, name);
    return p;
}

/* Makes octoshim-otlp, with this body, beside a library that need not be there. */
static void program(const char *body)
{
    int fd = open(file("octoshim-otlp"), O_WRONLY | O_CREAT | O_TRUNC, 0755);

    CHECK(fd >= 0);
    dprintf(fd, "#!/bin/sh\ncd %s\n%s\n", dir, body);
    close(fd);
    snprintf(settings.library, sizeof settings.library, "%s/liboctoshim.so", dir);
    settings.traces_exporter = OCTO_EXPORTER_OTLP;
    strcpy(settings.service, "orders");
    octo_writer_forked(); /* as octo_process_begin() does */
}

enum { SAMPLED = 1 };

/* An ended request, as conn/ makes it. */
static bool ended(struct octo_ring *ring, unsigned number, uint8_t trace_flags, uint8_t flags, unsigned text)
{
    struct octo_record *r = octo_ring_reserve(ring, 100 + text, OCTO_INFO);

    if (r == NULL)
        return false;
    r->kind = OCTO_EV_REQUEST_COMPLETED;
    r->level = OCTO_INFO;
    r->flags = flags;
    r->mono_ns = octo_clock_mono_ns();
    r->pid = (uint32_t)getpid();
    r->trace[0] = 1;
    r->trace[1] = r->span = number;
    r->trace_flags = trace_flags;
    r->method_len = 3;
    memcpy(r->text, "GET", 3);
    r->target_len = (uint16_t)(20 + text);
    memset(r->text + 3, 'x', 20 + text);
    r->text[3] = '/';
    octo_ring_commit(ring, r);
    octo_writer_ring(segment, octo_ring_half_full(ring));
    return true;
}

/* Waits for the file to have that many bytes or more; returns them. */
static char *grown(const char *name, size_t bytes)
{
    for (unsigned ms = 0; ms < PATIENCE_MS; ms += 5) {
        struct stat st;

        if (stat(name, &st) == 0 && (size_t)st.st_size >= bytes)
            return slurp(name);
        usleep(5000);
    }
    CHECK(!"it did not grow");
    return NULL;
}

/* The records in text[0..), which are `count`, in order of their spans from `first` on. */
static void check_records(const char *text, unsigned first, unsigned many)
{
    uint64_t now = octo_clock_real_ns();
    struct octo_record r;

    for (unsigned i = 0; i < many; i++, text += r.size) {
        memcpy(&r, text, OCTO_RECORD_HEAD);
        CHECK(r.span == first + i && r.trace[0] == 1 && r.kind == OCTO_EV_REQUEST_COMPLETED);
        CHECK(r.size % OCTO_RECORD_ALIGN == 0 && r.size >= OCTO_RECORD_HEAD + 23);
        CHECK(memcmp(text + OCTO_RECORD_HEAD, "GET/xxx", 7) == 0);
        CHECK(now - r.mono_ns < 60 * OCTO_NS_PER_S); /* the real time */
    }
}

static size_t size_of(unsigned text)
{
    return (OCTO_RECORD_HEAD + 100 + text + OCTO_RECORD_ALIGN - 1) / OCTO_RECORD_ALIGN * OCTO_RECORD_ALIGN;
}

static void handed_over(void)
{
    struct octo_ring *ring;
    char *text;

    create();
    strcpy(settings.environment, "test");
    memcpy(settings.exporter, "OTEL_BSP_SCHEDULE_DELAY=7\0OTEL_EXPORTER_OTLP_HEADERS=a=b\0", 56);
    setenv("LD_PRELOAD", "", 1);
    program("env >env.part; ls -l /proc/$$/fd >fds; mv env.part env; exec cat >records");
    ring = octo_segment_claim(segment, (uint32_t)getpid());
    ensure();
    usleep(50000);
    CHECK(access(file("env"), F_OK) != 0); /* not before there is something to send */
    for (unsigned i = 1; i <= 100; i++) {
        CHECK(ended(ring, i, SAMPLED | 2, i % 2 ? OCTO_RECORD_UNLOGGED : 0, 0));
        CHECK(ended(ring, 999, 2, 0, 0)); /* not sampled */
        CHECK(event(ring, 0, i));         /* no end of a request */
    }
    text = grown(file("records"), 100 * size_of(0));
    check_records(text, 1, 100);
    CHECK(appears("request.completed", 150) && count("request.completed") == 150);
    usleep(50000);
    struct stat st;

    CHECK(stat(file("records"), &st) == 0 && (size_t)st.st_size == 100 * size_of(0));
    text = slurp(file("env"));
    CHECK(strstr(text, "SERVICE_NAME=orders\n") && strstr(text, "OTEL_EXPORTER_OTLP_HEADERS=a=b\n"));
    CHECK(strstr(text, "OTEL_BSP_SCHEDULE_DELAY=7\n") && strstr(text, "OCTOSHIM_DISABLE=1\n") &&
          !strstr(text, "LD_PRELOAD"));
    text = slurp(file("fds"));
    CHECK(strstr(text, "0 -> pipe:") && strstr(text, "3 -> /memfd:octoshim-otlp") && !strstr(text, "orders.log"));
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD); /* it is nobody's child here */
}

/* It reads nothing for a while: no wait, drops are counted, and the stream stays one of whole records. */
static void not_read(void)
{
    enum { TEXT = 3000, MOST = 20000 };
    uint64_t dropped, begun;
    unsigned i = 0;
    struct octo_ring *ring;
    char *text;

    create();
    program("until [ -e go ]; do sleep 0.01; done; exec cat >records");
    ring = octo_segment_claim(segment, (uint32_t)getpid());
    ensure();
    begun = now_ms();
    while (atomic_load(&segment->spans[OCTO_SPAN_DROPPED]) < 100 && i < MOST) {
        CHECK(now_ms() - begun < 20000);
        if (ended(ring, i + 1, SAMPLED, OCTO_RECORD_UNLOGGED, TEXT))
            i++;
        else
            usleep(100);
    }
    while (!octo_segment_empty(segment))
        usleep(1000);
    dropped = atomic_load(&segment->spans[OCTO_SPAN_DROPPED]);
    CHECK(dropped >= 100 && dropped < i);
    close(open(file("go"), O_WRONLY | O_CREAT, 0600));
    usleep(200000);
    CHECK(
        ended(ring, 5000000, SAMPLED, OCTO_RECORD_UNLOGGED, TEXT)); /* after the rest of the one that was begun */
    text = grown(file("records"), (i - dropped + 1) * size_of(TEXT));
    check_records(text, 1, (unsigned)(i - dropped));
    check_records(text + (i - dropped) * size_of(TEXT), 5000000, 1);
    CHECK(atomic_load(&segment->spans[OCTO_SPAN_DROPPED]) == dropped);
}

/* What it counts is the segment's, once; what has gone wrong is told, once. */
static void accounted(void)
{
    static struct octo_spans spans;
    static _Atomic uint64_t results[OCTO_SPAN_RESULT_COUNT];
    char text[OCTO_SPANS_TROUBLE_MAX];
    struct octo_otlp_page *page =
        mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    octo_spans_init(&spans, &settings);
    CHECK(!octo_spans_account(&spans, results) && !octo_spans_trouble(&spans, text));
    spans.page = page;
    spans.pipe = 99;
    spans.handed = 10;
    page->spans[OCTO_SPAN_EXPORTED] = 4;
    CHECK(octo_spans_account(&spans, results));
    page->spans[OCTO_SPAN_EXPORTED] = 7;
    page->spans[OCTO_SPAN_REJECTED] = 3;
    CHECK(!octo_spans_account(&spans, results));
    CHECK(!octo_spans_account(&spans, results));
    CHECK(results[OCTO_SPAN_EXPORTED] == 7 && results[OCTO_SPAN_REJECTED] == 3 && results[OCTO_SPAN_FAILED] == 0);
    strcpy(page->trouble, "the receiver is on fire");
    page->trouble_no = 1; /* is being written */
    CHECK(!octo_spans_trouble(&spans, text));
    page->trouble_no = 2;
    CHECK(octo_spans_trouble(&spans, text) && strcmp(text, page->trouble) == 0);
    CHECK(!octo_spans_trouble(&spans, text));
    memset(page->trouble, 'x', sizeof page->trouble); /* whatever it is, it ends */
    page->trouble_no = 4;
    CHECK(octo_spans_trouble(&spans, text) && strlen(text) < sizeof text);
    page->done = 1;
    octo_spans_wait(&spans, 10 * OCTO_NS_PER_S);
    page->done = 0;
    uint64_t begun = now_ms();

    octo_spans_wait(&spans, OCTO_NS_PER_S / 5);
    CHECK(now_ms() - begun >= 199 && now_ms() - begun < 5000);
    /* It is killed: what it had been given, and has said nothing of, has failed. Once, however often the start of another is tried. */
    static struct octo_sink sink;
    static const uint64_t instance[2];

    spans.instance = instance;
    octo_sink_init(&sink, "stderr", OCTO_ROTATE_NEVER, 0);
    spans.handed = 12;
    spans.pipe = -1;
    for (int i = 0; i < 3; i++) {
        spans.not_before_ns = 0;
        CHECK(!octo_spans_start(&spans, results, &sink));
    }
    CHECK(results[OCTO_SPAN_EXPORTED] == 7 && results[OCTO_SPAN_REJECTED] == 3 && results[OCTO_SPAN_FAILED] == 2);
}

/* A leader is killed: what it has perhaps handed over is not handed over again, what it has not is. */
static void after_a_kill(uint32_t batch_state, bool in_file, unsigned wanted)
{
    struct octo_ring *ring;
    struct octo_segment_batch *batch;
    static struct octo_encoder encoder;
    char line[2 * OCTO_LINE_ROOM];
    size_t length = 0;
    struct stat st;
    int fd;

    create();
    program("exec cat >records");
    ring = octo_segment_claim(segment, (uint32_t)getpid());
    for (unsigned i = 1; i <= 2; i++)
        CHECK(ended(ring, i, SAMPLED, 0, 0));
    /* What the killed one had done: see drain.c. */
    batch = &segment->batch;
    batch->real_offset_ns = (int64_t)(octo_clock_real_ns() - octo_clock_mono_ns());
    octo_encoder_init(&encoder, true, "orders", "test", "1.2");
    for (uint64_t at = octo_ring_tail(ring); length == 0;) {
        const struct octo_record *first = (const void *)((char *)ring->data + at % ring->size);
        const struct octo_record *second = (const void *)((const char *)first + first->size);

        length = octo_encode(&encoder, first, batch->real_offset_ns, line);
        length += octo_encode(&encoder, second, batch->real_offset_ns, line + length);
        for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++)
            if (octo_segment_ring(segment, i) == ring)
                batch->cursor[i] = at + first->size + second->size;
    }
    fd = open(settings.log, O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0 && (!in_file || write(fd, line, length) == (ssize_t)length) && fstat(fd, &st) == 0);
    batch->dev = st.st_dev;
    batch->ino = st.st_ino;
    batch->length = length;
    atomic_store(&batch->state, batch_state);
    ensure();
    CHECK(ended(ring, 3, SAMPLED, 0, 0));
    check_records(grown(file("records"), wanted * size_of(0)), 4 - wanted, wanted);
    CHECK(appears("request.completed", batch_state == OCTO_BATCH_WRITTEN ? 1 : 3));
    usleep(50000);
    CHECK(stat(file("records"), &st) == 0 && (size_t)st.st_size == wanted * size_of(0));
}

static void killed_before(void)
{
    after_a_kill(OCTO_BATCH_WRITING, false, 3);
}

static void killed_amid(void)
{
    after_a_kill(OCTO_BATCH_WRITING, true, 3);
}

static void killed_after(void)
{
    after_a_kill(OCTO_BATCH_WRITTEN, true, 1);
}

#define CASE(name)                                                                                                \
    static void test_##name(void **state)                                                                         \
    {                                                                                                             \
        (void)state;                                                                                              \
        run(name);                                                                                                \
    }

CASE(handed_over)
CASE(not_read)
CASE(accounted)
CASE(killed_before)
CASE(killed_amid)
CASE(killed_after)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_handed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_accounted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed_amid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed_after, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
