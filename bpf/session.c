/* Loading, attaching, and what is shared with the programs: see session.h. */
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "probe.skel.h"
#include "slots.h"
#include "syscalls.h"

static bool verbose;
static char last_words[256]; /* of the loader */

static int hear(enum libbpf_print_level level, const char *format, va_list args)
{
    if (verbose)
        return vfprintf(stderr, format, args);
    if (level == LIBBPF_WARN)
        vsnprintf(last_words, sizeof last_words, format, args);
    last_words[strcspn(last_words, "\n")] = '\0';
    return 0;
}

static bool kernel_is_before(unsigned major, unsigned minor)
{
    struct utsname u;
    unsigned a = 0, b = 0;

    if (uname(&u) != 0 || sscanf(u.release, "%u.%u", &a, &b) != 2)
        return false;
    return a < major || (a == major && b < minor);
}

static int failed(int error, const char *what, char why[512])
{
    if (error == -EPERM || error == -EACCES)
        snprintf(
            why, 512,
            "%s: not for this user: CAP_BPF and CAP_PERFMON are needed, or root (octoprobe --check tells more)",
            what);
    else if (error == -ENOSYS)
        snprintf(why, 512, "%s: this kernel has no BPF", what);
    else
        snprintf(why, 512, "%s: %s%s%s", what, strerror(-error), *last_words ? ": " : "", last_words);
    return error;
}

/* That they take long says nothing of the process or the kernel: threads without work are there. */
static bool waits_for_others(unsigned nr)
{
    return octo_call_class(nr) == OCTO_CLASS_WAIT || octo_call_class(nr) == OCTO_CLASS_NET ||
           strncmp(octo_call_name(nr), "futex", strlen("futex")) == 0;
}

static unsigned char seat_class(unsigned nr)
{
    switch (octo_call_class(nr)) {
    case OCTO_CLASS_FILE:
        return OCTO_SEAT_FILE;
    case OCTO_CLASS_NET:
        return OCTO_SEAT_NET;
    case OCTO_CLASS_WAIT:
    case OCTO_CLASS_SYNC: /* for another thread */
        return OCTO_SEAT_WAIT;
    case OCTO_CLASS_MEM:
    case OCTO_CLASS_OTHER:
        break;
    }
    return OCTO_SEAT_OTHER;
}

/* Now, while it is allowed. One for each process: who has it can write there. */
static int make_seats(struct session *s)
{
    LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

    for (unsigned i = 0; i < OCTO_JOINS; i++) {
        s->seats[i] = bpf_map_create(BPF_MAP_TYPE_ARRAY, "seats_of_one", sizeof(unsigned),
                                     sizeof(struct octo_seat), OCTO_SEATS, &opts);
        if (s->seats[i] < 0)
            return s->seats[i];
        if (bpf_map_update_elem(bpf_map__fd(s->probe->maps.seats), &i, &s->seats[i], BPF_ANY) != 0)
            return -errno;
    }
    return 0;
}

int session_open(struct session *s, const struct options *o, const uint64_t *cgroup_id, const int *cgroup_level,
                 char why[512])
{
    struct octo_slot_tables tables;
    int error;

    *s = (struct session){.threads = -1};
    memset(s->seats, -1, sizeof s->seats);
    verbose = o->verbose;
    libbpf_set_print(hear);
    if (access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
        snprintf(why, 512,
                 "this kernel does not describe itself: /sys/kernel/btf/vmlinux: %s (CONFIG_DEBUG_INFO_BTF)",
                 strerror(errno));
        return -ENOENT;
    }
    s->probe = probe_bpf__open();
    if (s->probe == NULL)
        return failed(-errno, "the programs cannot be opened", why);
    octo_slot_fill(&tables);
    memcpy((void *)&s->probe->rodata->slot_tables, &tables, sizeof tables);
    s->probe->rodata->follow = o->follow;
    s->probe->rodata->by_process = s->by_process = o->by_process;
    s->probe->rodata->failures_only = o->failures;
    s->probe->rodata->errno_only = o->error;
    s->probe->rodata->thread_only = (unsigned)o->thread;
    s->probe->rodata->own_pid = (unsigned)getpid();
    s->probe->rodata->slow_ns = o->slow_ns;
    for (unsigned nr = 0; nr < OCTO_NUMBERS; nr++) {
        s->probe->rodata->seat_class[nr] = seat_class(nr);
        if (waits_for_others(nr))
            s->probe->rodata->never_slow[nr / 64] |= 1ULL << (nr & 63);
    }
    s->probe->rodata->names = o->names;
    s->probe->rodata->cgroups = o->cgroups;
    for (unsigned i = 0; i < o->names; i++)
        strcpy((char *)s->probe->rodata->name_of[i], o->name[i]);
    for (unsigned i = 0; i < o->cgroups; i++) {
        s->probe->rodata->cgroup_id[i] = cgroup_id[i];
        s->probe->rodata->cgroup_level[i] = cgroup_level[i];
    }
    /* Before 6.1 a program like ours must not allocate; then all is there from the start. */
    if (kernel_is_before(6, 1))
        bpf_map__set_max_entries(s->probe->maps.calls, OCTO_KEYS_BEFORE);
    else
        bpf_map__set_map_flags(s->probe->maps.calls, BPF_F_NO_PREALLOC);
    if (o->slow_ns == 0) /* it has to be there; no larger than it must */
        bpf_map__set_max_entries(s->probe->maps.slow, (unsigned)sysconf(_SC_PAGESIZE));
    error = probe_bpf__load(s->probe);
    if (error == 0 && strcmp(o->join, "off") != 0)
        error = make_seats(s);
    if (error != 0) {
        failed(error, "the programs cannot be loaded", why);
        session_close(s);
        return error;
    }
    s->calls = bpf_map__fd(s->probe->maps.calls);
    s->serials = bpf_map__fd(s->probe->maps.serials);
    s->processes = bpf_map__fd(s->probe->maps.processes);
    s->groups = bpf_map__fd(s->probe->maps.groups);
    s->slow = bpf_map__fd(s->probe->maps.slow);
    s->joined = bpf_map__fd(s->probe->maps.joined);
    return 0;
}

int session_start(struct session *s, char why[512])
{
    int error = probe_bpf__attach(s->probe);

    if (error != 0)
        return failed(error, "the programs cannot be attached", why);
    s->threads = bpf_link__fd(s->probe->links.on_task);
    s->probe->bss->attached_ns = octo_clock_mono_ns();
    return 0;
}

static unsigned long long *word_of(const struct session *s, pid_t pid)
{
    return &s->probe->bss->followed[(unsigned)pid / 64 % (OCTO_PIDS / 64)];
}

bool session_is_followed(const struct session *s, pid_t pid)
{
    return *(volatile unsigned long long *)word_of(s, pid) >> (pid & 63) & 1;
}

/* As the programs would. */
static unsigned serial_for(struct session *s, const struct octo_process *process)
{
    unsigned serial;

    if (process->pid == 0 && bpf_map_lookup_elem(s->groups, process->name, &serial) == 0)
        return serial;
    serial = __sync_add_and_fetch(&s->probe->bss->last_serial, 1);
    if (bpf_map_update_elem(s->processes, &serial, process, BPF_ANY) != 0)
        return 0;
    __sync_fetch_and_add(&s->probe->bss->changes, 1);
    if (process->pid == 0)
        bpf_map_update_elem(s->groups, process->name, &serial, BPF_ANY);
    return serial;
}

/* Even if its parent has not asked for it yet: signals still find such a one. */
static bool has_ended(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    bool ended = fd < 0 ? kill(pid, 0) != 0 && errno == ESRCH : poll(&p, 1, 0) == 1;

    if (fd >= 0)
        close(fd);
    return ended;
}

bool session_follow(struct session *s, pid_t pid, const char *name)
{
    struct octo_process process = {.pid = s->by_process ? (unsigned)pid : 0};
    unsigned serial;

    if (session_is_followed(s, pid))
        return false;
    snprintf(process.name, sizeof process.name, "%s", name);
    serial = serial_for(s, &process);
    if (bpf_map_update_elem(s->serials, &pid, &serial, BPF_NOEXIST) == 0)
        __sync_fetch_and_add(&s->probe->bss->alive, 1);
    else if (s->by_process) /* known to the programs already */
        bpf_map_delete_elem(s->processes, &serial);
    __sync_fetch_and_or(word_of(s, pid), 1ULL << (pid & 63));
    return !session_forget_ended(s, pid); /* ended before that, unseen */
}

bool session_forget_ended(struct session *s, pid_t pid)
{
    if (!session_is_followed(s, pid) || !has_ended(pid))
        return false;
    __sync_fetch_and_and(word_of(s, pid), ~(1ULL << (pid & 63))); /* its PID may become another's */
    if (bpf_map_delete_elem(s->serials, &pid) == 0)
        __sync_fetch_and_sub(&s->probe->bss->alive, 1);
    return true;
}

void session_follow_command(struct session *s, pid_t pid)
{
    s->probe->bss->command = pid;
}

unsigned session_serial(const struct session *s, pid_t pid, char name[OCTO_NAME_MAX])
{
    struct octo_process process;
    unsigned serial;

    if (bpf_map_lookup_elem(s->serials, &pid, &serial) != 0 ||
        bpf_map_lookup_elem(s->processes, &serial, &process) != 0)
        return 0;
    memcpy(name, process.name, OCTO_NAME_MAX);
    name[OCTO_NAME_MAX - 1] = '\0';
    return serial;
}

unsigned session_new_serial(struct session *s, const char *name)
{
    struct octo_process process = {.pid = 0};
    unsigned serial = __sync_add_and_fetch(&s->probe->bss->last_serial, 1);

    snprintf(process.name, sizeof process.name, "%s", name);
    if (bpf_map_update_elem(s->processes, &serial, &process, BPF_ANY) != 0)
        return 0;
    __sync_fetch_and_add(&s->probe->bss->changes, 1);
    return serial;
}

bool session_join(struct session *s, pid_t pid, const struct octo_joined_process *process)
{
    if (bpf_map_update_elem(s->serials, &pid, &process->serial, BPF_EXIST) != 0 ||
        bpf_map_update_elem(s->joined, &pid, process, BPF_ANY) != 0)
        return false;
    __sync_fetch_and_add(&s->probe->bss->joins, 1);
    return true;
}

void session_part(struct session *s, pid_t pid, unsigned map)
{
    static const struct octo_seat empty;
    struct octo_joined_process process;

    if (bpf_map_lookup_elem(s->joined, &pid, &process) == 0 && process.map == map)
        bpf_map_delete_elem(s->joined, &pid);
    __sync_fetch_and_add(&s->probe->bss->joins, 1);
    for (unsigned i = 0; i < OCTO_SEATS; i++)
        bpf_map_update_elem(s->seats[map - 1], &i, &empty, BPF_ANY);
}

int session_seats(const struct session *s, unsigned map)
{
    return s->seats[map - 1];
}

unsigned session_alive(const struct session *s)
{
    return (unsigned)*(volatile unsigned long long *)&s->probe->bss->alive;
}

uint64_t session_keys(const struct session *s)
{
    return *(volatile unsigned long long *)&s->probe->bss->keys;
}

uint64_t session_changes(const struct session *s)
{
    return *(volatile unsigned long long *)&s->probe->bss->changes;
}

uint64_t session_lost(const struct session *s, unsigned kind)
{
    return *(volatile unsigned long long *)&s->probe->bss->lost[kind];
}

int session_threads(const struct session *s)
{
    return bpf_iter_create(s->threads);
}

bool session_reads_freely(void)
{
    return !kernel_is_before(5, 19);
}

void session_close(struct session *s)
{
    for (unsigned i = 0; i < OCTO_JOINS; i++)
        if (s->seats[i] >= 0)
            close(s->seats[i]);
    memset(s->seats, -1, sizeof s->seats);
    probe_bpf__destroy(s->probe);
    s->probe = NULL;
}
