/* Starting a program of ours: see program.h. */
#include "export/program.h"

#include "base/sys.h"
#include "base/text.h"
#include "export/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>

/* Descriptors are taken out of the way to here, before they get their numbers. No higher: there may be a limit. */
enum { ABOVE = OCTO_PROGRAM_DESCRIPTOR_MAX + 1 };

static void leave(int code)
{
    for (;;)
        octo_sys(SYS_exit, code);
}

/* The first descriptor alone is in nobody's way. */
static long give_one(const struct octo_program_descriptor *move)
{
    return move->from == move->to ? octo_sys(SYS_fcntl, move->to, F_SETFD, 0)
                                  : octo_sys(SYS_dup3, move->from, move->to, 0);
}

static long give_all(const struct octo_program_descriptor *move)
{
    long high[OCTO_PROGRAM_DESCRIPTORS], err = 0;

    for (unsigned i = 0; i < OCTO_PROGRAM_DESCRIPTORS; i++)
        high[i] = move[i].from < 0 ? -1 : octo_sys(SYS_fcntl, move[i].from, F_DUPFD_CLOEXEC, ABOVE);
    for (unsigned i = 0; i < OCTO_PROGRAM_DESCRIPTORS; i++) {
        if (high[i] >= 0)
            octo_sys(SYS_dup3, high[i], move[i].to, 0);
        else if (move[i].from >= 0)
            err = high[i];
    }
    return err;
}

static void execute(void *arg)
{
    struct octo_program_run *run = arg;
    const struct octo_program_descriptor *move = run->program->descriptor;
    char *const arguments[] = {(char *)run->program->name, NULL};
    long err = move[1].from < 0 ? give_one(move) : give_all(move);

    run->error = err < 0 ? (int)err : (int)octo_sys(SYS_execve, run->path, arguments, run->program->environment);
    leave(127);
}

static void await(long pid)
{
    while (octo_sys(SYS_wait4, pid, NULL, __WALL, NULL) == -EINTR)
        ;
}

/* Waits in the clone until the program is executed. */
static void go_between(void *arg)
{
    struct octo_program_run *run = arg;
    bool detached = run->program->detached;
    long pid;

    if (detached)
        octo_sys(SYS_setsid);
    pid = octo_thread_clone(CLONE_VM | CLONE_VFORK, run->stack[1] + OCTO_PROGRAM_STACK, NULL, NULL, execute, run);
    if (pid < 0)
        run->error = (int)pid;
    run->pid = pid;
    atomic_store(&run->started, 1);
    octo_sys(SYS_futex, &run->started, FUTEX_WAKE, 1, 0, 0, 0);
    if (pid > 0 && !detached)
        await(pid);
    leave(0);
}

int octo_program_start(struct octo_program_run *run, const struct octo_program *program)
{
    const char *slash = strrchr(program->library, '/');
    struct octo_text t;

    run->program = program;
    run->error = 0;
    atomic_store(&run->started, 0);
    octo_text_begin(&t, run->path, sizeof run->path);
    if (slash != NULL)
        octo_text_bytes(&t, program->library, (size_t)(slash + 1 - program->library));
    octo_text_str(&t, program->name);
    if (slash == NULL || t.cut)
        return -ENOENT;
    run->go_between = octo_thread_clone(CLONE_VM, run->stack[0] + OCTO_PROGRAM_STACK, NULL, NULL, go_between, run);
    if (run->go_between < 0)
        return (int)run->go_between;
    while (atomic_load(&run->started) == 0)
        octo_sys(SYS_futex, &run->started, FUTEX_WAIT, 0, NULL, 0, 0);
    if (program->detached || run->error != 0)
        await(run->go_between);
    return run->error;
}

void octo_program_end(struct octo_program_run *run, bool gently)
{
    if (!gently)
        octo_sys(SYS_kill, run->pid, SIGKILL);
    await(run->go_between);
}
