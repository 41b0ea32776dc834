/* The processes that are meant: see targets.h. Source: proc(5), cgroups(7), name_to_handle_at(2). */
#include "targets.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

enum {
    LEVELS_MAX = 64,
    INIT_PID_NAMESPACE = 0xEFFFFFFC, /* its inode: PROC_PID_INIT_INO */
};

/* A control group's number is the inode of its directory. Its depth is how far the root is away. */
void targets_cgroups(const struct options *o, uint64_t *id, int *level)
{
    for (unsigned i = 0; i < o->cgroups; i++) {
        char path[PATH_MAX], *slash;
        struct statfs fs;
        struct stat st;

        if (realpath(o->cgroup[i], path) == NULL || statfs(path, &fs) != 0 || stat(path, &st) != 0)
            err(EXIT_NO_TARGET, "%s", o->cgroup[i]);
        if (fs.f_type != CGROUP2_SUPER_MAGIC)
            errx(EXIT_NO_TARGET, "%s: not a control group of version 2", o->cgroup[i]);
        id[i] = st.st_ino;
        for (level[i] = 0; level[i] < LEVELS_MAX; level[i]++) {
            slash = strrchr(path, '/');
            if (slash == NULL || slash == path)
                break;
            *slash = '\0';
            if (statfs(path, &fs) != 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
                break;
        }
    }
}

/* The text of a line of /proc/PID/status behind its name; false: there is no such process, or line. */
static bool status_line(pid_t pid, const char *key, char *out, size_t size)
{
    char path[64], line[256];
    bool found = false;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    f = fopen(path, "re");
    if (f == NULL)
        return false;
    while (!found && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':') {
            const char *value = line + strlen(key) + 1;

            value += strspn(value, "\t ");
            snprintf(out, size, "%.*s", (int)strcspn(value, "\n"), value);
            found = true;
        }
    fclose(f);
    return found;
}

static pid_t status_number(pid_t pid, const char *key)
{
    char text[64];

    return status_line(pid, key, text, sizeof text) ? (pid_t)atol(text) : -1;
}

bool targets_are_the_kernels(void)
{
    struct stat ns;

    return stat("/proc/self/ns/pid", &ns) != 0 || ns.st_ino == INIT_PID_NAMESPACE;
}

void targets_check(const struct options *o)
{
    if ((o->pids != 0 || o->names != 0 || o->command != NULL || o->thread != 0) && !targets_are_the_kernels())
        errx(EXIT_UNAVAILABLE,
             "in a PID namespace other than the first the kernel's PIDs are not those seen here: "
             "run it outside (docker run --pid=host), or name a control group with -c");
    for (unsigned i = 0; i < o->pids; i++) {
        pid_t process = status_number(o->pid[i], "Tgid");

        if (process < 0)
            errx(EXIT_NO_TARGET, "there is no process %d", (int)o->pid[i]);
        if (process != o->pid[i])
            errx(EXIT_NO_TARGET, "%d is a thread of process %d: -p %d -t %d", (int)o->pid[i], (int)process,
                 (int)process, (int)o->pid[i]);
    }
    if (o->thread != 0 && status_number(o->thread, "Tgid") < 0)
        errx(EXIT_NO_TARGET, "there is no thread %d", (int)o->thread);
}

static bool is_named(const struct options *o, const char *name)
{
    for (unsigned i = 0; i < o->names; i++)
        if (strcmp(o->name[i], name) == 0)
            return true;
    return false;
}

static bool is_meant(const struct options *o, pid_t pid)
{
    for (unsigned i = 0; i < o->pids; i++)
        if (o->pid[i] == pid)
            return true;
    return false;
}

/* One look at all processes. Returns how many are followed that were not. */
static unsigned look(struct session *s, const struct options *o)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    unsigned fresh = 0;

    if (proc == NULL)
        err(EXIT_UNAVAILABLE, "/proc");
    while ((entry = readdir(proc)) != NULL) {
        pid_t pid = (pid_t)atol(entry->d_name), parent;
        char name[OCTO_NAME_MAX];

        if (pid <= 0 || pid == getpid() || session_is_followed(s, pid) ||
            !status_line(pid, "Name", name, sizeof name))
            continue;
        parent = status_number(pid, "PPid");
        if (is_meant(o, pid) || is_named(o, name) || (o->follow && parent > 0 && session_is_followed(s, parent)))
            fresh += session_follow(s, pid, name);
    }
    closedir(proc);
    return fresh;
}

unsigned targets_follow(struct session *s, const struct options *o)
{
    unsigned all = 0, fresh;

    /* Children that are born meanwhile the programs follow by themselves, if their parent is followed by then. */
    do
        all += fresh = look(s, o);
    while (fresh != 0);
    return all;
}

pid_t targets_start(char **command, int *release)
{
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        err(EXIT_TROUBLE, "pipe");
    pid = fork();
    if (pid < 0)
        err(EXIT_TROUBLE, "fork");
    if (pid == 0) {
        sigset_t none;
        char go;

        close(ends[1]);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (read(ends[0], &go, 1) != 1) /* octoprobe has ended */
            _exit(EXIT_TROUBLE);
        execvp(command[0], command);
        warn("%s", command[0]);
        _exit(errno == ENOENT ? 127 : 126);
    }
    close(ends[0]);
    *release = ends[1];
    return pid;
}

bool targets_left(const struct options *o, unsigned alive)
{
    return alive != 0 || o->names != 0 || o->cgroups != 0;
}
