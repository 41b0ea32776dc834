/* This process and its service: see process.h. */
#include "conn/process.h"
#include "conn/alternate.h"
#include "conn/conn.h"
#include "conn/context.h"
#include "conn/crash.h"
#include "conn/disposition.h"
#include "conn/emit.h"
#include "conn/enrich.h"
#include "conn/link.h"
#include "conn/llm.h"
#include "conn/measure.h"
#include "conn/rules.h"
#include "conn/thread_context.h"
#include "base/clock.h"
#include "base/lone.h"
#include "base/sys.h"
#include "base/text.h"
#include "event/members.h"
#include "export/attendant.h"
#include "export/exposer.h"
#include "export/probe.h"
#include "export/writer.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
    BORN_WITH_MAX = 256,   /* inherited descriptors that are looked at */
    END_PATIENCE_MS = 200, /* for a thread of ours to end */
    SETTLE_STEP_US = 200,
    SETTLE_PATIENCE_MS = 100, /* for octoshim-otlp to be started */
    EXIT_PATIENCE_MS = 1000, /* for the last events to be written, if they can be: the machine may be a slow one */
    SPANS_PATIENCE_MS = 1000, /* for the last spans: in a container, all else ends with its first process */
};

struct octo_service octo_service;
struct octo_process *octo_process_page;

static long poll_now(struct pollfd *fds, int n)
{
    struct timespec none = {0, 0};

    return octo_sys(SYS_ppoll, fds, n, &none, NULL, 8);
}

/* Marks the descriptors that this process was born with: one of them may be a connection (inetd, systemd). */
static void ask_what_we_were_born_with(void)
{
    struct pollfd fds[BORN_WITH_MAX];

    int n = BORN_WITH_MAX;

    for (int fd = 0; fd < n; fd++)
        fds[fd] = (struct pollfd){.fd = fd};
    while (poll_now(fds, n) < 0)
        if ((n /= 4) == 0) /* the kernel takes no more of them than RLIMIT_NOFILE */
            return;
    for (int fd = 0; fd < n; fd++)
        if (!(fds[fd].revents & POLLNVAL))
            octo_fd_ask(fd);
}

/* OCTOSHIM_CHILDREN=0: is our parent preloaded with this very library? Its memory map says so. */
static bool parent_is_preloaded(void)
{
    static const char name[] = "/liboctoshim.so";
    char path[32] = "/proc/", buffer[4096 + sizeof(name)];
    char digits[12];
    unsigned parent = (unsigned)octo_sys(SYS_getppid), n = 0, at = 6;
    size_t kept = 0;
    bool found = false;
    long fd, got;

    do
        digits[n++] = (char)('0' + parent % 10);
    while ((parent /= 10) != 0);
    while (n)
        path[at++] = digits[--n];
    memcpy(path + at, "/maps", sizeof("/maps"));
    fd = octo_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    while (!found && (got = octo_sys(SYS_read, fd, buffer + kept, 4096)) > 0) {
        size_t have = kept + (size_t)got;

        found = memmem(buffer, have, name, sizeof(name) - 1) != NULL;
        kept = have < sizeof(name) ? have : sizeof(name);
        memmove(buffer, buffer + have - kept, kept);
    }
    octo_sys(SYS_close, fd);
    return found;
}

/* A relative path is meant from here, wherever the service goes later. */
static void make_absolute(char *path, size_t size)
{
    char here[OCTO_PATH_MAX];
    size_t path_len = strlen(path), len;

    if (*path == '/' || *path == '\0' || strcmp(path, "stderr") == 0 ||
        octo_sys(SYS_getcwd, here, sizeof(here)) < 0)
        return;
    len = strlen(here);
    if (here[0] != '/' || len + 1 + path_len >= size)
        return;
    memmove(path + len + 1, path, path_len + 1);
    memcpy(path, here, len);
    path[len] = '/';
}

/* FNV-1a. */
static uint64_t hash(const char *text)
{
    uint64_t value = 0xcbf29ce484222325u;

    for (; *text; text++)
        value = (value ^ (uint8_t)*text) * 0x100000001b3u;
    return value;
}

void octo_process_load(char *const *envp, const char *argv0, const char *program, const char *library)
{
    struct octo_settings *s = &octo_service.settings;
    size_t len = strnlen(argv0, sizeof(octo_service.argv0) - 1);
    long page;

    octo_settings_from_environment(s, envp, program);
    if (octo_settings_inert(s) || getauxval(AT_SECURE) || (!s->children && parent_is_preloaded()))
        return;
    page = octo_sys(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page < 0 && page > -4096)
        return;
    if (octo_sys(SYS_madvise, page, 4096, MADV_WIPEONFORK) < 0)
        return; /* Linux before 4.14: we could not tell a child from its parent */
    memcpy(octo_service.argv0, argv0, len);
    len = strnlen(library, sizeof(s->library) - 1);
    memcpy(s->library, library, len);
    make_absolute(s->library, sizeof(s->library));
    octo_process_page = (struct octo_process *)page;
    ask_what_we_were_born_with();
    atomic_store(&octo_service.state, OCTO_SERVICE_WAITING);
}

/*
 * Gives way while another thread is at what is done once in the life of a process or service (*word is `busy`), for about
 * 50 ms at most: a signal handler that has interrupted that very thread would wait in vain.
 */
static void give_way(_Atomic uint32_t *word, uint32_t busy)
{
    const struct timespec step = {.tv_nsec = 50000};

    for (int i = 0; i < 1000 && atomic_load(word) == busy && !octo_service.sandboxed; i++)
        octo_sys(SYS_nanosleep, &step, NULL);
}

struct octo_process *octo_process_begin(void)
{
    struct octo_process *p = octo_process_page;
    uint32_t fresh = 0;

    if (!p)
        return NULL;
    if (!atomic_compare_exchange_strong(&p->live, &fresh, 1)) {
        give_way(&p->live, 1);
        return atomic_load(&p->live) == 2 ? p : NULL;
    }
    p->pid = (uint32_t)octo_sys(SYS_getpid);
    octo_random_seed(&p->random, p->pid);
    octo_alternate_forked();
    octo_writer_forked();
    octo_exposer_forked();
    atomic_store_explicit(&p->live, 2, memory_order_release);
    return p;
}

/* The settings' complaints, on stderr if it takes them now: nobody waits for them. */
static void complain(const char *text)
{
    struct pollfd err = {.fd = 2, .events = POLLOUT};

    if (*text && poll_now(&err, 1) == 1 && (err.revents & POLLOUT))
        octo_sys(SYS_write, 2, text, strlen(text));
}

/* The place that the user has named does not do; memory without a file does for what is not killed. */
static void complain_of_place(const struct octo_settings *s)
{
    char line[OCTO_PATH_MAX + 256];
    struct octo_text t;

    octo_text_begin(&t, line, sizeof(line));
    octo_text_str(&t, "octoshim: OCTOSHIM_RUNTIME_DIR=");
    octo_text_str(&t, s->runtime_dir);
    octo_text_str(&t,
                  ": no file of shared memory could be made there (it must be a directory that this user may "
                  "write to, with 4 "
                  "MiB free); events that a killed service leaves will be lost, and workers that are programs of "
                  "their own count by themselves\n");
    complain(line);
}
_Static_assert(OCTO_SEGMENT_ROOM == 4 << 20, "as the line says");

/* stderr is a place only together with what it is connected to. */
static struct octo_identity identify(const struct octo_settings *s, int listener)
{
    struct octo_identity identity = {
        s->service, s->environment, s->version, hash(s->log), 0, 0, 0, (uint32_t)octo_sys(SYS_getppid)};
    struct stat st;

    if (listener >= 0 && octo_sys(SYS_newfstatat, listener, "", &st, AT_EMPTY_PATH) == 0)
        identity.listener = st.st_ino;
    if (strcmp(s->log, "stderr") == 0 && octo_sys(SYS_newfstatat, 2, "", &st, AT_EMPTY_PATH) == 0) {
        identity.log_dev = st.st_dev;
        identity.log_ino = st.st_ino;
    }
    return identity;
}

static void read_rules(const struct json_t *value, const char *file, const char *text, size_t len, void *arg)
{
    (void)arg;
    octo_rules_read(value, file, text, len, octo_service.metrics, complain);
    if (octo_rules.on[OCTO_ON_LOG])
        octo_fd_watch_log();
}

bool octo_service_wake(int listener)
{
    uint32_t state = OCTO_SERVICE_WAITING;
    struct octo_settings *s = &octo_service.settings;
    struct octo_process *process;
    bool joined = false;

    if (octo_service_awake())
        return true;
    if (octo_service.sandboxed)
        return false;
    process = octo_process();
    if (!process)
        return false;
    if (!atomic_compare_exchange_strong(&octo_service.state, &state, OCTO_SERVICE_WAKING)) {
        give_way(&octo_service.state, OCTO_SERVICE_WAKING);
        return octo_service_awake();
    }
    octo_settings_from_file(s, NULL);
    make_absolute(s->log, sizeof(s->log));
    octo_service.spans = octo_settings_export_spans(s);
    octo_service.pushes = octo_settings_export_metrics(s);
    octo_context_wake();
    octo_enrich_wake();
    complain(s->complaints);
    if (octo_settings_inert(s)) {
        atomic_store(&octo_service.state, OCTO_SERVICE_INERT);
        return false;
    }
    const struct octo_identity identity = identify(s, listener);

    octo_service.segment =
        octo_segment_create(s->runtime_dir, s->xdg_runtime_dir, &identity, process->pid, octo_service.segment_path,
                            sizeof(octo_service.segment_path), &joined);
    if (octo_service.segment && s->runtime_dir[0] != '\0' && octo_service.segment_path[0] == '\0')
        complain_of_place(s);
    if (octo_service.segment) {
        octo_segment_join(octo_service.segment, process->pid);
        octo_measure_wake(s, complain);
        octo_llm_wake(complain);
        if (octo_service.metrics)
            octo_settings_from_file(s, &(struct octo_settings_section){"rules", read_rules, NULL});
    } else {
        complain("octoshim: no shared memory for events and metrics; request IDs only\n");
    }
    atomic_store(&octo_service.state, OCTO_SERVICE_AWAKE);
    octo_links_wake();
    octo_crash_wake();
    octo_probe_wake(octo_thread_context_offset());
    octo_process_expose();
    if (!joined)
        octo_emit_service(true, octo_service.argv0, 0);
    return true;
}

void octo_service_wake_if_born_listening(void)
{
    static _Atomic bool looked;

    if (atomic_exchange(&looked, true))
        return;
    for (int fd = 0; fd < BORN_WITH_MAX; fd++) {
        int listening = 0;
        socklen_t len = sizeof(listening);

        if (!octo_fd_is_foreign(fd) &&
            octo_sys(SYS_getsockopt, fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening) {
            octo_service_wake(fd);
            return;
        }
    }
}

__thread struct octo_this_thread octo_this_thread;

void octo_process_unshared_descriptors(void)
{
    octo_this_thread.own_descriptors = !octo_is_lone();
}

bool octo_thread_has_own_descriptors(void)
{
    return octo_this_thread.own_descriptors;
}

void octo_process_lock_in(bool all_threads)
{
    if (octo_service.state == OCTO_SERVICE_INERT || octo_service.sandboxed || octo_process_is_borrowed())
        return;
    if (all_threads && octo_service_awake())
        octo_process_quiesce();
    if (octo_service_awake())
        octo_emit_prepare();
    octo_crash_lock_in();
    octo_measure_prepare();
    octo_conn_prepare();
    if (octo_service.segment) {
        atomic_store(&octo_service.segment->muted, 1);
        octo_writer_ring(octo_service.segment, true); /* the last time: it is not to sleep for good again */
    }
    octo_service.sandboxed = true;
}

bool octo_process_quiesce(void)
{
    octo_writer_stop(END_PATIENCE_MS * OCTO_NS_PER_MS);
    return octo_exposer_stop(END_PATIENCE_MS * OCTO_NS_PER_MS);
}

static bool is_vfork_child(void)
{
    struct octo_process *process = octo_process();

    return process && !octo_service.sandboxed && (uint32_t)octo_sys(SYS_getpid) != process->pid;
}

void octo_process_give_up(void)
{
    if (octo_service_awake()) {
        octo_process_quiesce();
        octo_crash_lock_in();
    }
    octo_process_page = NULL;
    octo_service.state = OCTO_SERVICE_INERT;
}

bool octo_process_is_borrowed(void)
{
    if (octo_this_thread.own_descriptors)
        return true;
    return is_vfork_child();
}

void octo_process_forked(uint32_t child_pid)
{
    struct octo_process *process = octo_process();

    if (!process)
        return;
    atomic_fetch_add(&process->forks, 1);
    octo_attendant_mind(child_pid);
    if (octo_service.segment)
        octo_segment_join(octo_service.segment, child_pid);
    octo_process_expose(); /* a master lives longer than its workers, and may be the child of who has listened */
}

void octo_process_expose(void)
{
    if (octo_service.segment && octo_service_awake() && !octo_service.sandboxed)
        octo_exposer_ensure(&octo_service.settings, octo_service.segment);
}

void octo_process_term_changed(void)
{
    struct octo_process *process = octo_service_awake() && octo_service.segment ? octo_process() : NULL;

    if (process && process->outlet.ring && !octo_service.sandboxed &&
        (uint32_t)octo_sys(SYS_getpid) == process->pid)
        octo_segment_steadfast(octo_service.segment, process->pid, !octo_disposition_is_deadly(SIGTERM));
}

void octo_process_leaves_root(void)
{
    if (octo_service.segment && !octo_service.sandboxed)
        octo_attendant_start(&octo_service.settings);
}

/* Each of HAProxy's threads does it for all: the second one's limit must not come before the first one's clones. */
void octo_process_ends_cloning(void)
{
    struct octo_process *process = octo_service.segment && !octo_service.sandboxed ? octo_process() : NULL;
    const struct timespec step = {.tv_nsec = SETTLE_STEP_US * 1000};
    uint32_t none = 0;

    if (!process)
        return;
    if (!atomic_compare_exchange_strong(&process->settling, &none, 1)) {
        for (unsigned us = 0; process->settling == 1 && us < 2000 * SETTLE_PATIENCE_MS; us += SETTLE_STEP_US)
            octo_sys(SYS_nanosleep, &step, NULL);
        return;
    }
    octo_attendant_start(&octo_service.settings);
    octo_writer_settle(&octo_service.settings, octo_service.segment, SETTLE_PATIENCE_MS * OCTO_NS_PER_MS);
    octo_process_expose();
    process->settling = 0;
}

/*
 * A process that has served nothing must not be the one that makes the log file: it may be the privileged parent of a
 * daemon, or a mere check of the configuration, and its workers could not open a file of its making.
 */
bool octo_process_may_write(void)
{
    const struct octo_process *process = octo_process();
    const char *log = octo_service.settings.log;

    return (process && process->requests != 0) || strcmp(log, "stderr") == 0 ||
           octo_sys(SYS_faccessat, AT_FDCWD, log, W_OK) == 0;
}

void octo_process_exit(int code)
{
    struct octo_process *process = octo_process();
    struct octo_segment *segment = octo_service.segment;
    bool last;

    if (!process || !segment)
        return;
    if (octo_service.sandboxed) {
        octo_segment_ended(segment, process->pid);
        return;
    }
    if (octo_process_is_borrowed())
        return;
    octo_conn_process_ends();
    octo_segment_ended(segment, process->pid);
    if (octo_service.settings.listen.kind == OCTO_LISTEN_UNIX)
        octo_exposer_stop(EXIT_PATIENCE_MS * OCTO_NS_PER_MS); /* or its file would stay */
    last = octo_segment_leave(segment, process->pid);
    if (last)
        octo_emit_service(false, "", code);
    if (!process->outlet.ring && !last)
        return;
    if (!octo_process_may_write()) {
        if (last)
            octo_segment_retire(segment, octo_service.segment_path);
        return;
    }
    octo_writer_ensure(&octo_service.settings, segment);
    octo_writer_flush(segment, EXIT_PATIENCE_MS * OCTO_NS_PER_MS);
    octo_writer_end_spans(SPANS_PATIENCE_MS * OCTO_NS_PER_MS);
    if (last)
        octo_segment_retire(segment, octo_service.segment_path);
}
