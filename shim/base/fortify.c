/*
 * The names that Debian's static jansson asks for and that not every libc has.
 *
 * Debian compiles with _FORTIFY_SOURCE, so the archive calls the *_chk names, which musl lacks: one of them left
 * undefined and no musl program would start with the shim (H43). And `stdin`, a variable, cannot be reached
 * from a library by the archive's code, which is not position-independent in that one place.
 * For: the archive only, reached by settings_json.c. All hidden: nothing here is seen outside the library.
 */
#include <stdarg.h>
#include <stddef.h>

#define HIDDEN __attribute__((visibility("hidden")))

/* Declared here, not by <stdio.h>: that header would declare stdin with another type and visibility. */
int vsnprintf(char *buffer, size_t size, const char *format, va_list args);

HIDDEN int __vsnprintf_chk(char *buffer, size_t size, int flag, size_t room, const char *format, va_list args);
HIDDEN int __snprintf_chk(char *buffer, size_t size, int flag, size_t room, const char *format, ...);
HIDDEN char *__strncpy_chk(char *to, const char *from, size_t n, size_t room);

/* json_loadfd compares its file with it; we never call json_loadfd. */
HIDDEN void *stdin;

int __vsnprintf_chk(char *buffer, size_t size, int flag, size_t room, const char *format, va_list args)
{
    (void)flag;
    return vsnprintf(buffer, size < room ? size : room, format, args);
}

int __snprintf_chk(char *buffer, size_t size, int flag, size_t room, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = __vsnprintf_chk(buffer, size, flag, room, format, args);
    va_end(args);
    return len;
}

char *__strncpy_chk(char *to, const char *from, size_t n, size_t room)
{
    size_t i;

    for (i = 0; i < n && i < room; i++) {
        to[i] = *from;
        if (*from != '\0')
            from++;
    }
    return to;
}
