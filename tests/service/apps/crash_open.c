/* Preloaded beside the library: to open a file whose name ends with /boom is fatal. What a bug in a module of the service's would be. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/types.h>

static volatile char *volatile nothing;

__attribute__((noinline)) void crash_in_open(void)
{
    *nothing = 1;
}

__attribute__((visibility("default"))) int open64(const char *path, int flags, ...)
{
    size_t n = strlen(path);
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    mode_t mode = 0;
    va_list more;

    va_start(more, flags);
    if (flags & (O_CREAT | O_TMPFILE))
        mode = va_arg(more, mode_t);
    va_end(more);
    if (n >= 5 && strcmp(path + n - 5, "/boom") == 0)
        crash_in_open();
    return real(path, flags, mode);
}
