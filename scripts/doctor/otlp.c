/* Trying out octoshim-otlp: see otlp.h. */
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "otlp.h"

enum { VARIABLES_MAX = 128 };

/* Beside the library: in the tree, or as it is installed. */
static bool find(char *path, size_t size)
{
    static const char *const places[] = {"../octoshim-otlp", "../../lib/octoshim/octoshim-otlp"};
    char own[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
    char *slash;

    if (n < 0)
        return false;
    own[n] = '\0';
    slash = strrchr(own, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++)
        if (snprintf(path, size, "%s/%s", own, places[i]) < (int)size && access(path, X_OK) == 0)
            return true;
    return false;
}

/* What it writes to the pipe, whole. */
static void hear(int fd, char *said, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while (len < size - 1 && (n = read(fd, said + len, size - 1 - len)) > 0)
        len += (size_t)n;
    while (len > 0 && said[len - 1] == '\n')
        len--;
    said[len] = '\0';
}

bool otlp_try(const struct octo_settings *settings, char *said, size_t size)
{
    char path[PATH_MAX], *arguments[] = {"octoshim-otlp", "--check", NULL}, *environment[VARIABLES_MAX + 3];
    posix_spawn_file_actions_t actions;
    int ends[2], status = 0, error;
    size_t count = 0;
    pid_t pid;

    if (!find(path, sizeof(path))) {
        snprintf(said, size, "octoshim-otlp is not beside liboctoshim.so");
        return false;
    }
    for (const char *p = settings->exporter; *p && count < VARIABLES_MAX; p += strlen(p) + 1)
        environment[count++] = (char *)p;
    environment[count++] =
        octo_settings_export_spans(settings) ? "OTEL_TRACES_EXPORTER=otlp" : "OTEL_TRACES_EXPORTER=none";
    environment[count++] =
        octo_settings_export_metrics(settings) ? "OTEL_METRICS_EXPORTER=otlp" : "OTEL_METRICS_EXPORTER=none";
    environment[count] = NULL;
    if (pipe(ends) != 0) {
        snprintf(said, size, "%s", strerror(errno));
        return false;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    error = posix_spawn(&pid, path, &actions, NULL, arguments, environment);
    close(ends[1]);
    if (error == 0) {
        hear(ends[0], said, size);
        waitpid(pid, &status, 0);
    } else {
        snprintf(said, size, "%s: %s", path, strerror(error));
    }
    close(ends[0]);
    posix_spawn_file_actions_destroy(&actions);
    return error == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
