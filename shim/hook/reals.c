/* The real functions: see reals.h. */
#include "hook/reals.h"
#include "base/sys.h"

#include <dlfcn.h>
#include <fcntl.h>

/* For the few that are no system call: look it up now. */
#define octo_real_late(name, arguments)                                                                           \
    (octo_reals_resolve(), octo_real.name == raw_##name ? -ENOSYS : (long)octo_real.name arguments)

static long raw_pselect6(int n, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,
                         const sigset_t *mask)
{
    const long mask_and_size[2] = {(long)mask, 8};

    return octo_sys(SYS_pselect6, n, in, out, except, timeout, mask_and_size);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter" /* the fortified ones have a size that is libc's to check */
#define HOOK(room, type, name, parameters, arguments, raw)                                                        \
    static type raw_##name parameters                                                                             \
    {                                                                                                             \
        return (type)octo_result(raw);                                                                            \
    }
#define ALIAS(...)
#define HOOK_ALL
#include "hook/hooks.def"
#undef HOOK
#pragma GCC diagnostic pop

struct octo_reals octo_real = {
#define HOOK(room, type, name, parameters, arguments, raw) .name = raw_##name,
#include "hook/hooks.def"
#undef HOOK
};

/* The unqualified libc name of a row; what is exported under it is ours, the next one is the real one. */
static void resolve(const char *name, void *slot)
{
    void *real = dlsym(RTLD_NEXT, name);

    if (real)
        __atomic_store_n((void **)slot, real, __ATOMIC_RELEASE);
}

void octo_reals_resolve(void)
{
    int kept = errno;

#define HOOK(room, type, name, parameters, arguments, raw) resolve(#name, &octo_real.name);
#include "hook/hooks.def"
#undef HOOK
    errno = kept;
}
