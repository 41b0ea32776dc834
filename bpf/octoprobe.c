/*
 * octoprobe: where the system calls of processes spend their time. See octoprobe(8).
 *
 *      options     the command line                targets     the processes that are meant, in /proc
 *      session     the programs (probe.bpf.c), loaded and attached
 *      readout     what they have counted, read out of the kernel
 *      slow        calls that took long, one by one
 *      join        preloaded services, which are told what is done for their requests
 *      rows        the same by call, or process; slots: how long they took
 *      table, lines, metrics    shown to people, to programs, to Prometheus (serve)
 *      privileges  given up as soon as the programs are attached and sockets are open
 *      check       what is possible here
 */
#include <err.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "base/clock.h"
#include "check.h"
#include "join.h"
#include "options.h"
#include "privileges.h"
#include "readout.h"
#include "serve.h"
#include "show.h"
#include "slow.h"
#include "targets.h"

enum { READ_MS = 1000 }; /* between two looks at the kernel's counters */

struct run {
    struct options o;
    struct session session;
    struct readout readout;
    struct serve serve;
    struct join join;
    struct slow slow;
    int signals;
    pid_t command; /* 0: none, or it has ended */
    int code;      /* to end with */
    uint64_t began_ns, shown_ns, next_read_ns;
    bool end;
};

static void update(struct run *r)
{
    int error = readout_update(&r->readout);

    if (error != 0)
        errx(EXIT_TROUBLE, "the kernel's counters cannot be read: %s", strerror(-error));
    for (unsigned i = 0; i < r->o.pids; i++)
        session_forget_ended(&r->session, r->o.pid[i]);
    slow_show(&r->slow);
    show_lost(&r->readout);
}

static void show(struct run *r, uint64_t now)
{
    if (r->o.in_flight)
        show_in_flight(&r->readout, &r->o);
    else if (r->o.json)
        show_lines(&r->readout, &r->o, (double)(now - r->shown_ns) / 1e9);
    else
        show_table(&r->readout, &r->o);
    readout_shown(&r->readout);
    r->shown_ns = now;
}

/* What has been told by signals. */
static void hear(struct run *r)
{
    struct signalfd_siginfo info;
    int status;

    while (read(r->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGCHLD) {
            if (r->command != 0 && info.ssi_pid != 0) /* from the terminal it has come to the command as well */
                kill(r->command, (int)info.ssi_signo);
            r->end = r->end || r->command == 0;
        } else if (r->command != 0 && waitpid(r->command, &status, WNOHANG) == r->command) {
            r->command = 0;
            r->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            r->next_read_ns = 0;
        }
    }
}

static void step(struct run *r, uint64_t now)
{
    bool due = r->o.interval_ns != 0 && now >= r->shown_ns + r->o.interval_ns;

    if (r->o.duration_ns != 0 && now >= r->began_ns + r->o.duration_ns)
        r->end = true;
    if (!due && !r->end && now < r->next_read_ns)
        return;
    update(r);
    r->next_read_ns = now + READ_MS * OCTO_NS_PER_MS;
    if (r->command == 0 && !targets_left(&r->o, session_alive(&r->session)))
        r->end = true;
    if (due || (r->end && (r->o.interval_ns != 0 || r->o.listen.kind == OCTO_LISTEN_OFF)))
        show(r, now);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void run(struct run *r)
{
    enum { SIGNALS, JOINS, SERVES };
    struct pollfd fds[SERVES + SERVE_POLLS];

    while (!r->end) {
        uint64_t until = r->next_read_ns, now = octo_clock_mono_ns();

        if (r->o.interval_ns != 0)
            until = sooner(until, r->shown_ns + r->o.interval_ns);
        if (r->o.duration_ns != 0)
            until = sooner(until, r->began_ns + r->o.duration_ns);
        fds[SIGNALS] = (struct pollfd){.fd = r->signals, .events = POLLIN};
        fds[JOINS] = (struct pollfd){.fd = r->join.poll, .events = POLLIN};
        serve_poll(&r->serve, fds + SERVES);
        if (poll(fds, SERVES + SERVE_POLLS, until > now ? (int)((until - now) / OCTO_NS_PER_MS) + 1 : 0) < 0 &&
            errno != EINTR)
            err(EXIT_TROUBLE, "poll");
        hear(r);
        if (fds[JOINS].revents != 0)
            join_step(&r->join);
        serve_step(&r->serve, fds + SERVES);
        step(r, octo_clock_mono_ns());
    }
}

static int open_signals(void)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        err(EXIT_TROUBLE, "signalfd");
    return fd;
}

/* Loads and attaches; from then on calls are counted of whoever is followed. */
static void begin_session(struct run *r)
{
    uint64_t cgroup_id[OCTO_CGROUPS];
    int cgroup_level[OCTO_CGROUPS];
    char why[512];

    targets_cgroups(&r->o, cgroup_id, cgroup_level);
    if (session_open(&r->session, &r->o, cgroup_id, cgroup_level, why) != 0 ||
        session_start(&r->session, why) != 0)
        errx(EXIT_UNAVAILABLE, "%s", why);
}

static void begin(struct run *r)
{
    int release = -1;

    targets_check(&r->o);
    begin_session(r);
    serve_begin(&r->serve, &r->o.listen, show_metrics, &r->readout);
    join_begin(&r->join, &r->o, &r->session, &r->readout);
    slow_begin(&r->slow, &r->session, &r->readout, &r->o);
    r->signals = open_signals();
    if (r->o.command != NULL) {
        r->command = targets_start(r->o.command, &release);
        session_follow_command(&r->session, r->command);
    }
    if (targets_follow(&r->session, &r->o) == 0 && r->o.pids != 0)
        errx(EXIT_NO_TARGET, "the processes have ended");
    privileges_drop(session_reads_freely() ? -1 : CAP_BPF);
    malloc_trim(0); /* the loader has needed much, for once */
    readout_begin(&r->readout, &r->session);
    r->began_ns = r->shown_ns = octo_clock_mono_ns();
    r->next_read_ns = r->began_ns + READ_MS * OCTO_NS_PER_MS;
    if (release >= 0 && (write(release, "", 1) != 1 || close(release) != 0))
        err(EXIT_TROUBLE, "the command cannot be started");
    r->end = r->o.in_flight && r->o.interval_ns == 0 && r->o.duration_ns == 0 && r->command == 0;
}

int main(int argc, char **argv)
{
    static struct run r;

    options_read(&r.o, argc, argv);
    if (r.o.check)
        return check(&r.o);
    begin(&r);
    if (r.end)
        show(&r, octo_clock_mono_ns());
    run(&r);
    serve_end(&r.serve);
    slow_end(&r.slow);
    join_end(&r.join);
    readout_end(&r.readout);
    session_close(&r.session);
    return r.code;
}
