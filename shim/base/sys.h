/*
 * Raw system calls: what the shim itself asks of the kernel.
 *
 * For: every room. The service's own calls go through libc (they are cancellation points and may be
 * another preloaded library's); ours go straight to the kernel, so that they are never intercepted,
 * never a cancellation point and never touch errno.
 * Context: any thread, signal-safe. Owns nothing. Every call returns a result >= 0, or -errno.
 */
#ifndef OCTO_BASE_SYS_H
#define OCTO_BASE_SYS_H

#include <sys/syscall.h>

#if defined(__x86_64__)

static inline long octo_sys6(long nr, long a, long b, long c, long d, long e, long f)
{
    long ret;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;

    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}

#elif defined(__aarch64__)

static inline long octo_sys6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = nr;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;

    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
    return x0;
}

#else
#error "octoshim knows the system call convention of x86-64 and aarch64 only"
#endif

/* octo_sys(nr, args…): up to six arguments, pointers and integers alike; missing ones are 0. */
#define octo_sys(...) OCTO_SYS_PICK(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define OCTO_SYS_PICK(nr, a, b, c, d, e, f, ...)                                                                  \
    octo_sys6((long)(nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#endif
