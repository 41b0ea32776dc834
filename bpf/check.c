/* What is possible here: see check.h. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/capability.h>

#include "join.h"
#include "privileges.h"
#include "session.h"
#include "targets.h"

__attribute__((format(printf, 2, 3))) static void say(const char *what, const char *format, ...)
{
    va_list args;

    printf("%-12s ", what);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

/* The first line of a file, or "". */
static void read_line(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "re");

    *out = '\0';
    if (f != NULL && fgets(out, (int)size, f) == NULL)
        *out = '\0';
    if (f != NULL)
        fclose(f);
    out[strcspn(out, "\n")] = '\0';
}

static void say_user(void)
{
    bool bpf = privileges_has(CAP_BPF) || privileges_has(CAP_SYS_ADMIN),
         perfmon = privileges_has(CAP_PERFMON) || privileges_has(CAP_SYS_ADMIN);

    say("user", "%u: CAP_BPF %s, CAP_PERFMON %s%s", (unsigned)geteuid(), bpf ? "yes" : "no",
        perfmon ? "yes" : "no",
        bpf && perfmon ? "" : "; needed are both: setcap cap_bpf,cap_perfmon+ep octoprobe, or root");
}

static void say_kernel(void)
{
    char lockdown[128], unprivileged[16];
    struct utsname u;

    if (uname(&u) == 0)
        say("kernel", "%s %s %s", u.sysname, u.release, u.machine);
    say("types", access("/sys/kernel/btf/vmlinux", R_OK) == 0
                     ? "described by /sys/kernel/btf/vmlinux"
                     : "not described: no /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF)");
    read_line("/sys/kernel/security/lockdown", lockdown, sizeof lockdown);
    if (*lockdown != '\0')
        say("lockdown", "%s%s", lockdown,
            strstr(lockdown, "[confidentiality]") != NULL ? ": BPF may not read the kernel" : "");
    read_line("/proc/sys/kernel/unprivileged_bpf_disabled", unprivileged, sizeof unprivileged);
    say("bpf(2)", *unprivileged == '\0'  ? "not in this kernel (CONFIG_BPF_SYSCALL)"
                  : *unprivileged == '0' ? "for everybody"
                                         : "for those with CAP_BPF");
    say("PIDs", targets_are_the_kernels() ? "the kernel's own"
                                          : "those of a container, which the kernel does not know: only -c");
}

/* The last step: not counted, but joined with requests. */
static bool say_join(const char *where)
{
    int error = strcmp(where, "off") == 0 ? 0 : join_try(where);

    if (strcmp(where, "off") == 0)
        say("requests", "no: --join off");
    else if (error == -EADDRINUSE)
        say("requests", "no: another octoprobe has %s, where preloaded services ask", where);
    else if (error != 0)
        say("requests", "no: %s: %s", where, strerror(-error));
    else
        say("requests", "yes: preloaded services can join at %s", where);
    return error == 0 && strcmp(where, "off") != 0;
}

int check(const struct options *o)
{
    char why[512];
    struct session s;
    bool in_flight, requests;
    int error;

    say_kernel();
    say_user();
    error = session_open(&s, o, NULL, NULL, why);
    if (error == 0)
        error = session_start(&s, why);
    if (error != 0) {
        say("programs", "no: %s", why);
        puts("\nnot available: BPF cannot be used here; octoshim does without.");
        return fflush(stdout) != 0 ? EXIT_TROUBLE : EXIT_UNAVAILABLE;
    }
    say("programs", "loaded and attached");
    say("calls", "yes: counts, failures, histograms; children, control groups");
    say("slow calls", "yes");
    in_flight = s.threads >= 0;
    say("in flight", "%s", in_flight ? "yes" : "no: this kernel gives no list of tasks (Linux 5.8)");
    requests = say_join(o->join);
    session_close(&s);
    printf("\navailable: %s.\n", in_flight && requests ? "everything"
                                 : in_flight           ? "everything but requests"
                                 : requests            ? "everything but in flight"
                                                       : "calls and slow calls");
    return fflush(stdout) != 0 ? EXIT_TROUBLE : 0;
}
