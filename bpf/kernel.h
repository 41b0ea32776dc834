/*
 * The kernel's structures, as far as the programs look at them. Where their fields are is found when the programs are
 * loaded (CO-RE), so that neither a vmlinux.h nor the kernel's headers are needed.
 */
#ifndef OCTO_BPF_KERNEL_H
#define OCTO_BPF_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct thread_info {
    __u32 status; /* x86 */
};

struct pt_regs {
    unsigned long orig_ax; /* x86 */
};

struct signal_live {
    int counter;
};

struct signal_struct {
    struct signal_live live; /* threads that have not ended */
};

struct thread_struct {
    unsigned long fsbase; /* x86: the thread pointer */
    struct {
        unsigned long tp_value;
    } uw; /* arm64: the same */
};

struct sched_info {
    unsigned long long run_delay; /* ns ready to run, and not running; with CONFIG_SCHED_INFO */
};

struct upid {
    int nr;
};

struct pid {
    unsigned level;
    struct upid numbers[1]; /* by level; the last is how it knows itself */
};

struct task_struct {
    struct thread_info thread_info;
    int pid, tgid;
    unsigned __state; /* 0: it runs, or could */

    struct signal_struct *signal;
    struct task_struct *group_leader;
    struct pid *thread_pid;
    struct sched_info sched_info;
    struct thread_struct thread;
    char comm[16];
};

struct seq_file;

struct bpf_iter_meta {
    struct seq_file *seq;
};

struct bpf_iter__task {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
};

#pragma clang attribute pop

/* thread_info.status of a task that is in a 32-bit call. Source: arch/x86/include/asm/thread_info.h */
enum { KERNEL_TS_COMPAT = 2 };

#endif
