/*
 * A thread that libc does not know. See thread.h.
 *
 * clone(2) is called here, not through libc: musl's wrapper refuses these flags since 1.2.5.
 */
#include "export/thread.h"

#include "base/clock.h"
#include "base/sys.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

enum {
    FD_SWEEP_MAX = 65536, /* descriptors closed one by one where the kernel has no close_range */
    GONE_STEP_US = 20,
    GUARD_BYTES = 64 << 10, /* one page of any page size */
    STACK_BYTES = 64 << 10,
    TLS_BYTES = 64 << 10, /* on both sides of the thread pointer: x86-64 looks below, aarch64 above */
    TOTAL_BYTES = GUARD_BYTES + STACK_BYTES + 2 * TLS_BYTES,
};

static char *stack_top(const struct octo_thread *t)
{
    return t->memory + GUARD_BYTES + STACK_BYTES;
}

#if defined(__x86_64__)

static void *thread_pointer(const struct octo_thread *t)
{
    char *tp = stack_top(t) + TLS_BYTES;
    const void *self = tp;
    uint64_t guards[2];

    /* The thread control block begins with its own address (twice). At 0x28 and 0x30 are the stack and the pointer
     * guard, which old glibcs use to call the vDSO. */
    __asm__("mov %%fs:0x28, %0\n\tmov %%fs:0x30, %1" : "=r"(guards[0]), "=r"(guards[1]));
    memcpy(tp, &self, sizeof self);
    memcpy(tp + 0x10, &self, sizeof self);
    memcpy(tp + 0x28, guards, sizeof guards);
    return tp;
}

long octo_thread_clone(unsigned long flags, char *stack, _Atomic uint32_t *tid, void *tp, void (*run)(void *),
                       void *arg)
{
    long ret;
    void **sp = (void **)(void *)stack;
    register _Atomic uint32_t *r10 __asm__("r10") = tid;
    register void *r8 __asm__("r8") = tp;

    *--sp = NULL; /* in the place, and with the alignment, of a call's return address */
    *--sp = (void *)run;
    *--sp = arg;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "pop %%rdi\n\t"
                     "pop %%rax\n\t"
                     "jmp *%%rax\n"
                     "1:"
                     : "=a"(ret)
                     : "a"(SYS_clone), "D"(flags), "S"(sp), "d"(tid), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory", "cc");
    return ret;
}

#elif defined(__aarch64__)

static void *thread_pointer(const struct octo_thread *t)
{
    return stack_top(t) + TLS_BYTES;
}

long octo_thread_clone(unsigned long flags, char *stack, _Atomic uint32_t *tid, void *tp, void (*run)(void *),
                       void *arg)
{
    void **sp = (void **)(void *)stack;
    register long x8 __asm__("x8") = SYS_clone;
    register long x0 __asm__("x0") = (long)flags;
    register void *x1 __asm__("x1") = sp - 2;
    register _Atomic uint32_t *x2 __asm__("x2") = tid;
    register void *x3 __asm__("x3") = tp;
    register _Atomic uint32_t *x4 __asm__("x4") = tid;

    sp[-2] = arg;
    sp[-1] = (void *)run;
    __asm__ volatile("svc 0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, #0\n\t"
                     "mov x30, #0\n\t"
                     "ldp x0, x16, [sp], #16\n\t"
                     "br x16\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
                     : "x16", "memory", "cc");
    return x0;
}

#endif

static int map_memory(struct octo_thread *t)
{
    long at = octo_sys(SYS_mmap, 0, TOTAL_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at < 0 && at > -4096)
        return (int)at;
    octo_sys(SYS_mprotect, at, GUARD_BYTES, PROT_NONE);
    t->memory = (char *)at;
    return 0;
}

int octo_thread_start(struct octo_thread *t, void (*run)(void *), void *arg)
{
    const unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                                CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    const uint64_t all = ~0ull;
    uint64_t mask;
    int err = t->memory == NULL ? map_memory(t) : 0;

    if (err != 0)
        return err;
    octo_sys(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &all, &mask, sizeof mask);
    long tid = octo_thread_clone(flags, stack_top(t), &t->tid, thread_pointer(t), run, arg);

    octo_sys(SYS_rt_sigprocmask, 2, &mask, NULL, sizeof mask);
    if (tid < 0)
        return (int)tid;
    t->number = (uint32_t)tid;
    return 0;
}

void octo_thread_exit(void)
{
    for (;;)
        octo_sys(SYS_exit, 0);
}

int octo_thread_own_descriptors(void)
{
    struct rlimit limit = {FD_SWEEP_MAX, FD_SWEEP_MAX};
    long err = octo_sys(SYS_close_range, 3, ~0u, CLOSE_RANGE_UNSHARE);

    if (err < 0) {
        err = octo_sys(SYS_unshare, CLONE_FILES);
        if (err < 0)
            return (int)err;
        octo_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
        for (unsigned fd = 3; fd < limit.rlim_cur && fd < FD_SWEEP_MAX; fd++)
            octo_sys(SYS_close, fd);
    }
    octo_sys(SYS_close, 0);
    octo_sys(SYS_close, 1);
    if (octo_sys(SYS_pidfd_getfd, -1, 2, 0) == -EBADF) {
        octo_sys(SYS_close, 2);
        return 0;
    }
    return 1;
}

bool octo_thread_wait(struct octo_thread *t, uint64_t timeout_ns)
{
    uint64_t deadline = octo_clock_mono_ns() + timeout_ns, now;
    uint32_t tid;

    while ((tid = atomic_load(&t->tid)) != 0 && (now = octo_clock_mono_ns()) < deadline) {
        struct timespec left = {(time_t)((deadline - now) / OCTO_NS_PER_S),
                                (long)((deadline - now) % OCTO_NS_PER_S)};

        octo_sys(SYS_futex, &t->tid, FUTEX_WAIT, tid, &left, 0, 0); /* the kernel's wake is not a private one */
    }
    /* The futex is cleared early in the thread's end, well before it leaves the thread group. */
    while (tid == 0 && t->number != 0 && octo_sys(SYS_tgkill, octo_sys(SYS_getpid), t->number, 0) != -ESRCH) {
        const struct timespec step = {.tv_nsec = GONE_STEP_US * 1000};

        if (octo_clock_mono_ns() >= deadline)
            return false;
        octo_sys(SYS_nanosleep, &step, NULL);
    }
    return tid == 0;
}
