/*
 * Starting octoshim-otlp: see helper.h.
 *
 *      writer ──clone──> go-between ──clone──> octoshim-otlp
 *        └──── wait4 ────────┘ ends at once: its child becomes init's (or the subreaper's)
 *
 * Both clones share our memory until they are done (as vfork: a copy of the service's page tables may take long), and
 * neither tells the service of its end: their exit signal is none, so that wait(2) without __WALL does not see them.
 *
 * Context: the writer thread. No libc but what needs no thread-local storage.
 */
#include "export/helper.h"

#include "base/sys.h"
#include "base/text.h"
#include "export/thread.h"
#include "octoshim/otlp.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>

enum {
    STACK_BYTES = 16 << 10,
    VARIABLES_MAX = 128,
    ABOVE = 64, /* descriptors are taken out of the way to here, before they get their numbers */
};

struct start {
    const struct octo_helper *helper;
    int error; /* 0, -errno */
    const char *path;
    char **environment;
    char stack[2][STACK_BYTES] __attribute__((aligned(64)));
};

static void leave(int code)
{
    for (;;)
        octo_sys(SYS_exit, code);
}

static void program(void *arg)
{
    struct start *s = arg;
    const struct octo_helper *h = s->helper;
    char *const arguments[] = {(char *)"octoshim-otlp", NULL};
    const struct {
        int from, to;
    } move[] = {
        {h->records, OCTO_OTLP_RECORDS}, {h->page, OCTO_OTLP_PAGE}, {h->bell, OCTO_OTLP_BELL}, {h->err, 2}};
    enum { MOVES = sizeof move / sizeof *move };
    long high[MOVES];

    for (unsigned i = 0; i < MOVES; i++)
        high[i] = move[i].from < 0 ? -1 : octo_sys(SYS_fcntl, move[i].from, F_DUPFD_CLOEXEC, ABOVE);
    for (unsigned i = 0; i < MOVES; i++) {
        if (high[i] >= 0)
            octo_sys(SYS_dup3, high[i], move[i].to, 0);
        else if (move[i].from >= 0)
            s->error = (int)high[i];
    }
    if (s->error == 0)
        s->error = (int)octo_sys(SYS_execve, s->path, arguments, s->environment);
    leave(127);
}

/* Between service and program. Waits in the clone until the program is executed. */
static void go_between(void *arg)
{
    struct start *s = arg;
    long pid;

    octo_sys(SYS_setsid);
    pid = octo_thread_clone(CLONE_VM | CLONE_VFORK, s->stack[1] + STACK_BYTES, NULL, NULL, program, s);
    if (pid < 0)
        s->error = (int)pid;
    leave(0);
}

/* The variable and its place in the list; false: there is no room. */
static bool add(struct octo_text *t, char **list, size_t *count, const char *name, const char *value)
{
    char *at = t->at;

    octo_text_str(t, name);
    octo_text_char(t, '=');
    octo_text_str(t, value);
    octo_text_char(t, '\0');
    if (t->cut || *count >= VARIABLES_MAX)
        return false;
    list[(*count)++] = at;
    return true;
}

int octo_helper_start(const struct octo_helper *helper)
{
    static struct start start; /* one writer a process; its stack is small */
    static char texts[4 * OCTO_SETTING_MAX], path[OCTO_PATH_MAX + 16], *list[VARIABLES_MAX + 1];
    const struct octo_settings *settings = helper->settings;
    char instance[37];
    struct octo_text uuid;
    const char *slash = strrchr(helper->library, '/');
    struct octo_text t;
    size_t count = 0;
    long pid;

    octo_text_begin(&t, path, sizeof path);
    if (slash != NULL)
        octo_text_bytes(&t, helper->library, (size_t)(slash + 1 - helper->library));
    octo_text_str(&t, "octoshim-otlp");
    if (slash == NULL || t.cut)
        return -ENOENT;
    octo_text_begin(&t, texts, sizeof texts);
    /* Were the library preloaded into every program of the machine, it would trace its own helper. */
    add(&t, list, &count, "OCTOSHIM_DISABLE", "1");
    add(&t, list, &count, "SERVICE_NAME", settings->service);
    add(&t, list, &count, "APP_VERSION", settings->version);
    add(&t, list, &count, "ENVIRONMENT", settings->environment);
    octo_text_begin(&uuid, instance, sizeof instance);
    octo_text_uuid(&uuid, helper->instance);
    add(&t, list, &count, "OCTOSHIM_INSTANCE", instance);
    add(&t, list, &count, "OTEL_TRACES_EXPORTER", octo_settings_export_spans(settings) ? "otlp" : "none");
    add(&t, list, &count, "OTEL_METRICS_EXPORTER", octo_settings_export_metrics(settings) ? "otlp" : "none");
    for (const char *p = settings->exporter; *p && count < VARIABLES_MAX; p += strlen(p) + 1)
        list[count++] = (char *)p;
    list[count] = NULL;
    start.helper = helper;
    start.error = 0;
    start.path = path;
    start.environment = list;
    pid = octo_thread_clone(CLONE_VM | CLONE_VFORK, start.stack[0] + STACK_BYTES, NULL, NULL, go_between, &start);
    if (pid < 0)
        return (int)pid;
    while (octo_sys(SYS_wait4, pid, NULL, __WCLONE, NULL) == -EINTR)
        ;
    return start.error;
}
