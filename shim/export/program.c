/* Starting a program of ours: see program.h. */
#include "export/program.h"

#include "base/sys.h"
#include "base/text.h"
#include "export/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Descriptors are taken out of the way to here, before they get their numbers. No higher: there may be a limit. */
enum { ABOVE = OCTO_PROGRAM_DESCRIPTOR_MAX + 1 };

/* The end of a clone. By a signal, since valgrind tidies up the C library at an exit, which this thread does not have. */
static void leave(void)
{
    octo_sys(SYS_kill, octo_sys(SYS_getpid), SIGKILL);
    for (;;)
        octo_sys(SYS_exit, 0);
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
    struct octo_program_memory *m = arg;
    const struct octo_program_descriptor *move = m->descriptor;
    char *const arguments[] = {(char *)m->program->name, NULL};
    long err = move[1].from < 0 ? give_one(move) : give_all(move);

    m->error = err < 0 ? (int)err : (int)octo_sys(SYS_execve, m->path, arguments, m->program->environment);
    leave();
}

static void await(long pid)
{
    while (octo_sys(SYS_wait4, pid, NULL, __WALL, NULL) == -EINTR)
        ;
}

/* Returns when it is executed, or cannot be. */
static long start_program(struct octo_program_memory *m)
{
    long pid = octo_thread_clone(CLONE_VM | CLONE_VFORK, m->starter + sizeof m->starter, NULL, NULL, execute, m);

    if (pid < 0)
        m->error = (int)pid;
    return pid;
}

static void start_and_leave(void *arg)
{
    octo_sys(SYS_setsid);
    start_program(arg);
    leave();
}

static void prepare_start_and_leave(void *arg)
{
    struct octo_program_memory *m = arg;
    long prepared = m->prepare(m);

    octo_sys(SYS_setsid);
    if (prepared < 0)
        m->error = (int)prepared;
    else
        start_program(m);
    if (m->error == 0)
        m->error = (int)prepared;
    leave();
}

static void start_and_talk(void *arg)
{
    struct octo_program_memory *m = arg;
    int pair[2];
    long pid;

    m->error = (int)octo_sys(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
    if (m->error < 0)
        leave();
    m->descriptor[0].from = pair[1];
    pid = start_program(m);
    octo_sys(SYS_close, pair[1]);
    if (m->error == 0 && !m->converse(m->arg, pair[0]))
        octo_sys(SYS_kill, pid, SIGKILL);
    octo_sys(SYS_close, pair[0]);
    if (pid > 0)
        await(pid);
    leave();
}

/* In a clone, from a thread of the service's: none of its signal handlers is to run there. */
static long clone_quietly(char *stack_top, void (*run)(void *), void *arg)
{
    const uint64_t all = ~0ull;
    uint64_t mask;
    long pid;

    octo_sys(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &all, &mask, sizeof mask);
    pid = octo_thread_clone(CLONE_VM | CLONE_VFORK, stack_top, NULL, NULL, run, arg);
    if (pid > 0)
        await(pid);
    octo_sys(SYS_rt_sigprocmask, 2, &mask, NULL, sizeof mask);
    return pid;
}

static int start(struct octo_program_memory *m, const struct octo_program *program, void (*go_between)(void *))
{
    const char *slash = strrchr(program->library, '/');
    struct octo_text t;
    long pid;

    m->program = program;
    m->error = 0;
    octo_text_begin(&t, m->path, sizeof m->path);
    if (slash != NULL)
        octo_text_bytes(&t, program->library, (size_t)(slash + 1 - program->library));
    octo_text_str(&t, program->name);
    if (slash == NULL || t.cut)
        return -ENOENT;
    pid = clone_quietly(m->talker + sizeof m->talker, go_between, m);
    return pid < 0 ? (int)pid : m->error;
}

int octo_program_start(struct octo_program_memory *m, const struct octo_program *program,
                       const struct octo_program_descriptor descriptor[OCTO_PROGRAM_DESCRIPTORS])
{
    memcpy(m->descriptor, descriptor, sizeof m->descriptor);
    return start(m, program, start_and_leave);
}

static void give_none(struct octo_program_memory *m)
{
    for (unsigned i = 0; i < OCTO_PROGRAM_DESCRIPTORS; i++)
        m->descriptor[i] = (struct octo_program_descriptor){-1, -1};
}

int octo_program_start_prepared(struct octo_program_memory *m, const struct octo_program *program,
                                long (*prepare)(struct octo_program_memory *))
{
    give_none(m);
    m->prepare = prepare;
    return start(m, program, prepare_start_and_leave);
}

struct apart {
    void (*what)(void *);
    void *arg;
};

static void run_apart(void *arg)
{
    const struct apart *apart = arg;

    apart->what(apart->arg);
    leave();
}

void octo_program_apart(void (*what)(void *), void *arg)
{
    char stack[4 << 10] __attribute__((aligned(64)));
    struct apart apart = {what, arg};

    clone_quietly(stack + sizeof stack, run_apart, &apart);
}

int octo_program_ask(struct octo_program_memory *m, const struct octo_program *program, int to,
                     bool (*converse)(void *arg, int socket), void *arg)
{
    give_none(m);
    m->descriptor[0].to = to;
    m->converse = converse;
    m->arg = arg;
    return start(m, program, start_and_talk);
}
