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
 * And for preloaded processes that have asked for it (octoshim/seat.h): the same calls for each thread, where the thread itself reads them.
 *
 * Nothing but numbers of calls, processes and nanoseconds leaves the kernel. Of a process' memory nothing is read but, when a call took
 * long, the ID of the request that the thread says it is on.
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
const volatile __u64 slow_ns = 0; /* calls that take as long are told of one by one; 0: none */
/* A bit for each number: it waits for others by its nature, which is of interest only if a request waits with it. */
const volatile __u64 never_slow[OCTO_NUMBERS / 64];
const volatile __u8 seat_class[OCTO_NUMBERS]; /* enum octo_seat_class */
const volatile char name_of[OCTO_NAMES][OCTO_NAME_MAX];

/* ── shared with octoprobe, which sets bits and reads ──────────────────────────────────────────────── */

__u64 followed[OCTO_PIDS / 64]; /* a bit for each PID */
__u64 lost[OCTO_LOST_KINDS];
__u32 last_serial;
__u64 alive;       /* processes that are followed */
int command;       /* the process that is followed once it executes a program; 0: none */
__u64 attached_ns; /* CLOCK_MONOTONIC */
__u64 keys;        /* of `calls` that were made so far; counted after that */
__u64 changes;     /* of `processes`: the same */
__u32 joins;       /* how often `joined` has changed */

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
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, OCTO_PROCESSES);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, __u32);
    __type(value, struct octo_joined_process);
} joined SEC(".maps"); /* by PID; octoprobe's to write */

struct one_process_seats {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, OCTO_SEATS);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(struct octo_seat));
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, OCTO_JOINS);
    __type(key, __u32);
    __array(values, struct one_process_seats);
} seats SEC(".maps");

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

    if (bpf_map_update_elem(&processes, &serial, process, BPF_ANY) != 0)
        return 0;
    __sync_fetch_and_add(&changes, 1);
    return serial;
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
        __sync_fetch_and_add(&changes, 1);
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
        bpf_map_delete_elem(&joined, &pid); /* the memory is gone, and so is who has asked */
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
    bpf_map_delete_elem(&joined, &pid);
    serial = bpf_map_lookup_elem(&serials, &pid);
    if (!serial)
        return 0;
    process = by_process ? bpf_map_lookup_elem(&processes, serial) : NULL;
    if (process)
        process->ended = 1;
    __sync_fetch_and_add(&changes, 1);
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
    __sync_fetch_and_add(&keys, 1);
    c = bpf_map_lookup_elem(&calls, key);
    if (!c)
        __sync_fetch_and_add(&lost[OCTO_LOST_CALLS], 1);
    return c;
}

static __always_inline __u64 thread_pointer(const struct task_struct *task)
{
    if (bpf_core_field_exists(task->thread.fsbase))
        return task->thread.fsbase;
    return bpf_core_field_exists(task->thread.uw.tp_value) ? task->thread.uw.tp_value : 0;
}

/* The beginning of OTEP 4947's record, as the shim makes it: the ID is its first attribute. */
struct thread_record {
    __u8 trace_id[16], span_id[8], valid, trace_flags;
    __u16 attributes_size;
    __u8 key, length;
};

/* The ID of the request that this thread says it is on. Returns its length, 0: on none. */
static __always_inline __u32 read_request(const struct task_struct *task, char id[OCTO_REQUEST_ID])
{
    __u32 pid = task->tgid;
    const struct octo_joined_process *process = bpf_map_lookup_elem(&joined, &pid);
    struct thread_record r;
    __u64 at;

    if (!process ||
        bpf_probe_read_user(&at, sizeof at, (void *)(thread_pointer(task) + process->context_offset)) != 0 ||
        at == 0)
        return 0;
    if (bpf_probe_read_user(&r, sizeof r, (void *)at) != 0 || r.valid != 1 || r.key != 0 || r.length == 0 ||
        r.length > OCTO_REQUEST_ID || r.length + 2 > r.attributes_size)
        return 0;
    return bpf_probe_read_user(id, r.length, (void *)(at + sizeof r)) == 0 ? r.length : 0;
}

/* Nobody is woken: octoprobe looks once a second. */
static __noinline int tell_slow(struct task_struct *task, const struct octo_in_flight *own, __u64 ns,
                                long returned)
{
    unsigned nr = own->nr;
    char id[OCTO_REQUEST_ID] = {0};
    __u32 id_len;
    struct octo_slow *s;

    if (own->flags != 0 || nr >= OCTO_NUMBERS)
        return 0;
    id_len = read_request(task, id);
    if (id_len == 0 && never_slow[nr / 64 % (OCTO_NUMBERS / 64)] >> (nr & 63) & 1)
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
    s->serial = own->serial;
    s->nr = nr;
    bpf_get_current_comm(s->name, sizeof s->name);
    s->id_len = id_len;
    __builtin_memcpy(s->id, id, sizeof id);
    bpf_ringbuf_submit(s, BPF_RB_NO_WAKEUP);
    return 0;
}

/* ── calls of a thread that has a seat ─────────────────────────────────────────────────────────────── */

/* Whether the process has asked for seats may have changed. */
static __noinline int look_again(struct task_struct *task, struct octo_in_flight *own)
{
    __u32 pid = task->tgid;
    const struct octo_joined_process *process;

    own->joins_seen = joins;
    own->taken_seen = 0;
    own->map = own->seat = 0;
    process = bpf_map_lookup_elem(&joined, &pid);
    if (process) {
        own->map = process->map;
        own->serial = process->serial;
    }
    return 0;
}

/* As the thread knows itself. */
static __always_inline __u32 own_tid(struct task_struct *task)
{
    struct pid *pid = BPF_CORE_READ(task, thread_pid);
    __u32 level = BPF_CORE_READ(pid, level);
    struct upid *last;

    if (level == 0 || level > 32) /* MAX_PID_NS_LEVEL */
        return task->pid;
    last = (void *)((char *)pid + bpf_core_field_offset(pid->numbers) + level * bpf_core_type_size(struct upid));
    return BPF_CORE_READ(last, nr);
}

/* Looks where the thread may have taken one, once for each time that somebody has. */
static __noinline int look_for_seat(struct task_struct *task, struct octo_in_flight *own, void *map)
{
    __u32 first = 0, tid, place;
    const struct octo_seat *seat = bpf_map_lookup_elem(map, &first);

    if (!seat || seat->tid == own->taken_seen)
        return 0;
    own->taken_seen = seat->tid;
    tid = own_tid(task);
    for (unsigned i = 0; i < OCTO_SEAT_WINDOW; i++) {
        place = 1 + (tid + i) % (OCTO_SEATS - 1);
        seat = bpf_map_lookup_elem(map, &place);
        if (seat && seat->tid == tid) {
            own->seat = place;
            return 1;
        }
    }
    return 0;
}

/* The thread itself is here, so that nobody reads or writes there meanwhile. */
static __noinline int add_to_seat(struct task_struct *task, struct octo_in_flight *own, __u64 ns)
{
    __u32 place = own->map - 1,
          class = own->nr < OCTO_NUMBERS && own->flags == 0 ? seat_class[own->nr % OCTO_NUMBERS] : 0;
    struct octo_seat_call *call = NULL;
    void *map = bpf_map_lookup_elem(&seats, &place);
    struct octo_seat *seat;

    if (!map || (own->seat == 0 && !look_for_seat(task, own, map)))
        return 0;
    place = own->seat;
    seat = bpf_map_lookup_elem(map, &place);
    if (!seat)
        return 0;
    seat->count++;
    seat->ns[class % OCTO_SEAT_CLASSES] += ns;
    if (bpf_core_field_exists(task->sched_info.run_delay))
        seat->run_queue_ns = task->sched_info.run_delay + 1;
    for (unsigned i = 0; i < OCTO_SEAT_CALLS; i++) {
        struct octo_seat_call *c = &seat->call[i];

        if (i >= seat->used) { /* a free one */
            seat->used = i + 1;
            *c = (struct octo_seat_call){own->nr, 1, ns};
            return 0;
        }
        if (c->nr == own->nr) {
            c->count++;
            c->ns += ns;
            return 0;
        }
        if (!call || c->ns < call->ns)
            call = c;
    }
    if (call && call->ns < ns) /* the one that matters least */
        *call = (struct octo_seat_call){own->nr, 1, ns};
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
    if (own->joins_seen != joins)
        look_again(task, own);
    if (own->map != 0)
        add_to_seat(task, own, ns);
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
    b.serial = own ? own->serial : 0;
    BPF_CORE_READ_STR_INTO(&b.name, task, comm);
    bpf_seq_write(ctx->meta->seq, &b, sizeof b);
    return 0;
}
