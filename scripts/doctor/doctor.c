/*
 * octoshim-doctor: can this service be seen, and if not, what then? Behind `octoshim-run --check`.
 *
 *     octoshim-doctor PROGRAM [ARGUMENT...]
 *
 * Looks at the file, what would run it, its privileges, this process's sandbox and the settings. Starts nothing.
 * Linked statically, so that it runs in any image. Exit code: 0 seen, 1 partly, 2 not.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/settings.h"
#include "elf_file.h"
#include "otlp.h"

extern char **environ;

enum verdict { SEEN, PARTLY, NOT_SEEN, CANNOT_START };

enum { SCRIPT_DEPTH_MAX = 4, FIRST_LINE_MAX = 256 };

static enum verdict verdict = SEEN;

#define INSTEAD                                                                                                   \
    "Preload the proxy in front of it instead (nginx, HAProxy, Apache): its requests, IDs and times are seen "    \
    "there."

/* One finding: "  topic      words". */
__attribute__((format(printf, 2, 3))) static void say(const char *topic, const char *format, ...)
{
    va_list args;

    printf("  %-12s ", topic);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static void lower_to(enum verdict v)
{
    if (v > verdict)
        verdict = v;
}

/* Finds name as execvp would. Returns false if there is no such file. */
static bool find_program(const char *name, char path[PATH_MAX])
{
    const char *dir = getenv("PATH");
    const char *end;

    if (strchr(name, '/') != NULL)
        return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX && access(path, F_OK) == 0;
    for (dir = dir != NULL ? dir : "/usr/local/bin:/usr/bin:/bin"; *name != '\0'; dir = end + 1) {
        end = strchrnul(dir, ':');
        if (snprintf(path, PATH_MAX, "%.*s%s%s", (int)(end - dir), dir, end > dir ? "/" : "", name) < PATH_MAX &&
            access(path, X_OK) == 0)
            return true;
        if (*end == '\0')
            break;
    }
    return false;
}

static bool is_shell(const char *path)
{
    static const char *const shells[] = {"sh", "bash", "dash", "ash", "busybox", "ksh", "zsh"};
    const char *base = strrchr(path, '/');
    size_t i;

    base = base != NULL ? base + 1 : path;
    for (i = 0; i < sizeof(shells) / sizeof(*shells); i++)
        if (strcmp(base, shells[i]) == 0)
            return true;
    return false;
}

/* The kernel runs a program with rights of its own in secure mode, in which the loader ignores LD_PRELOAD paths. */
static void check_privileges(const char *path, const struct stat *st)
{
    struct statvfs fs;
    bool caps = getxattr(path, "security.capability", NULL, 0) > 0;
    bool set_uid = (st->st_mode & S_ISUID) != 0;
    bool set_gid = (st->st_mode & S_ISGID) && (st->st_mode & S_IXGRP);
    bool ignored =
        prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 || (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOSUID));
    bool secure =
        (set_uid && st->st_uid != getuid()) || (set_gid && st->st_gid != getgid()) || (caps && getuid() != 0);

    if (!set_uid && !set_gid && !caps) {
        say("privileges", "none of its own: no setuid, no setgid, no file capabilities");
        return;
    }
    if (ignored) {
        say("privileges",
            "has setuid, setgid or file capabilities, which are without effect here (nosuid, no_new_privs)");
        return;
    }
    say("privileges", "%s%s%s; the loader ignores LD_PRELOAD when it is started by a user without these rights",
        set_uid ? "setuid" : "", set_gid ? (set_uid ? ", setgid" : "setgid") : "",
        caps ? (set_uid || set_gid ? ", file capabilities" : "file capabilities") : "");
    say("",
        "Give the rights another way: AmbientCapabilities= of systemd, `setpriv`, or the container's cap_add.");
    lower_to(secure ? NOT_SEEN : PARTLY);
}

static void check_libraries(const struct elf_facts *facts)
{
    if (facts->needs_tls_library) {
        say("TLS",
            "can speak TLS itself: plain HTTP is seen, HTTPS that it ends itself passes untouched and unseen");
        lower_to(PARTLY);
    } else if (facts->has_tls_inside) {
        say("TLS", "has TLS compiled in (%s): plain HTTP is seen, HTTPS that it ends itself is not",
            facts->tls_mark);
        lower_to(PARTLY);
    } else {
        say("TLS", "none found in the program itself");
    }
    if (facts->needs_tls_library || facts->has_tls_inside)
        say("", "To see everything, end TLS in the proxy or sidecar in front and speak HTTP behind it.");
    if (facts->needs_sanitizer) {
        say("sanitizer",
            "built with one that insists on being first: without that it ends at once. Start it with");
        say("", "LD_PRELOAD=$(gcc -print-file-name=libasan.so) (or libtsan.so); the shim is put behind it.");
        lower_to(PARTLY);
    }
    if (facts->needs_uring) {
        say("io_uring",
            "uses liburing: what is read or written through it is not seen; switch it off if it can be");
        lower_to(PARTLY);
    } else if (facts->has_uring_inside) {
        say("io_uring", "knows io_uring; if it uses it for sockets, that is not seen (Node: UV_USE_IO_URING=0)");
    }
}

static void check_loader(const struct elf_facts *facts)
{
    const char *base = strrchr(facts->loader, '/');

    base = base != NULL ? base + 1 : facts->loader;
    if (access(facts->loader, X_OK) != 0) {
        say("libc", "needs the loader %s, which is not here", facts->loader);
        lower_to(CANNOT_START);
    } else if (strncmp(base, "ld-musl", 7) == 0) {
        say("libc", "musl (%s): the shim loads but stays inert; it works with glibc only", facts->loader);
        say("", "Use an image with glibc (Debian, Ubuntu, distroless base). " INSTEAD);
        lower_to(NOT_SEEN);
    } else if (strncmp(base, "ld-linux", 8) == 0) {
        say("libc", "glibc (%s)", facts->loader);
    } else {
        say("libc", "unknown (loader %s): whether the shim works with it is not known", facts->loader);
        lower_to(PARTLY);
    }
}

static void check_elf(const char *path, const struct elf_facts *facts)
{
    switch (facts->kind) {
    case ELF_FOREIGN: /* it may start: i386 on x86-64, or through binfmt_misc */
        say("program", "built for %s; the shim here is built for this machine and cannot be loaded into it",
            facts->machine);
        lower_to(NOT_SEEN);
        return;
    case ELF_BROKEN:
    case ELF_NO_START:
        say("program", "%s",
            facts->kind == ELF_BROKEN ? "a damaged ELF file" : "an object or library, nothing to start");
        lower_to(CANNOT_START);
        return;
    default:
        break;
    }
    say("program", "%s%s", facts->kind == ELF_DYNAMIC ? "dynamically linked" : "statically linked",
        facts->go ? ", built by Go" : "");
    if (is_shell(path)) {
        say("", "A shell, which hands the preload on to what it starts: check that program, too.");
        lower_to(PARTLY);
    } else if (facts->kind == ELF_STATIC) {
        say("", "No loader runs, so nothing can be preloaded: it works as before and is not seen.");
        say("", "%s", facts->go ? INSTEAD : "Link it dynamically, if you build it. " INSTEAD);
        lower_to(NOT_SEEN);
    } else if (facts->go) {
        say("", "Go makes its system calls without libc: it works as before and is not seen.");
        say("", INSTEAD);
        lower_to(NOT_SEEN);
    }
    if (facts->kind == ELF_DYNAMIC) {
        check_loader(facts);
        if (verdict != NOT_SEEN)
            check_libraries(facts);
    }
}

/* The program behind `env [-S] [NAME=value...] program`, or NULL. */
static const char *behind_env(char *words)
{
    char *word, *rest = NULL;

    for (word = strtok_r(words, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest)) {
        if (strcmp(word, "-i") == 0 || strcmp(word, "-") == 0 || strcmp(word, "--ignore-environment") == 0) {
            say("script", "is started through `env -i`, which drops LD_PRELOAD: remove the -i");
            lower_to(NOT_SEEN);
        } else if (*word != '-' && strchr(word, '=') == NULL) {
            return word;
        }
    }
    return NULL;
}

static void check_file(const char *name, int depth);

/* line: what stands behind `#!`. */
static void check_script(char *line, int depth)
{
    char *program, *argument = NULL;
    const char *base, *behind;

    program = strtok_r(line, " \t", &argument);
    if (program == NULL) {
        say("program", "a script whose #! names no interpreter");
        lower_to(CANNOT_START);
        return;
    }
    base = strrchr(program, '/');
    base = base != NULL ? base + 1 : program;
    behind = strcmp(base, "env") == 0 && argument != NULL ? behind_env(argument) : program;
    if (behind == NULL) {
        say("program", "a script whose `env` names no interpreter");
        lower_to(CANNOT_START);
        return;
    }
    say("program", "a script, run by %s", behind);
    if (depth < SCRIPT_DEPTH_MAX) {
        check_file(behind, depth + 1);
    } else {
        say("", "a script of scripts of scripts: the kernel gives up there");
        lower_to(CANNOT_START);
    }
}

static void check_content(const char *path, int fd, const struct stat *st, int depth)
{
    size_t size = (size_t)st->st_size;
    unsigned char *bytes = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    struct elf_facts facts;
    char line[FIRST_LINE_MAX];
    size_t len;

    if (bytes == MAP_FAILED) {
        say("program", size == 0 ? "the file is empty" : "cannot be read (%s)", strerror(errno));
        lower_to(CANNOT_START);
        return;
    }
    elf_read(bytes, size, &facts);
    if (facts.kind != ELF_NOT) {
        check_elf(path, &facts);
        check_privileges(path, st); /* of a script they are without effect */
    } else if (size > 2 && bytes[0] == '#' && bytes[1] == '!') {
        len = size - 2 < sizeof(line) - 1 ? size - 2 : sizeof(line) - 1;
        memcpy(line, bytes + 2, len);
        line[len] = '\0';
        line[strcspn(line, "\r\n")] = '\0';
        check_script(line, depth);
    } else {
        say("program", "neither an ELF program nor a script with #!");
        lower_to(CANNOT_START);
    }
    munmap(bytes, size);
}

static void check_file(const char *name, int depth)
{
    char path[PATH_MAX];
    struct stat st;
    int fd;

    if (!find_program(name, path)) {
        say("program", "%s: no such program", name);
        lower_to(CANNOT_START);
        return;
    }
    if (depth > 0)
        printf("%s\n", path);
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        say("program", "is no file that could be started");
        lower_to(CANNOT_START);
        return;
    }
    if (!(st.st_mode & 0111) || access(path, X_OK) != 0) {
        say("program", "may not be executed (mode %03o): chmod +x", (unsigned)st.st_mode & 07777);
        lower_to(CANNOT_START);
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        say("program", "cannot be read (%s): nothing more can be said", strerror(errno));
        lower_to(PARTLY);
        check_privileges(path, &st);
    } else {
        check_content(path, fd, &st, depth);
        close(fd);
    }
}

static void check_sandbox(void)
{
    const char *preload = getenv("LD_PRELOAD");

    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) > 0)
        say("seccomp",
            "system calls are filtered here; if a call of the shim is refused it does without and says so");
    else
        say("seccomp", "no filter on this process; one that the service sets for itself later is respected");
    if (preload != NULL && *preload != '\0')
        say("preload", "LD_PRELOAD is set already: %s%s", preload,
            strstr(preload, "liboctoshim.so") != NULL ? " (the shim is in it)" : "; the shim is put behind it");
    if (access("/etc/ld.so.preload", F_OK) == 0)
        say("preload", "/etc/ld.so.preload exists: its libraries are loaded into every program as well");
}

/* Whether octoshim-otlp starts here, and what it makes of its settings. */
static void check_otlp(const struct octo_settings *settings)
{
    char said[2000], *rest;
    bool complained = false;

    if (!otlp_try(settings, said, sizeof(said))) {
        say("otlp", "cannot be sent: %s", said);
        lower_to(PARTLY);
        return;
    }
    for (char *line = strtok_r(said, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        static const char *const signals[] = {"spans", "metrics"};
        const char *signal = NULL;

        for (unsigned i = 0; i < 2; i++)
            if (strncmp(line, signals[i], strlen(signals[i])) == 0 && line[strlen(signals[i])] == ' ')
                signal = signals[i];
        if (signal == NULL && !complained)
            say("otlp", "not all settings are understood:");
        complained = complained || signal == NULL;
        if (signal == NULL)
            puts(line);
        else
            say(signal, "%s", line + strlen(signal) + 1);
    }
}

static void check_settings(const char *name)
{
    static struct octo_settings settings;
    const char *base = strrchr(name, '/');

    octo_settings_from_environment(&settings, environ, base != NULL ? base + 1 : name);
    octo_settings_from_file(&settings, NULL);
    if (octo_settings_inert(&settings)) {
        say("settings", "%s: the shim leaves this program alone",
            settings.disable ? "OCTOSHIM_DISABLE is on" : "OCTOSHIM_INCLUDE or OCTOSHIM_EXCLUDE leaves it out");
        lower_to(NOT_SEEN);
    } else if (settings.complaints[0] != '\0') {
        say("settings", "not all are understood:");
        fputs(settings.complaints, stdout);
    } else {
        say("settings", "understood; events go to %s", settings.log);
    }
    if (octo_settings_export_spans(&settings) || octo_settings_export_metrics(&settings))
        check_otlp(&settings);
}

int main(int argc, char **argv)
{
    static const char *const words[] = {
        [SEEN] = "seen: its HTTP requests get IDs and events.",
        [PARTLY] = "partly seen: see above for what is not.",
        [NOT_SEEN] = "not seen: it runs as without the shim. See above for what to do.",
        [CANNOT_START] = "cannot be started, with the shim or without.",
    };

    if (argc < 2) {
        fputs("usage: octoshim-doctor PROGRAM [ARGUMENT...]\n", stderr);
        return NOT_SEEN;
    }
    printf("%s\n", argv[1]);
    check_file(argv[1], 0);
    check_sandbox();
    check_settings(argv[1]);
    printf("\n%s\n", words[verdict]);
    if (fflush(stdout) != 0)
        return NOT_SEEN;
    return verdict == CANNOT_START ? NOT_SEEN : (int)verdict;
}
