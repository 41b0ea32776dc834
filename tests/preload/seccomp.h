/* A filter that lets only the listed system calls through and kills the process at any other. For seccomp_*. */
#ifndef PRELOAD_SECCOMP_H
#define PRELOAD_SECCOMP_H

#include "preload.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Fills program (of count + 3 instructions): allowed[0..count) pass, the rest gets `otherwise`. */
static inline struct sock_fprog filter_of(struct sock_filter *program, const int *allowed, size_t count,
                                          unsigned otherwise)
{
    size_t n = 0;
    program[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < count; i++)
        program[n++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], (uint8_t)(count - i), 0);
    program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, otherwise);
    program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    return (struct sock_fprog){.len = (unsigned short)n, .filter = program};
}

/* What the small service of these programs uses, and not one more. */
static const int SERVICE_CALLS[] = {SYS_read, SYS_write, SYS_close, SYS_accept, SYS_exit_group, SYS_rt_sigreturn};

#endif
