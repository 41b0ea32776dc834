/* For programs that end as no service does of its own will: what they have left is otherwise written by their next start only. */
#ifndef PRELOAD_LOGGED_H
#define PRELOAD_LOGGED_H

#include "preload.h"

/* Waits, 5 s at most, until the log of a shimmed run has n events of that name. */
static inline void wait_logged(const char *event, int n)
{
    char name[100];
    int seen = shimmed() ? 0 : n;

    sprintf(name, "\"event\": \"%s\"", event);
    for (uint64_t end = now_ms() + 5000; seen < n && now_ms() < end; sleep_ms(5)) {
        FILE *log = fopen(getenv("OCTOSHIM_LOG"), "re");
        char *line = NULL;
        size_t size = 0;

        for (seen = 0; log && getline(&line, &size, log) > 0;)
            seen += strstr(line, name) != NULL;
        free(line);
        if (log)
            fclose(log);
    }
    CHECK(seen >= n);
}

#endif
