/* Names of errors: see error.h. */
#include "export/error.h"

#include <errno.h>

const char *octo_error_name(int error)
{
    static const struct {
        int number;
        char name[20];
    } errors[] = {
#define NAMED(e) {e, #e}
        NAMED(EACCES),     NAMED(EAGAIN),  NAMED(EBADF),      NAMED(EDQUOT),        NAMED(EFBIG),
        NAMED(EINVAL),     NAMED(EIO),     NAMED(EISDIR),     NAMED(ELOOP),         NAMED(ENAMETOOLONG),
        NAMED(EMFILE),     NAMED(ENFILE),  NAMED(ENODEV),     NAMED(ENOENT),        NAMED(ENOMEM),
        NAMED(ENOSPC),     NAMED(ENXIO),   NAMED(ENOTDIR),    NAMED(EPERM),         NAMED(EPIPE),
        NAMED(EROFS),      NAMED(ENOBUFS), NAMED(EADDRINUSE), NAMED(EADDRNOTAVAIL), NAMED(EAFNOSUPPORT),
        NAMED(ETIMEDOUT),  NAMED(EPROTO),  NAMED(ECONNRESET), NAMED(ESRCH),         NAMED(EFAULT),
        NAMED(ENOSYS),     NAMED(E2BIG),   NAMED(ENOEXEC),    NAMED(ETXTBSY),       NAMED(EBUSY),
        NAMED(EOPNOTSUPP),
#undef NAMED
    };

    for (unsigned i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i].number == -error)
            return errors[i].name;
    return "an error";
}
