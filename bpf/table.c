/* Tables: see show.h. The letters and the histogram's form are those of bcc's syscount and others of its tools. */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "show.h"
#include "syscalls.h"

enum { STARS = 40 };

static bool by_time; /* else by count */

static int largest_first(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    uint64_t m = by_time ? x->tally.sum_ns : x->count, n = by_time ? y->tally.sum_ns : y->count;

    return m != n ? (m < n ? 1 : -1) : (int)x->nr - (int)y->nr;
}

/* In the unit of the table. */
static double scaled(const struct options *o, double ns)
{
    return ns / (o->milliseconds ? 1e6 : 1e3);
}

/* A service is better known by its own name. */
static const char *name_of(const struct readout_process *p)
{
    return *p->service != '\0' ? p->service : p->name;
}

static void put_name(const struct row *row, const struct options *o)
{
    char name[64];

    if (o->by_process && row->process->pid != 0)
        printf("%-8u %-16s", row->process->pid, name_of(row->process));
    else if (o->by_process)
        printf("%-8s %-16s", "-", name_of(row->process));
    else {
        snprintf(name, sizeof name, "%s%s", octo_call_name(row->nr),
                 row->flags & OCTO_CALL_COMPAT ? " (32 bit)" : "");
        printf("%-22s", name);
    }
}

static void put_row(const struct row *row, const struct options *o)
{
    const struct octo_tally *t = &row->tally;

    put_name(row, o);
    printf(" %10" PRIu64 " %8" PRIu64, row->count, t->failed);
    if (o->latency)
        printf(" %14.3f %11.3f %11.3f %12.3f", scaled(o, (double)t->sum_ns),
               scaled(o, octo_tally_quantile(t, 0.5)), scaled(o, octo_tally_quantile(t, 0.99)),
               scaled(o, (double)t->max_ns));
    putchar('\n');
}

static void put_time(time_t t)
{
    char text[32];

    strftime(text, sizeof text, "[%H:%M:%S]", localtime(&t));
    fputs(text, stdout);
}

static void put_header(const struct options *o)
{
    put_time(time(NULL));
    putchar('\n');
    printf(o->by_process ? "%-8s %-16s" : "%s%-22s", o->by_process ? "PID" : "",
           o->by_process ? "COMM" : "SYSCALL");
    printf(" %10s %8s", "COUNT", "ERR");
    if (o->latency) {
        const char *unit = o->milliseconds ? "(ms)" : "(us)";

        printf(" %9s %s %6s %s %6s %s %7s %s", "TOTAL", unit, "P50", unit, "P99", unit, "MAX", unit);
    }
    putchar('\n');
}

/* By octaves, as bcc shows powers of two; here they are of a second, and so no whole microseconds. */
static void put_histogram(const struct row *row, const struct options *o)
{
    uint64_t octave[OCTO_OCTAVES], most = 1;
    int first = -1, last = -1;

    for (int i = 0; i < OCTO_OCTAVES; i++) {
        octave[i] = octo_tally_upto(&row->tally, (unsigned)i + 1) - octo_tally_upto(&row->tally, (unsigned)i);
        most = octave[i] > most ? octave[i] : most;
        if (octave[i] != 0) {
            first = first < 0 ? i : first;
            last = i;
        }
    }
    if (o->by_process)
        printf("\n%s[%u]\n", name_of(row->process), row->process->pid);
    else
        printf("\nsyscall = %s\n", octo_call_name(row->nr));
    printf("%16s        : count     distribution\n", o->milliseconds ? "msecs" : "usecs");
    for (int i = first; i >= 0 && i <= last; i++) {
        double low = i > 0 ? octo_slot_bound((unsigned)(4 * i - 1)) : 0,
               high = octo_slot_bound((unsigned)(4 * i + 3));
        int stars = (int)(octave[i] * STARS / most);

        printf("%10.3f -> %-10.3f : %-8" PRIu64 " |%.*s%*s|\n", scaled(o, low * 1e9), scaled(o, high * 1e9),
               octave[i], stars, "****************************************", STARS - stars, "");
    }
}

void show_flush(void)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        err(EXIT_TROUBLE, "standard output");
}

void show_table(const struct readout *r, const struct options *o)
{
    struct rows rows = rows_of(r, o->by_process ? ROWS_BY_PROCESS : ROWS_BY_CALL, false);

    by_time = o->latency;
    if (rows.count != 0)
        qsort(rows.at, rows.count, sizeof *rows.at, largest_first);
    if (o->screen)
        fputs("\033[H\033[2J", stdout);
    put_header(o);
    for (unsigned i = 0; i < rows.count && i < o->rows; i++)
        put_row(&rows.at[i], o);
    if (o->histograms)
        for (unsigned i = 0; i < rows.count && i < o->rows; i++)
            put_histogram(&rows.at[i], o);
    putchar('\n');
    show_flush();
    free(rows.at);
}

void show_slow(const struct octo_slow *s, const struct readout *r, const struct options *o)
{
    double took = scaled(o, (double)s->ns);

    if (o->json) {
        show_slow_line(s, r);
        return;
    }
    put_time((time_t)(octo_clock_real_of(s->ended_ns) / OCTO_NS_PER_S));
    printf(" %s took %.3f %s in %.*s, process %u, thread %u", octo_call_name(s->nr), took,
           o->milliseconds ? "ms" : "us", OCTO_NAME_MAX, s->name, s->pid, s->tid);
    if (s->id_len > 0)
        printf(", request %.*s", (int)s->id_len, s->id);
    if (octo_outcome((long)s->returned) == OCTO_CALL_FAILED)
        printf(": %s", octo_errno_name((int)-s->returned));
    putchar('\n');
}

void show_lost(const struct readout *r)
{
    static const char *const what[OCTO_LOST_KINDS] = {
        [OCTO_LOST_CALLS] = "calls are not counted: too many processes and kinds of calls at once",
        [OCTO_LOST_PROCESSES] = "processes are not told apart: too many at once",
        [OCTO_LOST_SLOW] = "slow calls are not told of: too many at once",
    };
    static uint64_t told[OCTO_LOST_KINDS];

    for (unsigned i = 0; i < OCTO_LOST_KINDS; i++) {
        uint64_t now = session_lost(r->session, i);

        if (now != told[i])
            warnx("%" PRIu64 " %s", now - told[i], what[i]);
        told[i] = now;
    }
}

void show_in_flight(const struct readout *r, const struct options *o)
{
    struct octo_blocked b[64];
    int fd = session_threads(r->session);
    ssize_t n;

    if (fd < 0)
        errx(EXIT_TROUBLE, "what threads are in cannot be read: %s", strerror(-fd));
    if (!o->json)
        printf("%-8s %-8s %-16s %-22s %15s\n", "PID", "TID", "COMM", "SYSCALL",
               o->milliseconds ? "FOR (ms)" : "FOR (us)");
    while ((n = read(fd, b, sizeof b)) > 0)
        for (size_t i = 0; i < (size_t)n / sizeof *b; i++) {
            if (o->json)
                show_blocked_line(&b[i], r);
            else
                printf("%-8u %-8u %-16s %-22s %c%14.3f\n", b[i].pid, b[i].tid, b[i].name, octo_call_name(b[i].nr),
                       b[i].flags & OCTO_CALL_LONGER ? '>' : ' ', scaled(o, (double)b[i].ns));
        }
    close(fd);
    show_flush();
}
