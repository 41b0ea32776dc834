/* Starting a program of ours: see program.h. */
#include "export/program.h"

#include "base/settings.h"
#include "base/sys.h"
#include "base/text.h"
#include "export/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum {
    STACK_BYTES = 8 << 10,
    ABOVE = 64, /* descriptors are taken out of the way to here, before they get their numbers */
};

struct start {
    const struct octo_program *program;
    int error; /* 0, -errno */
    char path[OCTO_PATH_MAX + 16];
    char stack[2][STACK_BYTES] __attribute__((aligned(64)));
};

static void leave(int code)
{
    for (;;)
        octo_sys(SYS_exit, code);
}

static void execute(void *arg)
{
    struct start *s = arg;
    const struct octo_program_descriptor *move = s->program->descriptor;
    char *const arguments[] = {(char *)s->program->name, NULL};
    long high[OCTO_PROGRAM_DESCRIPTORS];

    for (unsigned i = 0; i < OCTO_PROGRAM_DESCRIPTORS; i++)
        high[i] = move[i].from < 0 ? -1 : octo_sys(SYS_fcntl, move[i].from, F_DUPFD_CLOEXEC, ABOVE);
    for (unsigned i = 0; i < OCTO_PROGRAM_DESCRIPTORS; i++) {
        if (high[i] >= 0)
            octo_sys(SYS_dup3, high[i], move[i].to, 0);
        else if (move[i].from >= 0)
            s->error = (int)high[i];
    }
    if (s->error == 0)
        s->error = (int)octo_sys(SYS_execve, s->path, arguments, s->program->environment);
    leave(127);
}

/* Between service and program. Waits in the clone until the program is executed. */
static void go_between(void *arg)
{
    struct start *s = arg;
    long pid;

    octo_sys(SYS_setsid);
    pid = octo_thread_clone(CLONE_VM | CLONE_VFORK, s->stack[1] + STACK_BYTES, NULL, NULL, execute, s);
    if (pid < 0)
        s->error = (int)pid;
    leave(0);
}

static void await(long pid)
{
    while (octo_sys(SYS_wait4, pid, NULL, __WCLONE, NULL) == -EINTR)
        ;
}

long octo_program_start(const struct octo_program *program, bool detached)
{
    struct start start;
    const char *slash = strrchr(program->library, '/');
    struct octo_text t;
    long pid;

    start.program = program;
    start.error = 0;
    octo_text_begin(&t, start.path, sizeof start.path);
    if (slash != NULL)
        octo_text_bytes(&t, program->library, (size_t)(slash + 1 - program->library));
    octo_text_str(&t, program->name);
    if (slash == NULL || t.cut)
        return -ENOENT;
    pid = octo_thread_clone(CLONE_VM | CLONE_VFORK, start.stack[0] + STACK_BYTES, NULL, NULL,
                            detached ? go_between : execute, &start);
    if (pid < 0)
        return pid;
    if (detached || start.error != 0)
        await(pid);
    return start.error != 0 ? start.error : detached ? 0 : pid;
}

void octo_program_end(long pid)
{
    octo_sys(SYS_kill, pid, SIGKILL);
    await(pid);
}
