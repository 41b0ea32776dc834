/*
 * The constructor: look up the real functions, copy the environment. Nothing else happens before the process turns
 * out to be a service.
 *
 * Runs before main and, by -z initfirst, before other libraries' constructors; so the environment is taken from the
 * arguments that glibc gives to constructors. errno is left as it was. Where the C library is not glibc (musl), or
 * another copy of this library is loaded already, it stays inert.
 */
#include "hook/reals.h"
#include "conn/disposition.h"
#include "conn/process.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* Our own accept4, by the name that only this library's linker knows. */
extern int octo_first_hook(int, struct sockaddr *, socklen_t *, int) __attribute__((visibility("hidden")));

extern const char *gnu_get_libc_version(void) __attribute__((weak));
extern int on_exit(void (*function)(int, void *), void *argument) __attribute__((weak));

static void at_exit(int code, void *unused)
{
    (void)unused;
    if (octo_service_awake())
        octo_process_exit(code);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* True if another copy of this library comes before us: both would insert (H50). */
static bool is_second_copy(void)
{
    void *first = dlsym(RTLD_DEFAULT, "accept4");
    Dl_info info;

    return first != (void *)octo_first_hook && first && dladdr(first, &info) && info.dli_fname &&
           strcmp(base_name(info.dli_fname), "liboctoshim.so") == 0;
}

__attribute__((constructor)) static void load(int argc, char **argv, char **envp)
{
    int kept = errno;

    octo_reals_resolve();
    if (gnu_get_libc_version && argc > 0 && argv && argv[0] && envp && !is_second_copy()) {
        Dl_info info;

        octo_disposition_load(octo_real.sigaction, dlsym(RTLD_NEXT, "abort"));
        octo_process_load(envp, argv[0], base_name(argv[0]),
                          dladdr((void *)octo_first_hook, &info) && info.dli_fname ? info.dli_fname : "");
        if (on_exit && octo_service.state == OCTO_SERVICE_WAITING)
            on_exit(at_exit, NULL);
    }
    errno = kept;
}
