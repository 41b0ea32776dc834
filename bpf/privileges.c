/* Giving up privileges: see privileges.h. */
#include "privileges.h"

#include <err.h>
#include <grp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "options.h"

enum { NOBODY = 65534 };

static void get(struct __user_cap_data_struct data[2])
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

    if (syscall(SYS_capget, &header, data) != 0)
        err(EXIT_TROUBLE, "capget");
}

bool privileges_has(int capability)
{
    struct __user_cap_data_struct data[2];

    get(data);
    return data[capability / 32].effective >> (capability % 32) & 1;
}

void privileges_drop(int keep)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};

    if (keep >= 0)
        data[keep / 32].effective = data[keep / 32].permitted = 1u << (keep % 32);
    for (int i = 0; privileges_has(CAP_SETPCAP) && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
        if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0)
            err(EXIT_TROUBLE, "the bounding set of capabilities cannot be dropped");
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_KEEPCAPS, keep >= 0, 0, 0, 0) != 0)
        err(EXIT_TROUBLE, "prctl");
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
                           setresuid(NOBODY, NOBODY, NOBODY) != 0))
        err(EXIT_TROUBLE, "root's rights cannot be given up");
    if (syscall(SYS_capset, &header, data) != 0)
        err(EXIT_TROUBLE, "capabilities cannot be given up");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        err(EXIT_TROUBLE, "prctl");
}
