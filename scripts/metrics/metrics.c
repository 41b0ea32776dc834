/*
 * octoshim-metrics: the metrics of a running service, from its shared memory. Behind `octoshim-run --metrics`.
 *
 *     octoshim-metrics [--openmetrics] PID
 *
 * PID is any process of the service. The service notices nothing; it needs no listener for it. For the service's owner and
 * root. Linked statically, so that it runs in any image. Exit code: 0; 1 trouble, and a line that says which; 2 usage.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "event/owners.h"
#include "export/expose.h"
#include "parts.h"

enum { TROUBLE = 1, USAGE = 2, TEXT_MAX = 256 << 20 };

void give_up(pid_t pid, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "octoshim-metrics: %d: ", (int)pid);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(TROUBLE);
}

/* Whether a process number means the same to the service as here. Without a container it does. */
static bool same_numbers(pid_t pid)
{
    char path[48], own[64] = "", its[64] = "";

    snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
    return readlink("/proc/self/ns/pid", own, sizeof(own) - 1) < 0 ||
           (readlink(path, its, sizeof(its) - 1) > 0 && strcmp(own, its) == 0);
}

/* The account takes its own process for one of the service's: how many descriptors may that process open really? */
static uint64_t most_descriptors(pid_t pid)
{
    static const char label[] = "Max open files";
    unsigned long most = 0;
    char text[256];
    FILE *f;

    snprintf(text, sizeof(text), "/proc/%d/limits", (int)pid);
    f = fopen(text, "re");
    while (f != NULL && fgets(text, sizeof(text), f) != NULL)
        if (strncmp(text, label, sizeof(label) - 1) == 0)
            most = strtoul(text + sizeof(label) - 1, NULL, 10);
    if (f != NULL)
        fclose(f);
    return most;
}

static void write_out(pid_t pid, const struct octo_bulk *text)
{
    size_t done = 0;
    ssize_t n;

    while (done < text->used) {
        n = write(STDOUT_FILENO, text->start + done, text->used - done);
        if (n < 0 && errno != EINTR)
            give_up(pid, "its metrics cannot be written to standard output: %s", strerror(errno));
        done += n > 0 ? (size_t)n : 0;
    }
}

static void show(pid_t pid, enum octo_exposition format)
{
    struct octo_view view = {.format = format};
    bool same = same_numbers(pid);
    struct octo_account account;
    struct octo_metrics *m;
    struct octo_bulk text;
    struct source source;

    source_find(&source, pid);
    view.segment = segment_copy(&source, same ? octo_account_is_over : NULL);
    m = octo_segment_metrics(view.segment);
    if (same) {
        /* In the copy: what the dead were about to count is counted, and their part of the gauges goes. */
        if (m != NULL)
            octo_owner_reap(m, octo_account_is_over);
        octo_account_take(&account, view.segment, false);
        account.max_fds = most_descriptors(pid);
        if (account.processes != 0)
            view.account = &account;
    }
    octo_bulk_begin(&text, TEXT_MAX);
    octo_expose(&text, &view);
    if (text.cut)
        give_up(pid, "no memory for the text of its metrics (%zu bytes so far)", text.used);
    write_out(pid, &text);
}

static int usage(FILE *to)
{
    fputs("usage: octoshim-run --metrics [--openmetrics] PID\n"
          "Prints the metrics of a running service; PID is any of its processes.\n",
          to);
    return to == stdout ? 0 : USAGE;
}

/* The number of a process, or 0. */
static pid_t to_pid(const char *text)
{
    unsigned long number = 0;

    for (; *text >= '0' && *text <= '9' && number < 1ul << 30; text++)
        number = number * 10 + (unsigned long)(*text - '0');
    return *text == '\0' && number <= 1ul << 30 ? (pid_t)number : 0;
}

int main(int argc, char **argv)
{
    enum octo_exposition format = OCTO_TEXT;
    bool options = true;
    pid_t pid = 0;

    for (int i = 1; i < argc; i++) {
        if (options && strcmp(argv[i], "--help") == 0)
            return usage(stdout);
        if (options && strcmp(argv[i], "--openmetrics") == 0)
            format = OCTO_OPENMETRICS;
        else if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (pid != 0 || (pid = to_pid(argv[i])) == 0)
            return usage(stderr);
    }
    if (pid == 0)
        return usage(stderr);
    show(pid, format);
    return 0;
}
