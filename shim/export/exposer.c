/* The exposer: see exposer.h. */
#include "export/exposer.h"

#include "base/clock.h"
#include "base/sys.h"
#include "base/text.h"
#include "export/error.h"
#include "export/lead.h"
#include "export/listen.h"
#include "export/page.h"
#include "export/scrape.h"
#include "export/sink.h"
#include "export/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { NONE, STARTING, RUNNING, STOPPING };

enum {
    SCRAPERS = 16,       /* connections at once; others wait in the kernel */
    BUSY_PAUSE_US = 500, /* between two rounds that had something to do: bounds what a flood of requests costs */
    RETRY_MS = 250,      /* between attempts to listen: a successor waits for the port no longer */
    PATIENCE = 8,   /* failed attempts before it is said: a configuration check may hold the port for a moment */
    LOOK_MS = 1000, /* longest sleep while there are connections: deadlines are looked at */
    DEAF_MS = 100,  /* the same where nobody can knock */
    KNOCK = 16,     /* SIGSTKFLT, which no kernel has ever sent */
    NICE = 5,
    STOP_STEP_MS = 2,
};

static struct {
    const struct octo_settings *settings;
    struct octo_segment *segment;
    struct octo_thread thread;
    _Atomic uint32_t stop; /* also a futex */
    struct octo_lead lead;
    int listener;
    int knock; /* signalfd: octo_exposer_stop() knocks; -1: none */
    bool told; /* that it cannot listen */
    unsigned failures;
    struct octo_answers answers;
    struct octo_scrape scraper[SCRAPERS];
} exposer;
static _Atomic uint32_t state;

/* ── what is said ──────────────────────────────────────────────────────────────────────────────────── */

static void say(const char *before, uint16_t port, const char *after, int error)
{
    char line[OCTO_LISTEN_TEXT_MAX + 128], where[OCTO_LISTEN_TEXT_MAX];
    struct octo_sink to;
    struct octo_text t;

    octo_listen_text(&exposer.settings->listen, port, where);
    octo_text_begin(&t, line, sizeof(line));
    octo_text_str(&t, before);
    octo_text_str(&t, where);
    octo_text_str(&t, after);
    if (error)
        octo_text_str(&t, octo_error_name(error));
    octo_text_char(&t, '\n');
    octo_sink_init(&to, "stderr", OCTO_ROTATE_NEVER, 0);
    to.fd = octo_sink_stderr(&to);
    if (to.fd < 0)
        return;
    octo_sink_write(&to, line, octo_text_len(&t));
    if (to.fd != 2)
        octo_sys(SYS_close, to.fd);
}

/* ── serving ───────────────────────────────────────────────────────────────────────────────────────── */

/* Listens, sooner or later. False: to stop. */
static bool listen_at_last(void)
{
    const struct timespec pause = {.tv_nsec = RETRY_MS * (long)OCTO_NS_PER_MS};
    const struct octo_listen *where = &exposer.settings->listen;
    uint16_t port = (uint16_t)atomic_load(&exposer.segment->exposer_port);
    bool chosen = port != 0;

    while (!atomic_load(&exposer.stop)) {
        exposer.listener = octo_listen_open(where, &port);
        if (exposer.listener >= 0) {
            if (where->kind != OCTO_LISTEN_UNIX && where->port == 0 && !chosen)
                say("octoshim: metrics on http://", port, "/metrics", 0);
            atomic_store(&exposer.segment->exposer_port, where->port == 0 ? port : 0);
            return true;
        }
        if (++exposer.failures >= PATIENCE && !exposer.told) {
            exposer.told = true;
            say("octoshim: metrics cannot be served on ", port, ", trying again: ", exposer.listener);
        }
        octo_sys(SYS_futex, &exposer.stop, FUTEX_WAIT, 0, &pause, 0, 0);
    }
    return false;
}

/* A place for one more connection: a free one, or that of the one that has been idle longest. */
static struct octo_scrape *place(void)
{
    struct octo_scrape *idle = NULL;

    for (unsigned i = 0; i < SCRAPERS; i++) {
        struct octo_scrape *s = &exposer.scraper[i];

        if (s->state == OCTO_SCRAPE_CLOSED)
            return s;
        if (s->state == OCTO_SCRAPE_IDLE && (idle == NULL || s->deadline_ns < idle->deadline_ns))
            idle = s;
    }
    if (idle)
        octo_scrape_close(idle);
    return idle;
}

static void accept_all(uint64_t now_ns)
{
    struct octo_scrape *s;
    long fd;

    while ((s = place()) != NULL) {
        fd = octo_sys(SYS_accept4, exposer.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        octo_scrape_begin(s, (int)fd, now_ns);
    }
}

static bool can_accept(void)
{
    for (unsigned i = 0; i < SCRAPERS; i++)
        if (exposer.scraper[i].state == OCTO_SCRAPE_CLOSED || exposer.scraper[i].state == OCTO_SCRAPE_IDLE)
            return true;
    return false;
}

static void fill(struct pollfd fds[2 + SCRAPERS], bool *anybody)
{
    *anybody = false;
    fds[0] = (struct pollfd){.fd = can_accept() ? exposer.listener : -1, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = exposer.knock, .events = POLLIN};
    for (unsigned i = 0; i < SCRAPERS; i++) {
        const struct octo_scrape *s = &exposer.scraper[i];

        fds[2 + i] =
            (struct pollfd){.fd = s->state == OCTO_SCRAPE_CLOSED ? -1 : s->fd, .events = octo_scrape_events(s)};
        *anybody |= s->state != OCTO_SCRAPE_CLOSED;
    }
}

/* One round: waits until something can be done, at most wait_ns, and does it. Returns how long to wait the next time. */
static uint64_t go_round(uint64_t wait_ns)
{
    const struct timespec pause = {.tv_nsec = BUSY_PAUSE_US * 1000};
    struct timespec ts = {(time_t)(wait_ns / OCTO_NS_PER_S), (long)(wait_ns % OCTO_NS_PER_S)};
    struct pollfd fds[2 + SCRAPERS];
    uint64_t next = LOOK_MS * OCTO_NS_PER_MS, now;
    bool anybody;
    long n;

    fill(fds, &anybody);
    if (exposer.knock < 0 && wait_ns > DEAF_MS * OCTO_NS_PER_MS)
        ts = (struct timespec){.tv_nsec = DEAF_MS * (long)OCTO_NS_PER_MS};
    n = octo_sys(SYS_ppoll, fds, 2 + SCRAPERS, anybody || exposer.knock < 0 ? &ts : NULL, NULL, 8);
    now = octo_clock_mono_ns();
    if (n > 0 && fds[1].revents != 0 && !atomic_load(&exposer.stop)) {
        octo_sys(SYS_close,
                 exposer.knock); /* the service has blocked such a signal of its own, and does not take it */
        exposer.knock = -1;
    }
    for (unsigned i = 0; i < SCRAPERS; i++) {
        struct octo_scrape *s = &exposer.scraper[i];
        uint64_t again;

        if (s->state == OCTO_SCRAPE_CLOSED)
            continue;
        again = octo_scrape_go_on(s, &exposer.answers, n > 0 && fds[2 + i].revents != 0, now);
        if (s->state == OCTO_SCRAPE_WAITING && again < next)
            next = again ? again : OCTO_NS_PER_MS;
    }
    if (n > 0 && fds[0].revents != 0)
        accept_all(now);
    if (n > 0)
        octo_sys(SYS_nanosleep, &pause, NULL);
    return next;
}

static void write_page(struct octo_bulk *b, void *segment, enum octo_exposition format, uint64_t last_ns)
{
    octo_page_write(b, segment, format, last_ns, true);
}

static void serve(void)
{
    const uint64_t knock = 1ull << (KNOCK - 1);
    uint64_t wait_ns = 0;

    exposer.answers.write = write_page;
    exposer.answers.subject = exposer.segment;
    exposer.knock = (int)octo_sys(SYS_signalfd4, -1, &knock, sizeof(knock), O_CLOEXEC | O_NONBLOCK);
    while (!atomic_load(&exposer.stop))
        wait_ns = go_round(wait_ns);
    for (unsigned i = 0; i < SCRAPERS; i++)
        octo_scrape_close(&exposer.scraper[i]);
    octo_answers_end(&exposer.answers);
    octo_listen_close(&exposer.settings->listen, exposer.listener);
    if (exposer.knock >= 0)
        octo_sys(SYS_close, exposer.knock);
}

static void run(void *arg)
{
    (void)arg;
    octo_sys(SYS_prctl, PR_SET_NAME, "octoshim-http");
    octo_sys(SYS_setpriority, PRIO_PROCESS, 0, NICE);
    if (octo_thread_own_descriptors() >= 0) {
        octo_lead_prepare(&exposer.lead, &exposer.segment->exposer);
        if (octo_lead_take(&exposer.lead, &exposer.segment->exposer, &exposer.stop, 0, NULL, NULL)) {
            if (listen_at_last())
                serve();
            octo_lead_release(&exposer.segment->exposer);
        }
    }
    octo_thread_exit();
}

/* ── life ──────────────────────────────────────────────────────────────────────────────────────────── */

void octo_exposer_ensure(const struct octo_settings *settings, struct octo_segment *segment)
{
    uint32_t was = atomic_load_explicit(&state, memory_order_acquire);

    if (__builtin_expect(was == RUNNING || settings->listen.kind == OCTO_LISTEN_OFF, 1))
        return;
    if (was == STARTING || (was == STOPPING && atomic_load(&exposer.thread.tid) != 0) ||
        !atomic_compare_exchange_strong(&state, &was, STARTING))
        return;
    exposer.settings = settings;
    exposer.segment = segment;
    exposer.failures = 0;
    exposer.told = false;
    atomic_store(&exposer.stop, 0);
    if (octo_thread_start(&exposer.thread, run, NULL) == 0) {
        atomic_store_explicit(&state, RUNNING, memory_order_release);
    } else {
        atomic_fetch_add(&segment->start_failures, 1);
        atomic_store(&state, NONE);
    }
}

bool octo_exposer_stop(uint64_t timeout_ns)
{
    uint64_t deadline = octo_clock_mono_ns() + timeout_ns;
    uint32_t was = RUNNING;

    if (!atomic_compare_exchange_strong(&state, &was, STOPPING) && was != STOPPING)
        return false;
    atomic_store(&exposer.stop, 1);
    do {
        octo_sys(SYS_futex, &exposer.stop, FUTEX_WAKE, INT_MAX, 0, 0, 0);
        octo_lead_nudge(&exposer.segment->exposer);
        octo_sys(SYS_tgkill, octo_sys(SYS_getpid), exposer.thread.number, KNOCK);
    } while (!octo_thread_wait(&exposer.thread, STOP_STEP_MS * OCTO_NS_PER_MS) && octo_clock_mono_ns() < deadline);
    if (atomic_load(&exposer.thread.tid) == 0) {
        was = STOPPING;
        atomic_compare_exchange_strong(&state, &was, NONE);
    }
    return true;
}

void octo_exposer_forked(void)
{
    /* Memory for the stack stays, as a copy; thread and descriptors did not come along. */
    atomic_store(&exposer.thread.tid, 0);
    for (unsigned i = 0; i < SCRAPERS; i++) {
        exposer.scraper[i].state = OCTO_SCRAPE_CLOSED;
        exposer.scraper[i].answer = NULL;
    }
    octo_answers_end(&exposer.answers);
    atomic_store(&state, NONE);
}
