/* Spans on their way to octoshim-otlp: see spans.h. */
#include "export/spans.h"

#include "base/clock.h"
#include "base/sys.h"
#include "base/text.h"
#include "export/error.h"
#include "export/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { PIPE_BYTES = 1 << 20 };

void octo_spans_init(struct octo_spans *s, const struct octo_settings *settings)
{
    struct octo_otlp_page *page = atomic_load(&s->page);

    if (page != NULL)
        octo_sys(SYS_munmap, page, sizeof *page);
    atomic_store(&s->page, NULL);
    s->settings = settings;
    s->wanted = settings != NULL && octo_settings_export_spans(settings);
    s->put = false;
    s->pipe = s->page_fd = s->bell = -1;
    s->not_before_ns = s->handed = 0;
    s->in_vain = 0;
    memset(s->seen, 0, sizeof s->seen);
    s->trouble_no = 0;
    s->start_error = 0;
    s->length = s->rest_length = 0;
}

bool octo_spans_add(struct octo_spans *s, const struct octo_record *r, int64_t real_offset_ns)
{
    uint64_t real_ns = r->mono_ns + (uint64_t)real_offset_ns;

    if (s->length + r->size > sizeof s->batch)
        return false;
    memcpy(s->batch + s->length, r, r->size);
    memcpy(s->batch + s->length + offsetof(struct octo_record, mono_ns), &real_ns, sizeof real_ns);
    s->length += r->size;
    return true;
}

/* Of the record at p. */
static uint32_t size_at(const char *p)
{
    uint32_t size;

    memcpy(&size, p + offsetof(struct octo_record, size), sizeof size);
    return size;
}

static uint64_t count_records(const char *p, size_t length)
{
    uint64_t n = 0;

    for (size_t at = 0; at < length; at += size_at(p + at))
        n++;
    return n;
}

static void close_pipe(struct octo_spans *s)
{
    if (s->pipe >= 0) {
        octo_sys(SYS_close, s->pipe);
        octo_sys(SYS_close, s->page_fd);
        octo_sys(SYS_close, s->bell);
    }
    s->pipe = s->page_fd = s->bell = -1;
    s->rest_length = 0;
}

/* A fresh page in place of the former one. Returns its descriptor or -errno. */
static int make_page(struct octo_spans *s)
{
    int fd = (int)octo_sys(SYS_memfd_create, "octoshim-otlp", 1 /* MFD_CLOEXEC */);
    struct octo_otlp_page *former = atomic_load(&s->page);
    long at;

    if (fd < 0)
        return fd;
    at = octo_sys(SYS_ftruncate, fd, sizeof *former);
    if (at == 0)
        at = octo_sys(SYS_mmap, former, sizeof *former, PROT_READ | PROT_WRITE,
                      MAP_SHARED | (former != NULL ? MAP_FIXED : 0), fd, 0);
    if (at < 0 && at > -4096) {
        octo_sys(SYS_close, fd);
        return (int)at;
    }
    atomic_store(&s->page, (struct octo_otlp_page *)at);
    memset(s->seen, 0, sizeof s->seen);
    s->trouble_no = 0;
    return fd;
}

static int start(struct octo_spans *s, const struct octo_sink *sink)
{
    struct octo_sink view = *sink; /* only its view of stderr is used */
    struct octo_helper helper = {
        .library = s->settings->library, .settings = s->settings, .instance = s->instance};
    int ends[2], error = (int)octo_sys(SYS_pipe2, ends, O_CLOEXEC);

    if (error < 0)
        return error;
    octo_sys(SYS_fcntl, ends[1], F_SETFL, O_NONBLOCK);
    octo_sys(SYS_fcntl, ends[1], F_SETPIPE_SZ, PIPE_BYTES); /* or what is allowed */
    s->pipe = ends[1];
    s->bell = helper.bell = (int)octo_sys(SYS_eventfd2, 0, O_CLOEXEC | O_NONBLOCK);
    s->page_fd = helper.page = make_page(s);
    helper.records = ends[0];
    error = helper.bell < 0 ? helper.bell : helper.page;
    if (error >= 0) {
        helper.err = octo_sink_stderr(&view);
        error = octo_helper_start(&helper);
        if (helper.err > 2)
            octo_sys(SYS_close, helper.err);
    }
    octo_sys(SYS_close, ends[0]);
    if (error < 0) {
        close_pipe(s);
        return error;
    }
    s->put = false;
    return 0;
}

/* It has ended, and said nothing of these: nobody knows whether a receiver has them. */
static void give_up_handed(struct octo_spans *s, _Atomic uint64_t *results)
{
    uint64_t known = 0;

    for (unsigned i = 0; i < OCTO_SPAN_RESULT_COUNT; i++)
        known += s->seen[i];
    if (s->handed > known)
        atomic_fetch_add_explicit(&results[OCTO_SPAN_FAILED], s->handed - known, memory_order_relaxed);
    s->handed = 0;
}

bool octo_spans_start(struct octo_spans *s, _Atomic uint64_t *results, const struct octo_sink *sink)
{
    uint64_t now = octo_clock_mono_ns();

    if (s->pipe >= 0)
        return true;
    if (now < s->not_before_ns)
        return false;
    octo_spans_account(s, results);
    give_up_handed(s, results);
    s->not_before_ns = now + (OCTO_SPANS_PAUSE_MS * OCTO_NS_PER_MS << (s->in_vain < 6 ? s->in_vain : 6));
    s->in_vain++;
    s->start_error = start(s, sink);
    return s->pipe >= 0;
}

void octo_spans_prepare(struct octo_spans *s, _Atomic uint64_t *results, const struct octo_sink *sink)
{
    if (s->length != 0)
        octo_spans_start(s, results, sink);
}

/* Returns how many bytes the pipe has taken. */
static size_t write_pipe(struct octo_spans *s, const char *p, size_t length)
{
    size_t done = 0;

    while (done < length) {
        long n = octo_sys(SYS_write, s->pipe, p + done, length - done);

        if (n == -EINTR)
            continue;
        if (n < 0 && n != -EAGAIN) {
            close_pipe(s); /* it has ended: EPIPE. The signal of that is blocked in this thread. */
            s->start_error = (int)n;
        }
        if (n < 0)
            break;
        done += (size_t)n;
    }
    return done;
}

/* The rest of a record that was begun. */
static bool write_rest(struct octo_spans *s)
{
    size_t done = s->rest_length != 0 ? write_pipe(s, s->rest, s->rest_length) : 0;

    if (s->pipe < 0)
        return false;
    memmove(s->rest, s->rest + done, s->rest_length - done);
    s->rest_length -= (uint32_t)done;
    return s->rest_length == 0;
}

void octo_spans_hand_over(struct octo_spans *s, _Atomic uint64_t *results)
{
    size_t taken = 0, whole = 0;
    uint64_t given;

    if (s->length == 0)
        return;
    if (s->pipe >= 0 && write_rest(s))
        taken = write_pipe(s, s->batch, s->length);
    while (whole < taken)
        whole += size_at(s->batch + whole);
    if (whole > taken && s->pipe >= 0) {
        s->rest_length = (uint32_t)(whole - taken);
        memcpy(s->rest, s->batch + taken, s->rest_length);
    }
    given = count_records(s->batch, whole);
    s->handed += given;
    atomic_fetch_add_explicit(&results[OCTO_SPAN_DROPPED], count_records(s->batch + whole, s->length - whole),
                              memory_order_relaxed);
    s->length = 0;
}

bool octo_spans_metrics_wait(struct octo_spans *s)
{
    struct octo_otlp_page *page = atomic_load(&s->page);
    struct pollfd pipe = {.fd = s->pipe};
    struct timespec none = {0, 0};

    if (octo_sys(SYS_ppoll, &pipe, 1, &none, NULL, 8) == 1) { /* POLLERR: nobody reads it any more */
        close_pipe(s);
        s->start_error = -EPIPE;
        return true;
    }
    if (atomic_load(&page->metrics_length) != 0)
        return true;
    s->in_vain = s->put ? 0 : s->in_vain;
    return false;
}

void octo_spans_put_metrics(struct octo_spans *s, const char *text, size_t length, uint64_t since_ns)
{
    struct octo_otlp_page *page = atomic_load(&s->page);
    uint64_t one = 1;

    for (size_t done = 0; done < length;) {
        long n = octo_sys(SYS_pwrite64, s->page_fd, text + done, length - done, OCTO_OTLP_TEXT_AT + done);

        if (n <= 0 && n != -EINTR)
            return; /* no memory now */
        done += n > 0 ? (size_t)n : 0;
    }
    page->metrics_since_ns = since_ns;
    page->metrics_ns = octo_clock_real_ns();
    s->put = true;
    atomic_store(&page->metrics_length, length);
    octo_sys(SYS_write, s->bell, &one, sizeof one);
}

void octo_spans_drop(struct octo_spans *s, _Atomic uint64_t *results)
{
    atomic_fetch_add_explicit(&results[OCTO_SPAN_DROPPED], count_records(s->batch, s->length),
                              memory_order_relaxed);
    s->length = 0;
}

bool octo_spans_account(struct octo_spans *s, _Atomic uint64_t *results)
{
    struct octo_otlp_page *page = atomic_load(&s->page);
    uint64_t known = 0;

    if (page == NULL)
        return false;
    for (unsigned i = 0; i < OCTO_SPAN_RESULT_COUNT; i++) {
        uint64_t now = atomic_load(&page->spans[i]);

        atomic_fetch_add_explicit(&results[i], now - s->seen[i], memory_order_relaxed);
        s->seen[i] = now;
        known += now;
    }
    if (known != 0)
        s->in_vain = 0;
    return s->pipe >= 0 && known < s->handed;
}

bool octo_spans_trouble(struct octo_spans *s, char text[OCTO_SPANS_TROUBLE_MAX])
{
    struct octo_otlp_page *page = atomic_load(&s->page);
    uint32_t no = page != NULL ? atomic_load(&page->trouble_no) : 0;
    struct octo_text t;

    if (s->start_error != 0) {
        octo_text_begin(&t, text, OCTO_SPANS_TROUBLE_MAX);
        octo_text_str(&t, s->start_error == -EPIPE ? "octoshim-otlp has ended: " : "cannot start octoshim-otlp: ");
        octo_text_str(&t, octo_error_name(s->start_error));
        s->start_error = 0;
        return true;
    }
    if (no == s->trouble_no || no % 2 != 0)
        return false;
    memcpy(text, page->trouble, sizeof page->trouble);
    text[sizeof page->trouble - 1] = '\0';
    if (atomic_load(&page->trouble_no) != no)
        return false; /* the next time */
    s->trouble_no = no;
    return true;
}

void octo_spans_close(struct octo_spans *s)
{
    close_pipe(s);
}

void octo_spans_wait(struct octo_spans *s, uint64_t timeout_ns)
{
    uint64_t deadline = octo_clock_mono_ns() + timeout_ns, now;
    struct octo_otlp_page *page = atomic_load(&s->page);

    while (page != NULL && atomic_load(&page->done) == 0 && (now = octo_clock_mono_ns()) < deadline) {
        struct timespec left = {(time_t)((deadline - now) / OCTO_NS_PER_S),
                                (long)((deadline - now) % OCTO_NS_PER_S)};

        octo_sys(SYS_futex, &page->done, FUTEX_WAIT, 0, &left, 0, 0);
    }
}
