/*
 * Metrics for Prometheus: see show.h.
 *
 * By the service that a preloaded process is of, process name and call, never by PID: workers come and go. Calls that services do not live by are one, "other". The buckets' bounds are
 * each second power of two, from a microsecond to 16 s: exactly bounds of slots, so nothing is estimated.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"
#include "syscalls.h"

enum { FIRST_OCTAVE = -20, LAST_OCTAVE = 4, STEP = 2 };

struct series {
    char process[4 * OCTO_NAME_MAX], service[2 * OCTO_JOIN_NAME]; /* as a label's value, escaped */
    const char *call, *class;
    struct octo_tally tally;
};

struct all {
    struct series *at;
    unsigned count, room;
};

static void escape(char *to, const char *name)
{
    for (unsigned i = 0; name[i] != '\0'; i++) {
        unsigned char c = (unsigned char)name[i];

        if (c == '\\' || c == '"')
            *to++ = '\\';
        *to++ = c < 0x20 || c >= 0x7f ? '?' : (char)c;
    }
    *to = '\0';
}

static struct series *series_for(struct all *all, const struct row *row)
{
    const char *call = octo_call_label(row->nr),
               *class = strcmp(call, "other") == 0 ? "other" : octo_class_name(octo_call_class(row->nr));
    char process[sizeof all->at->process], service[sizeof all->at->service];
    struct series *s;

    escape(process, row->process->name);
    escape(service, row->process->service);
    for (unsigned i = 0; i < all->count; i++)
        if (strcmp(all->at[i].call, call) == 0 && strcmp(all->at[i].process, process) == 0 &&
            strcmp(all->at[i].service, service) == 0)
            return &all->at[i];
    if (all->count == all->room) {
        all->room = 2 * all->room + 64;
        all->at = realloc(all->at, all->room * sizeof *all->at);
        if (all->at == NULL)
            abort();
    }
    s = memset(&all->at[all->count++], 0, sizeof *s);
    strcpy(s->process, process);
    strcpy(s->service, service);
    s->call = call;
    s->class = class;
    return s;
}

__attribute__((format(printf, 2, 3))) static void put(struct octo_bulk *b, const char *format, ...)
{
    char line[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    octo_bulk_str(b, line);
}

/* OpenMetrics names a counter's family without its _total. */
static void describe(struct octo_bulk *b, bool open, const char *name, const char *type, const char *help)
{
    const char *suffix = strcmp(type, "counter") == 0 && !open ? "_total" : "";

    put(b, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix, type);
}

enum { LABELS_MAX = 2 * OCTO_JOIN_NAME + 4 * OCTO_NAME_MAX + 128 };

static void put_labels(char labels[LABELS_MAX], const struct series *s)
{
    bool serves = s->service[0] != '\0';

    snprintf(labels, LABELS_MAX, "%s%s%sprocess=\"%s\",syscall=\"%s\",class=\"%s\"", serves ? "service=\"" : "",
             s->service, serves ? "\"," : "", s->process, s->call, s->class);
}

static void put_series(struct octo_bulk *b, const struct series *s)
{
    char labels[LABELS_MAX];
    const struct octo_tally *t = &s->tally;

    put_labels(labels, s);
    for (int octave = FIRST_OCTAVE; octave <= LAST_OCTAVE; octave += STEP)
        put(b, "octoprobe_syscall_duration_seconds_bucket{%s,le=\"%.17g\"} %llu\n", labels,
            octo_slot_bound((unsigned)(4 * (octave - OCTO_OCTAVE_FIRST) - 1)),
            (unsigned long long)octo_tally_upto(t, (unsigned)(octave - OCTO_OCTAVE_FIRST)));
    put(b, "octoprobe_syscall_duration_seconds_bucket{%s,le=\"+Inf\"} %llu\n", labels,
        (unsigned long long)octo_tally_count(t));
    put(b, "octoprobe_syscall_duration_seconds_sum{%s} %llu.%09llu\n", labels,
        (unsigned long long)(t->sum_ns / 1000000000), (unsigned long long)(t->sum_ns % 1000000000));
    put(b, "octoprobe_syscall_duration_seconds_count{%s} %llu\n", labels, (unsigned long long)octo_tally_count(t));
}

static void put_counters(struct octo_bulk *b, const struct all *all, bool open)
{
    char labels[LABELS_MAX];

    describe(b, open, "octoprobe_syscall_errors", "counter", "System calls that failed.");
    for (unsigned i = 0; i < all->count; i++) {
        put_labels(labels, &all->at[i]);
        put(b, "octoprobe_syscall_errors_total{%s} %llu\n", labels, (unsigned long long)all->at[i].tally.failed);
    }
    describe(b, open, "octoprobe_syscall_interrupted", "counter", "System calls that a signal broke off.");
    for (unsigned i = 0; i < all->count; i++) {
        put_labels(labels, &all->at[i]);
        put(b, "octoprobe_syscall_interrupted_total{%s} %llu\n", labels,
            (unsigned long long)all->at[i].tally.interrupted);
    }
}

static void put_own(struct octo_bulk *b, const struct readout *r, bool open)
{
    static const char *const reasons[OCTO_LOST_KINDS] = {"calls", "processes", "slow_calls"};

    describe(b, open, "octoprobe_processes", "gauge", "Processes that are followed.");
    put(b, "octoprobe_processes %u\n", session_alive(r->session));
    describe(b, open, "octoprobe_lost", "counter", "What could not be counted, or not as it should be.");
    for (unsigned i = 0; i < OCTO_LOST_KINDS; i++)
        put(b, "octoprobe_lost_total{what=\"%s\"} %llu\n", reasons[i],
            (unsigned long long)session_lost(r->session, i));
    put(b, "# HELP octoprobe_build%s The version of octoprobe.\n# TYPE octoprobe_build%s %s\n",
        open ? "" : "_info", open ? "" : "_info", open ? "info" : "gauge");
    put(b, "octoprobe_build_info{version=\"%s\"} 1\n", OCTO_VERSION);
}

void show_metrics(struct octo_bulk *b, void *subject, enum octo_exposition format, uint64_t last_ns)
{
    struct readout *r = subject;
    struct rows rows;
    struct all all = {NULL, 0, 0};
    bool open = format == OCTO_OPENMETRICS;

    (void)last_ns;
    octo_bulk_clear(b);
    readout_update(r); /* as it is now; trouble is told by who reads it each second */
    rows = rows_of(r, ROWS_BY_CALL | ROWS_BY_PROCESS, true);
    for (unsigned i = 0; i < rows.count; i++)
        octo_tally_add(&series_for(&all, &rows.at[i])->tally, &rows.at[i].tally);
    describe(b, open, "octoprobe_syscall_duration_seconds", "histogram",
             "How long system calls took, by service, process name and call.");
    for (unsigned i = 0; i < all.count; i++)
        put_series(b, &all.at[i]);
    put_counters(b, &all, open);
    put_own(b, r, open);
    if (open)
        octo_bulk_str(b, "# EOF\n");
    free(rows.at);
    free(all.at);
}
