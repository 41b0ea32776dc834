/*
 * JSON lines: see show.h.
 *
 * Keys are those of octoshim's events where they mean the same. A histogram is OpenTelemetry's exponential one of scale 2: its bucket
 * i, which counts[i - offset] is the number of, holds what is longer than 2^(i/4) s and not longer than 2^((i+1)/4) s.
 */
#include <err.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "show.h"
#include "syscalls.h"

static json_t *line_at(const char *event, const char *level, uint64_t real_ns)
{
    char stamp[64];
    time_t seconds = (time_t)(real_ns / OCTO_NS_PER_S);
    struct tm utc;
    size_t n;

    gmtime_r(&seconds, &utc);
    n = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(stamp + n, sizeof stamp - n, ".%06uZ", (unsigned)(real_ns % OCTO_NS_PER_S / 1000));
    return json_pack("{s:s, s:s, s:s, s:s}", "event", event, "timestamp", stamp, "level", level, "logger",
                     "octoprobe");
}

static json_t *line_of(const char *event)
{
    return line_at(event, "info", octo_clock_real_ns());
}

/* Ends the line, and lets go of it. */
static void put_line(json_t *line)
{
    if (line == NULL || json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12)) != 0 ||
        putchar('\n') == EOF)
        err(EXIT_TROUBLE, "standard output");
    json_decref(line);
}

static void set_call(json_t *line, unsigned nr, unsigned flags)
{
    json_object_set_new(line, "syscall", json_string(octo_call_name(nr)));
    json_object_set_new(line, "class", json_string(octo_class_name(octo_call_class(nr))));
    if (flags & OCTO_CALL_COMPAT)
        json_object_set_new(line, "abi", json_string("32 bit"));
}

/* service: "" if it is not preloaded. */
static void set_process(json_t *line, const char *service, unsigned pid, const char *name)
{
    if (*service != '\0')
        json_object_set_new(line, "service", json_string(service));
    if (pid != 0)
        json_object_set_new(line, "pid", json_integer(pid));
    json_object_set_new(line, "process", json_stringn(name, strnlen(name, OCTO_NAME_MAX)));
}

static json_t *milliseconds(double ns)
{
    return json_real((double)(long long)(ns / 1e3 + 0.5) / 1e3);
}

static json_t *histogram_of(const struct octo_tally *t)
{
    json_t *counts = json_array();
    int first = 0, last = OCTO_SLOTS - 1;

    while (first < last && t->slot[first] == 0)
        first++;
    while (last > first && t->slot[last] == 0)
        last--;
    for (int i = first; i <= last; i++)
        json_array_append_new(counts, json_integer((json_int_t)t->slot[i]));
    return json_pack("{s:i, s:i, s:o}", "scale", 2, "offset", 4 * OCTO_OCTAVE_FIRST + first, "counts", counts);
}

static void put_row(const struct row *row, const struct options *o, double seconds)
{
    const struct octo_tally *t = &row->tally;
    json_t *line = line_of("syscall.stats");

    if (o->by_process)
        set_process(line, row->process->service, row->process->pid, row->process->name);
    set_call(line, row->nr, row->flags);
    json_object_set_new(line, "interval_s", json_real((double)(long long)(seconds * 1e3 + 0.5) / 1e3));
    json_object_set_new(line, "count", json_integer((json_int_t)row->count));
    json_object_set_new(line, "failed", json_integer((json_int_t)t->failed));
    json_object_set_new(line, "interrupted", json_integer((json_int_t)t->interrupted));
    json_object_set_new(line, "total_ms", milliseconds((double)t->sum_ns));
    json_object_set_new(line, "p50_ms", milliseconds(octo_tally_quantile(t, 0.5)));
    json_object_set_new(line, "p99_ms", milliseconds(octo_tally_quantile(t, 0.99)));
    json_object_set_new(line, "max_ms", milliseconds((double)t->max_ns));
    json_object_set_new(line, "histogram", histogram_of(t));
    put_line(line);
}

void show_lines(const struct readout *r, const struct options *o, double seconds)
{
    struct rows rows = rows_of(r, o->by_process ? ROWS_BY_CALL | ROWS_BY_PROCESS : ROWS_BY_CALL, false);

    for (unsigned i = 0; i < rows.count; i++)
        put_row(&rows.at[i], o, seconds);
    show_flush();
    free(rows.at);
}

void show_blocked_line(const struct octo_blocked *b, const struct readout *r)
{
    json_t *line = line_of("syscall.in_flight");

    set_process(line, readout_service(r, b->serial), b->pid, b->name);
    json_object_set_new(line, "tid", json_integer(b->tid));
    set_call(line, b->nr, b->flags);
    json_object_set_new(line, b->flags & OCTO_CALL_LONGER ? "duration_ms_at_least" : "duration_ms",
                        milliseconds((double)b->ns));
    put_line(line);
}

void show_slow_line(const struct octo_slow *s, const struct readout *r)
{
    json_t *line = line_at("syscall.slow", "warning", octo_clock_real_of(s->ended_ns));

    set_process(line, readout_service(r, s->serial), s->pid, s->name);
    if (s->id_len > 0)
        json_object_set_new(line, "request_id", json_stringn(s->id, s->id_len));
    json_object_set_new(line, "tid", json_integer(s->tid));
    set_call(line, s->nr, 0);
    json_object_set_new(line, "duration_ms", milliseconds((double)s->ns));
    if (octo_outcome((long)s->returned) == OCTO_CALL_FAILED)
        json_object_set_new(line, "error", json_string(octo_errno_name((int)-s->returned)));
    put_line(line);
}
