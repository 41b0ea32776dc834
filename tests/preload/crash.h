/*
 * For crash_*: a request in flight, children that crash, and what service.crashed says of them. The event is looked for in the log of a
 * shimmed run, so that a program can demand more of it than its `event:` lines can.
 */
#ifndef PRELOAD_CRASH_H
#define PRELOAD_CRASH_H

#include "preload.h"

#include <stdarg.h>

#include <sys/prctl.h>
#include <sys/resource.h>

/* A request that this process, a service from here on, has read and does not answer. */
static inline struct pair in_flight(const char *path)
{
    struct pair pair = tcp_pair();
    char bytes[4096], id[ID_SIZE];

    sprintf(bytes, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path);
    send_text(pair.client, bytes);
    check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id);
    return pair;
}

/* For faults that no compiler is to see through. */
static volatile int crash_zero;
static char *volatile crash_null;

/* The n-th line of the log (from 1) that is a service.crashed of that process, 0: of any; waited for until it is there, for 3 s or, where
 * none is expected, ms. NULL: none, or bare. */
static inline char *crash_event_within(pid_t pid, int n, unsigned ms)
{
    const char *log = getenv("OCTOSHIM_LOG");
    char own[32];

    if (!shimmed())
        return NULL;
    sprintf(own, "\"pid\": %d,", (int)pid);
    for (uint64_t end = now_ms() + ms;; sleep_ms(20)) {
        char *line = NULL;
        size_t size = 0;
        int seen = 0;
        FILE *in = fopen(log, "re");

        while (in && getline(&line, &size, in) > 0)
            if (strchr(line, '\n') && strstr(line, "\"event\": \"service.crashed\"") &&
                (pid == 0 || strstr(line, own)) && ++seen == n) {
                fclose(in);
                return line;
            }
        free(line);
        if (in)
            fclose(in);
        if (now_ms() >= end)
            return NULL;
    }
}

/* Demands the event of that process, once, and of it these texts; ends with NULL. One that begins with '!' is not to be there. */
static inline void crash_told(pid_t pid, ...)
{
    va_list texts;
    char *line;

    if (!shimmed())
        return;
    line = crash_event_within(pid, 1, 3000);
    if (!line)
        say("no service.crashed of %d", (int)pid);
    CHECK(line);
    va_start(texts, pid);
    for (const char *text; (text = va_arg(texts, const char *));)
        if (*text == '!' ? strstr(line, text + 1) != NULL : strstr(line, text) == NULL) {
            say("%s: %s", text, line);
            CHECK(!"told");
        }
    va_end(texts);
    free(line);
    CHECK(crash_event_within(pid, 2, 0) == NULL);
}

/* None of that process, though there was time. */
static inline void crash_untold(pid_t pid)
{
    char *line = crash_event_within(pid, 1, 300);

    if (line)
        say("told: %s", line);
    CHECK(!line);
}

/* What is common to all that are told with all there is to tell of one request. */
#define CRASH_COMPLETE                                                                                            \
    "\"level\": \"critical\"", "\"request_id\": \"req_", "\"stack_id\": \"", "\"requests_in_flight\": 1,",        \
        "\"method\": \"GET\"", "!\"stack_error\"", "!\"reason\""

/* Forks; the child runs act(argument), and is not to return from it. Says how it ended; no core is left. Returns its PID. */
static inline pid_t crash_child(const char *name, void (*act)(void))
{
    int status;
    pid_t pid = forked();
    uint64_t began = now_ms();

    if (pid == 0) {
        CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
        act();
        _exit(99);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(now_ms() - began < 3000);
    say("%s: %s %d", name, WIFEXITED(status) ? "code" : "signal",
        WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    return pid;
}

/* What the service reads back of a signal's disposition, as one line. */
static inline const char *crash_name(const struct sigaction *action)
{
    return action->sa_handler == SIG_DFL ? "SIG_DFL" : action->sa_handler == SIG_IGN ? "SIG_IGN" : "own";
}

static inline void crash_read_back(const char *label, int number)
{
    struct sigaction action;

    memset(&action, 0x5a, sizeof action);
    CHECK(sigaction(number, NULL, &action) == 0);
    say("%s: %d is %s, flags %x, mask %lx, restorer %d", label, number, crash_name(&action),
        (unsigned)action.sa_flags, *(unsigned long *)(void *)&action.sa_mask, action.sa_restorer != NULL);
}

#endif
