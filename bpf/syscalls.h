/*
 * System calls: their names and what they are about. Of the architecture that this was built for; the names are those of the
 * kernel's headers there.
 */
#ifndef OCTO_BPF_SYSCALLS_H
#define OCTO_BPF_SYSCALLS_H

enum octo_call_class {
    OCTO_CLASS_OTHER,
    OCTO_CLASS_FILE,
    OCTO_CLASS_NET,
    OCTO_CLASS_MEM,
    OCTO_CLASS_SYNC,
    OCTO_CLASS_WAIT
};

/* "read"; "syscall_999" in a buffer of this thread's where it has none. */
const char *octo_call_name(unsigned nr);
enum octo_call_class octo_call_class(unsigned nr);
/* "file" */
const char *octo_class_name(enum octo_call_class c);
/* The label in metrics: its name if it is one of some thirty that services live by, or "other". */
const char *octo_call_label(unsigned nr);
/* The largest that has a name, plus 1. */
unsigned octo_calls_known(void);
/* ENOENT of 2. */
const char *octo_errno_name(int error);

#endif
