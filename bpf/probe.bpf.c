/*
 * The programs in the kernel: system calls of some processes, counted and timed where they happen.
 *
 *      sys_enter   whose call it is: a bit for each PID, or a control group. Then: when it began, in the thread's storage
 *      sys_exit    how long it took: a slot of a histogram by process and call, on this processor
 *      fork        a followed process' child is followed, before it runs
 *      exec        a name that is looked for
 *      exit        the last thread: the PID may come back as another process
 *      task        an iterator: what each thread is in just now
 *
 * Nothing but numbers of calls, processes and nanoseconds leaves the kernel; no memory of a process is read.
 */
#include <stdbool.h>

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "probe.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* ── set before the start ──────────────────────────────────────────────────────────────────────────── */

const volatile struct octo_slot_tables slot_tables;
const volatile bool follow = true;
const volatile bool by_process = false; /* else all of one name are one */
const volatile bool failures_only = false;
const volatile int errno_only = 0; /* 0: any */
const volatile unsigned thread_only = 0;
const volatile unsigned own_pid = 0;
const volatile unsigned cgroups = 0, names = 0;
const volatile __u64 cgroup_id[OCTO_CGROUPS];
const volatile int cgroup_level[OCTO_CGROUPS];
const volatile __u64 slow_ns = 0;                   /* calls that take as long are told of one by one; 0: none */
const volatile __u64 never_slow[OCTO_NUMBERS / 64]; /* a bit for each number: it waits for others by its nature */
const volatile char name_of[OCTO_NAMES][OCTO_NAME_MAX];

/* ── shared with octoprobe, which sets bits and reads ──────────────────────────────────────────────── */

__u64 followed[OCTO_PIDS / 64]; /* a bit for each PID */
__u64 lost[OCTO_LOST_KINDS];
__u32 last_serial;
__u64 alive;       /* processes that are followed */
int command;       /* the process that is followed once it executes a program; 0: none */
__u64 attached_ns; /* CLOCK_MONOTONIC */

struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct octo_in_flight);
} in_flight SEC(".maps");

/* Not a per-CPU map: its memory comes from a pool that the kernel fills at leisure, and new keys come in crowds. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, OCTO_KEYS);
    __type(key, struct octo_call_key);
    __type(value, struct octo_calls);
} calls SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, OCTO_PROCESSES);
    __type(key, __u32);
    __type(value, __u32);
} serials SEC(".maps"); /* by PID, of those that are alive */

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, OCTO_PROCESSES);
    __type(key, __u32);
    __type(value, struct octo_process);
} processes SEC(".maps"); /* by serial */

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, OCTO_GROUPS);
    __type(key, char[OCTO_NAME_MAX]);
    __type(value, __u32);
} groups SEC(".maps"); /* serial by name */

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, OCTO_SLOW_BYTES);
} slow SEC(".maps");

/* What a new key begins with; too large for the stack. */
static const struct octo_calls none;

/* ── who is followed ───────────────────────────────────────────────────────────────────────────────── */

static __always_inline bool has_bit(__u32 pid)
{
    return followed[pid / 64 % (OCTO_PIDS / 64)] >> (pid & 63) & 1;
}

static __always_inline void set_bit(__u32 pid)
{
    __sync_fetch_and_or(&followed[pid / 64 % (OCTO_PIDS / 64)], 1ULL << (pid & 63));
}

static __always_inline void clear_bit(__u32 pid)
{
    __sync_fetch_and_and(&followed[pid / 64 % (OCTO_PIDS / 64)], ~(1ULL << (pid & 63)));
}

static __noinline bool in_cgroup(void)
{
    for (unsigned i = 0; i < OCTO_CGROUPS && i < cgroups; i++)
        if (bpf_get_current_ancestor_cgroup_id(cgroup_level[i]) == cgroup_id[i])
            return true;
    return false;
}

/* The task's own fields are nearer than what a helper makes of them. */
static __always_inline bool is_followed(const struct task_struct *task)
{
    if (!has_bit(task->tgid) && !(cgroups != 0 && (__u32)task->tgid != own_pid && in_cgroup()))
        return false;
    return thread_only == 0 || thread_only == (__u32)task->pid;
}

static __always_inline __u32 new_serial(const struct octo_process *process)
{
    __u32 serial = __sync_fetch_and_add(&last_serial, 1) + 1;

    return bpf_map_update_elem(&processes, &serial, process, BPF_ANY) == 0 ? serial : 0;
}

/* Of all processes of this name. 0: there is no room. */
static __always_inline __u32 serial_of_name(const struct octo_process *process)
{
    __u32 *there = bpf_map_lookup_elem(&groups, process->name), serial;

    if (there)
        return *there;
    serial = new_serial(process);
    if (serial != 0 && bpf_map_update_elem(&groups, process->name, &serial, BPF_NOEXIST) != 0) {
        bpf_map_delete_elem(&processes, &serial);
        there = bpf_map_lookup_elem(&groups, process->name); /* another processor was first */
        serial = there ? *there : 0;
    }
    return serial;
}

/* Begins to follow the process. Returns its serial number. */
static __always_inline __u32 admit(struct task_struct *task)
{
    struct octo_process process = {0};
    __u32 pid = BPF_CORE_READ(task, tgid), serial, *there;

    BPF_CORE_READ_STR_INTO(&process.name, task, group_leader, comm);
    process.pid = by_process ? pid : 0;
    serial = by_process ? new_serial(&process) : serial_of_name(&process);
    if (serial == 0)
        __sync_fetch_and_add(&lost[OCTO_LOST_PROCESSES], 1);
    if (bpf_map_update_elem(&serials, &pid, &serial, BPF_NOEXIST) == 0) {
        __sync_fetch_and_add(&alive, 1);
        return serial;
    }
    if (by_process && serial != 0)
        bpf_map_delete_elem(&processes, &serial);
    there = bpf_map_lookup_elem(&serials, &pid); /* another thread was first */
    if (!there)
        __sync_fetch_and_add(&lost[OCTO_LOST_PROCESSES], 1);
    return there ? *there : 0;
}

SEC("raw_tp/sched_process_fork")
int on_fork(struct bpf_raw_tracepoint_args *ctx)
{
    struct task_struct *parent = (struct task_struct *)ctx->args[0], *child = (struct task_struct *)ctx->args[1];
    __u32 pid = BPF_CORE_READ(child, tgid), parent_pid = BPF_CORE_READ(parent, tgid);

    if (!follow || pid == parent_pid || !has_bit(parent_pid))
        return 0;
    admit(child);
    set_bit(pid);
    return 0;
}

static __always_inline bool is_looked_for(const char *name)
{
    for (unsigned i = 0; i < OCTO_NAMES && i < names; i++) {
        bool same = true;

        for (unsigned k = 0; k < OCTO_NAME_MAX && same; k++) {
            same = name_of[i][k] == name[k];
            if (name[k] == 0)
                break;
        }
        if (same)
            return true;
    }
    return false;
}

/* A followed process has become another program. */
static __always_inline void rename(struct task_struct *task, __u32 pid, const struct octo_process *now)
{
    __u32 *serial = bpf_map_lookup_elem(&serials, &pid);
    struct octo_in_flight *own;
    struct octo_process *process;

    if (!serial)
        return;
    if (by_process) {
        process = bpf_map_lookup_elem(&processes, serial);
        if (process)
            __builtin_memcpy(process->name, now->name, sizeof now->name);
        return;
    }
    *serial = serial_of_name(now);
    own = bpf_task_storage_get(&in_flight, task, NULL, 0);
    if (own)
        own->serial = *serial;
}

SEC("raw_tp/sched_process_exec")
int on_exec(struct bpf_raw_tracepoint_args *ctx)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct octo_process now = {0};
    __u32 pid = task->tgid;

    bpf_get_current_comm(now.name, sizeof now.name);
    if (has_bit(pid)) {
        rename(task, pid, &now);
    } else if (pid == (__u32)command || (names != 0 && pid != own_pid && is_looked_for(now.name))) {
        admit(task);
        set_bit(pid);
    }
    return 0;
}

SEC("raw_tp/sched_process_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
    struct task_struct *task = (struct task_struct *)ctx->args[0];
    __u32 pid = BPF_CORE_READ(task, tgid), *serial;
    struct octo_process *process;

    if ((!has_bit(pid) && cgroups == 0) || BPF_CORE_READ(task, signal, live.counter) != 0)
        return 0;
    clear_bit(pid);
    serial = bpf_map_lookup_elem(&serials, &pid);
    if (!serial)
        return 0;
    process = by_process ? bpf_map_lookup_elem(&processes, serial) : NULL;
    if (process)
        process->ended = 1;
    bpf_map_delete_elem(&serials, &pid);
    __sync_fetch_and_sub(&alive, 1);
    return 0;
}

/* ── calls ─────────────────────────────────────────────────────────────────────────────────────────── */

static __always_inline bool is_compat(struct task_struct *task)
{
    return bpf_core_field_exists(task->thread_info.status) && (task->thread_info.status & KERNEL_TS_COMPAT);
}

SEC("raw_tp/sys_enter")
int on_enter(struct bpf_raw_tracepoint_args *ctx)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct octo_in_flight *own;
    __u64 nr = ctx->args[1];

    if (!is_followed(task))
        return 0;
    own = bpf_task_storage_get(&in_flight, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
    if (!own) {
        __sync_fetch_and_add(&lost[OCTO_LOST_CALLS], 1);
        return 0;
    }
    if (own->serial == 0) {
        __u32 pid = task->tgid, *serial = bpf_map_lookup_elem(&serials, &pid);

        own->serial = serial ? *serial : admit(task);
    }
    own->nr = nr < OCTO_NR_MAX ? nr : OCTO_NR_MAX;
    own->flags = is_compat(task) ? OCTO_CALL_COMPAT : 0;
    own->begun_ns = bpf_ktime_get_ns();
    return 0;
}

static __noinline struct octo_calls *new_key(const struct octo_call_key *key)
{
    struct octo_calls *c;

    bpf_map_update_elem(&calls, key, &none, BPF_NOEXIST);
    c = bpf_map_lookup_elem(&calls, key);
    if (!c)
        __sync_fetch_and_add(&lost[OCTO_LOST_CALLS], 1);
    return c;
}

/* Nobody is woken: octoprobe looks once a second. */
static __noinline int tell_slow(struct task_struct *task, const struct octo_in_flight *own, __u64 ns,
                                long returned)
{
    unsigned nr = own->nr;
    struct octo_slow *s;

    if (own->flags != 0 || nr >= OCTO_NUMBERS || never_slow[nr / 64 % (OCTO_NUMBERS / 64)] >> (nr & 63) & 1)
        return 0;
    s = bpf_ringbuf_reserve(&slow, sizeof *s, 0);
    if (!s) {
        __sync_fetch_and_add(&lost[OCTO_LOST_SLOW], 1);
        return 0;
    }
    s->ended_ns = bpf_ktime_get_ns();
    s->ns = ns;
    s->returned = returned;
    s->pid = task->tgid;
    s->tid = task->pid;
    s->nr = nr;
    bpf_get_current_comm(s->name, sizeof s->name);
    bpf_ringbuf_submit(s, BPF_RB_NO_WAKEUP);
    return 0;
}

SEC("raw_tp/sys_exit")
int on_return(struct bpf_raw_tracepoint_args *ctx)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct octo_in_flight *own;
    struct octo_call_key key;
    __u64 ns;
    struct octo_calls *c;
    long returned = ctx->args[1];
    enum octo_outcome outcome;
    unsigned slot;

    if (!is_followed(task))
        return 0;
    own = bpf_task_storage_get(&in_flight, task, NULL, 0);
    if (!own || own->begun_ns == 0)
        return 0; /* it was in that call before we came */
    ns = bpf_ktime_get_ns() - own->begun_ns;
    own->begun_ns = 0;
    outcome = octo_outcome(returned);
    if ((failures_only && outcome != OCTO_CALL_FAILED) || (errno_only != 0 && returned != -errno_only))
        return 0;
    if (slow_ns != 0 && ns >= slow_ns)
        tell_slow(task, own, ns, returned);
    key = (struct octo_call_key){own->serial, bpf_get_smp_processor_id(), own->nr, own->flags};
    c = bpf_map_lookup_elem(&calls, &key);
    if (!c && !(c = new_key(&key)))
        return 0;
    /* Another program may come between on this processor: additions are whole, the maximum may miss one. */
    slot = octo_slot(&slot_tables, ns);
    if (slot < OCTO_SLOTS)
        __sync_fetch_and_add(&c->slot[slot], 1);
    __sync_fetch_and_add(&c->sum_ns, ns);
    if (ns > c->max_ns)
        c->max_ns = ns;
    if (outcome == OCTO_CALL_FAILED)
        __sync_fetch_and_add(&c->failed, 1);
    else if (outcome == OCTO_CALL_INTERRUPTED)
        __sync_fetch_and_add(&c->interrupted, 1);
    return 0;
}

/* What a thread sleeps in whose entrance the programs have not seen. */
static bool was_in(struct task_struct *task, unsigned short *nr)
{
    struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
    long orig;

    if (!bpf_core_field_exists(task->__state) || task->__state == 0 || !bpf_core_field_exists(regs->orig_ax))
        return false;
    orig = BPF_CORE_READ(regs, orig_ax);
    *nr = orig;
    return orig >= 0 && orig < OCTO_NR_MAX;
}

SEC("iter/task")
int on_task(struct bpf_iter__task *ctx)
{
    struct task_struct *task = ctx->task;
    struct octo_in_flight *own;
    struct octo_blocked b = {0};

    if (!task)
        return 0;
    own = bpf_task_storage_get(&in_flight, task, NULL, 0);
    if (own && own->begun_ns != 0) {
        b.ns = own->begun_ns;
        b.nr = own->nr;
        b.flags = own->flags;
    } else if (!has_bit(task->tgid) || !was_in(task, &b.nr)) {
        return 0;
    } else {
        b.ns = attached_ns;
        b.flags = OCTO_CALL_LONGER;
    }
    b.ns = bpf_ktime_get_ns() - b.ns;
    b.pid = task->tgid;
    b.tid = task->pid;
    BPF_CORE_READ_STR_INTO(&b.name, task, comm);
    bpf_seq_write(ctx->meta->seq, &b, sizeof b);
    return 0;
}
