/*
 * The real functions: the next definition of each intercepted name after ours (libc's, or another preload's).
 *
 * For: hook/. Before they are looked up, and where the C library lacks one, the entry makes the system call
 * itself, so there is never a moment at which a hook cannot do its work (H1).
 */
#ifndef OCTO_HOOK_REALS_H
#define OCTO_HOOK_REALS_H

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

struct octo_reals {
#define HOOK(room, type, name, parameters, arguments, raw) type(*name) parameters;
#define ALIAS(...)
#define HOOK_ALL
#include "hook/hooks.def"
#undef HOOK_ALL
#undef HOOK
#undef ALIAS
};

extern struct octo_reals octo_real;

/* Looks all of them up. Idempotent, allocates nothing where all names exist; the constructor calls it. */
void octo_reals_resolve(void);

/* Turns a raw result (-errno on failure) into libc's convention. */
static inline long octo_result(long raw)
{
    if (__builtin_expect((unsigned long)raw > -4096ul, 0)) {
        errno = (int)-raw;
        return -1;
    }
    return raw;
}

/* Exports the rows of one room: each is `octo_<name>` under the intercepted name. The assembler name keeps the C
 * library's declarations (variadic, transparent unions, redirected by macros) out of the way. */
#define OCTO_EXPORT(type, name, parameters, arguments, raw)                                                       \
    __attribute__((visibility("default"))) type octo_exported_##name parameters __asm__(#name);                   \
    type octo_exported_##name parameters                                                                          \
    {                                                                                                             \
        return octo_##name arguments;                                                                             \
    }
#define OCTO_EXPORT_ALIAS(name, target)                                                                           \
    extern __typeof__(octo_exported_##target) octo_exported_##name __asm__(#name)                                 \
        __attribute__((visibility("default"), alias(#target)));

#endif
