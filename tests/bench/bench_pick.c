/*
 * What picking fields costs: ns a document for small ones, MB/s where a large one is passed over.
 *
 *   cc -O2 -Ishim tests/bench/bench_pick.c shim/proto/pick*.c && ./a.out
 *
 * Each round makes a picker, feeds it a document that lies in one buffer and reads the values. Prints the best of several
 * runs, since everything else on the machine only ever adds.
 */
#include "proto/pick.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RUNS = 15, LARGE = 1 << 20 };

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double best_ns(const struct octo_pick_set *set, const char *text, size_t n, size_t piece, int rounds,
                      enum octo_pick_state wanted)
{
    static char buffer[OCTO_PICK_PATHS_MAX * OCTO_PICK_VALUE_MAX];
    double best = 1e12;

    for (int run = 0; run < RUNS; run++) {
        double begin = now_ns();

        for (int round = 0; round < rounds; round++) {
            struct octo_pick p;

            octo_pick_begin(&p, set, buffer, sizeof(buffer), UINT64_MAX);
            for (size_t at = 0; at < n; at += piece)
                octo_pick_feed(&p, text + at, n - at < piece ? n - at : piece);
            for (size_t i = 0; i < set->paths; i++) {
                struct octo_pick_value v = octo_pick_get(&p, i);

                __asm__ volatile("" : : "r"(&v) : "memory");
            }
            if (p.state != wanted) {
                printf("state %d, not %d\n", p.state, wanted);
                exit(1);
            }
        }
        begin = (now_ns() - begin) / rounds;
        best = begin < best ? begin : best;
    }
    return best;
}

static struct octo_pick_set set_of(const char *const *paths)
{
    struct octo_pick_set set = {0};

    for (; *paths != NULL; paths++)
        if (octo_pick_set_add(&set, *paths, strlen(*paths), NULL, NULL) < 0)
            exit(1);
    return set;
}

static void small(const char *name, const char *const *paths, const char *text, size_t piece)
{
    struct octo_pick_set set = set_of(paths);
    size_t n = strlen(text);
    double ns = best_ns(&set, text, n, piece, 100000, OCTO_PICK_DONE);

    printf("%-52s %7zu bytes  %7.1f ns\n", name, n, ns);
}

/* The document {"…": [item, item, …], "last": 1}, of about a mebibyte, of which all is passed over. */
static void large(const char *name, const char *item, size_t piece)
{
    static char text[LARGE + 4096];
    static const char *const paths[] = {"last", NULL};
    struct octo_pick_set set = set_of(paths);
    size_t n = (size_t)sprintf(text, "{\"items\": [%s", item);
    double ns;

    while (n < LARGE)
        n += (size_t)sprintf(text + n, ",%s", item);
    n += (size_t)sprintf(text + n, "], \"last\": 1}");
    ns = best_ns(&set, text, n, piece, 10, OCTO_PICK_DONE);
    printf("%-52s %7zu bytes  %7.0f MB/s\n", name, n, (double)n / ns * 1e3);
}

#define TASK_TEXT                                                                                                 \
    "{\"id\":\"7d3c1a52-5d0e-4b8e-9f57-1b0a3a4f8e21\",\"task\":{\"name\":\"summarise the "                        \
    "report\",\"priority\":2,"                                                                                    \
    "\"kind\":\"text\",\"tags\":[\"daily\",\"finance\"]},\"user\":\"u-184467\",\"dry_run\":false,\"tokens\":512," \
    "\"model\":\"small-7b\"}"

#define PROSE                                                                                                     \
    "\"It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of "         \
    "foolishness, "                                                                                               \
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season " \
    "of "                                                                                                         \
    "Darkness, it was the spring of hope, it was the winter of despair, we had everything before us.\""

int main(void)
{
    static const char *const early[] = {"id", "task.priority", NULL};
    static const char *const late[] = {"task.priority", "model", NULL};
    static const char *const absent[] = {"task.owner.name", "usage.total_tokens", NULL};
    static const char *const one[] = {"level", NULL};
    static const char *const eight[] = {"id",   "task.name", "task.priority", "task.kind", "task.tags[0]",
                                        "user", "tokens",    "model",         NULL};

    small("task, two paths, early", early, TASK_TEXT, SIZE_MAX / 2);
    small("task, two paths, to the end", late, TASK_TEXT, SIZE_MAX / 2);
    small("task, two paths, neither there", absent, TASK_TEXT, SIZE_MAX / 2);
    small("task, eight paths", eight, TASK_TEXT, SIZE_MAX / 2);
    small("task, two paths, to the end, in pieces of 16", late, TASK_TEXT, 16);
    small("log line, one path", one,
          "{\"timestamp\":\"2025-11-10T10:30:45.123Z\",\"level\":\"error\",\"message\":\"no route to host\"}",
          SIZE_MAX / 2);
    large("passed over: prose", PROSE, SIZE_MAX / 2);
    large("passed over: prose, in pieces of 1460", PROSE, 1460);
    large("passed over: prose with escapes",
          "\"def f(x):\\n    return \\\"a\\\" + x\\n\\nclass A:\\n    pass  # \\u00e9 and so on, for some more "
          "text\\n\"",
          SIZE_MAX / 2);
    large("passed over: tasks", TASK_TEXT, SIZE_MAX / 2);
    large("passed over: tasks, indented",
          "\n    {\n      \"id\": 184467,\n      \"task\": {\n        \"name\": \"summarise\",\n        "
          "\"priority\": 2,\n"
          "        \"tags\": [\n          \"daily\",\n          \"finance\"\n        ]\n      }\n    }",
          SIZE_MAX / 2);
    large("passed over: numbers", "0.0123456789,-0.987654321,1.5e-05,42", SIZE_MAX / 2);
    large("passed over: brackets", "[[],[{}],{\"a\":[]}]", SIZE_MAX / 2);
    return 0;
}
