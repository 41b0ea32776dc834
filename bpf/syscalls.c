/* Names and kinds of system calls: see syscalls.h. */
#include "syscalls.h"

#include <stdio.h>
#include <string.h>

#include "base/call_names.h"

struct sort {
    const char *name;
    unsigned char class;
    unsigned char shown; /* in metrics by its own name */
};

/* Those that wait for others are apart: their time is no work. */
static const struct sort sorts[] = {
    {"accept", OCTO_CLASS_WAIT, 0},
    {"accept4", OCTO_CLASS_WAIT, 1},
    {"bind", OCTO_CLASS_NET, 0},
    {"brk", OCTO_CLASS_MEM, 0},
    {"clock_nanosleep", OCTO_CLASS_WAIT, 1},
    {"clone", OCTO_CLASS_OTHER, 1},
    {"clone3", OCTO_CLASS_OTHER, 1},
    {"close", OCTO_CLASS_FILE, 1},
    {"connect", OCTO_CLASS_NET, 1},
    {"copy_file_range", OCTO_CLASS_FILE, 0},
    {"epoll_pwait", OCTO_CLASS_WAIT, 1},
    {"epoll_pwait2", OCTO_CLASS_WAIT, 0},
    {"epoll_wait", OCTO_CLASS_WAIT, 1},
    {"execve", OCTO_CLASS_OTHER, 1},
    {"fallocate", OCTO_CLASS_FILE, 0},
    {"fdatasync", OCTO_CLASS_FILE, 1},
    {"flock", OCTO_CLASS_SYNC, 0},
    {"fstat", OCTO_CLASS_FILE, 0},
    {"fsync", OCTO_CLASS_FILE, 1},
    {"ftruncate", OCTO_CLASS_FILE, 0},
    {"futex", OCTO_CLASS_SYNC, 1},
    {"futex_wait", OCTO_CLASS_SYNC, 0},
    {"getdents64", OCTO_CLASS_FILE, 0},
    {"io_getevents", OCTO_CLASS_WAIT, 0},
    {"io_uring_enter", OCTO_CLASS_WAIT, 1},
    {"listen", OCTO_CLASS_NET, 0},
    {"lseek", OCTO_CLASS_FILE, 0},
    {"madvise", OCTO_CLASS_MEM, 1},
    {"mmap", OCTO_CLASS_MEM, 1},
    {"mprotect", OCTO_CLASS_MEM, 0},
    {"mremap", OCTO_CLASS_MEM, 0},
    {"msync", OCTO_CLASS_FILE, 0},
    {"munmap", OCTO_CLASS_MEM, 1},
    {"nanosleep", OCTO_CLASS_WAIT, 1},
    {"newfstatat", OCTO_CLASS_FILE, 0},
    {"open", OCTO_CLASS_FILE, 0},
    {"openat", OCTO_CLASS_FILE, 1},
    {"pause", OCTO_CLASS_WAIT, 0},
    {"poll", OCTO_CLASS_WAIT, 1},
    {"ppoll", OCTO_CLASS_WAIT, 1},
    {"pread64", OCTO_CLASS_FILE, 1},
    {"preadv", OCTO_CLASS_FILE, 0},
    {"pselect6", OCTO_CLASS_WAIT, 1},
    {"pwrite64", OCTO_CLASS_FILE, 1},
    {"pwritev", OCTO_CLASS_FILE, 0},
    {"read", OCTO_CLASS_FILE, 1},
    {"readv", OCTO_CLASS_FILE, 1},
    {"recvfrom", OCTO_CLASS_NET, 1},
    {"recvmmsg", OCTO_CLASS_NET, 0},
    {"recvmsg", OCTO_CLASS_NET, 1},
    {"rename", OCTO_CLASS_FILE, 0},
    {"renameat2", OCTO_CLASS_FILE, 0},
    {"rt_sigsuspend", OCTO_CLASS_WAIT, 0},
    {"rt_sigtimedwait", OCTO_CLASS_WAIT, 0},
    {"select", OCTO_CLASS_WAIT, 1},
    {"semtimedop", OCTO_CLASS_SYNC, 0},
    {"sendfile", OCTO_CLASS_NET, 1},
    {"sendmmsg", OCTO_CLASS_NET, 0},
    {"sendmsg", OCTO_CLASS_NET, 1},
    {"sendto", OCTO_CLASS_NET, 1},
    {"setsockopt", OCTO_CLASS_NET, 0},
    {"shutdown", OCTO_CLASS_NET, 0},
    {"socket", OCTO_CLASS_NET, 0},
    {"splice", OCTO_CLASS_FILE, 0},
    {"statx", OCTO_CLASS_FILE, 0},
    {"sync_file_range", OCTO_CLASS_FILE, 0},
    {"unlink", OCTO_CLASS_FILE, 0},
    {"unlinkat", OCTO_CLASS_FILE, 0},
    {"wait4", OCTO_CLASS_WAIT, 0},
    {"waitid", OCTO_CLASS_WAIT, 0},
    {"write", OCTO_CLASS_FILE, 1},
    {"writev", OCTO_CLASS_FILE, 1},
};

static const struct sort *sort_of(unsigned nr)
{
    const char *name = octo_call_name_of(nr);
    unsigned low = 0, high = sizeof sorts / sizeof *sorts;

    while (name != NULL && low < high) {
        unsigned middle = (low + high) / 2;
        int order = strcmp(name, sorts[middle].name);

        if (order == 0)
            return &sorts[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const char *octo_call_name(unsigned nr)
{
    static _Thread_local char buffer[32];

    if (octo_call_name_of(nr) != NULL)
        return octo_call_name_of(nr);
    snprintf(buffer, sizeof buffer, "syscall_%u", nr);
    return buffer;
}

enum octo_call_class octo_call_class(unsigned nr)
{
    const struct sort *sort = sort_of(nr);

    return sort != NULL ? (enum octo_call_class)sort->class : OCTO_CLASS_OTHER;
}

const char *octo_class_name(enum octo_call_class c)
{
    static const char *const class_names[] = {
        [OCTO_CLASS_OTHER] = "other", [OCTO_CLASS_FILE] = "file", [OCTO_CLASS_NET] = "net",
        [OCTO_CLASS_MEM] = "mem",     [OCTO_CLASS_SYNC] = "sync", [OCTO_CLASS_WAIT] = "wait",
    };

    return class_names[c];
}

const char *octo_call_label(unsigned nr)
{
    const struct sort *sort = sort_of(nr);

    return sort != NULL && sort->shown ? sort->name : "other";
}

unsigned octo_calls_known(void)
{
    unsigned n = OCTO_CALL_NAMES;

    while (n > 0 && octo_call_name_of(n - 1) == NULL)
        n--;
    return n;
}

const char *octo_errno_name(int error)
{
    const char *name = strerrorname_np(error);

    return name != NULL ? name : "an unknown error";
}
