/*
 * What metrics cost: a request's part of them on the service's thread, alone and with others; a scrape; memory.
 *
 *     bench_metrics      prints ns a request for 1, 2 and 8 threads, with lanes and as if there were one; ms and bytes of a
 *                        scrape at 1,000 and 10,000 series; KiB at the ceiling
 */
#include "base/clock.h"
#include "conn/measure.h"
#include "conn/process.h"
#include "event/owners.h"
#include "export/expose.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TIMES = 400000, ROUNDS = 7, THREADS_MAX = 8 };

struct work {
    pthread_t thread;
    unsigned number;
    double ns;
};

static pthread_barrier_t barrier;

/* As conn/exchange.c does it for one request after the other: begun, intended, ended. */
static void *count(void *arg)
{
    struct work *w = arg;
    struct octo_exchange x = {.handle = w->number * 2 + 1, .id_len = 20, .method_len = 3, .target_len = 24};
    struct octo_ending ending = {.status = 200, .completed = true};
    uint64_t begun, cpu_ns;

    memcpy(x.line + OCTO_ID_AT, "req_0123456789abcdef", 20);
    memcpy(x.words, "req_0123456789abcdefGET/api/v1/things/by-number", 47);
    x.words_len = 47;
    pthread_barrier_wait(&barrier);
    begun = octo_clock_mono_ns();
    cpu_ns = octo_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    for (unsigned i = 0; i < TIMES; i++) {
        x.head_ns = begun;
        ending.now_ns = begun + 3000000 + i;
        octo_measure_started(&x);
        octo_measure_intend(&x, &ending);
        octo_measure_ended(&x, &ending);
    }
    w->ns = (double)(octo_clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns) / TIMES;
    return NULL;
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* One round: CPU time of a request, mean over the threads. */
static double measure(unsigned threads)
{
    struct work work[THREADS_MAX];
    double sum = 0;

    pthread_barrier_init(&barrier, NULL, threads);
    for (unsigned t = 0; t < threads; t++) {
        work[t].number = t;
        if (threads == 1)
            count(&work[0]); /* libc goes on believing in one thread */
        else if (pthread_create(&work[t].thread, NULL, count, &work[t]) != 0)
            abort();
    }
    for (unsigned t = 0; t < threads; t++) {
        if (threads > 1)
            pthread_join(work[t].thread, NULL);
        sum += work[t].ns / threads;
    }
    return sum;
}

static double median(double round[ROUNDS])
{
    qsort(round, ROUNDS, sizeof(round[0]), compare);
    return round[ROUNDS / 2];
}

/* With lanes and without, in turn. */
static void threads(unsigned n)
{
    struct octo_metrics *m = octo_service.metrics;
    uint32_t lanes = m->lanes, share_lanes = m->share_lanes;
    double with[ROUNDS], without[ROUNDS];

    for (unsigned r = 0; r < ROUNDS; r++) {
        with[r] = measure(n);
        m->lanes = m->share_lanes = 1;
        without[r] = measure(n);
        m->lanes = lanes;
        m->share_lanes = share_lanes;
    }
    printf("  one request, %u thread%-2s         %8.1f ns of CPU in %u lanes, %8.1f in one\n", n, n > 1 ? "s" : "",
           median(with), lanes, median(without));
}

static void scrapes(struct octo_segment *segment, unsigned families, const char *path)
{
    struct octo_metrics *m = octo_service.metrics;
    struct octo_bulk text;
    char name[32], labels[64];
    uint64_t best = UINT64_MAX;
    struct stat st = {0};

    for (unsigned f = 0; f < families; f++) {
        const struct octo_metric_plan plan = {name, "For the benchmark.", OCTO_COUNTER, OCTO_UNIT_ONE, NULL, 0};

        snprintf(name, sizeof(name), "bench_%u_total", f);
        int family = octo_metrics_family(m, &plan);

        for (unsigned i = 0; i < OCTO_FAMILY_SERIES; i++) {
            int n = snprintf(labels, sizeof(labels), "method=\"GET\",endpoint=\"/bench/%u\"", i);
            int number = octo_metrics_series(m, (unsigned)family, labels, (size_t)n, 0, true);

            if (number >= 0)
                octo_count(m, octo_metrics_at(m, (unsigned)number)->word, i * 1001);
        }
    }
    octo_bulk_begin(&text, 64 << 20);
    for (unsigned r = 0; r < 2 * ROUNDS; r++) {
        struct octo_account account;
        uint64_t begun = octo_clock_mono_ns();

        octo_bulk_clear(&text);
        octo_account_take(&account, segment, true);
        octo_expose(&text, &(struct octo_view){.segment = segment, .account = &account});
        begun = octo_clock_mono_ns() - begun;
        best = begun < best ? begun : best;
    }
    stat(path, &st);
    printf("  scrape of %5u series          %8.2f ms %9zu bytes of text %8llu KiB of shared memory\n",
           families * OCTO_FAMILY_SERIES, (double)best / 1e6, text.used, (unsigned long long)st.st_blocks / 2);
    octo_bulk_end(&text);
}

int main(void)
{
    char dir[] = "/dev/shm/octo-bench-XXXXXX", setting[64];
    char *environment[] = {setting, NULL};

    if (!mkdtemp(dir))
        return 1;
    snprintf(setting, sizeof(setting), "OCTOSHIM_RUNTIME_DIR=%s", dir);
    octo_process_load(environment, "bench", "bench", "");
    if (!octo_service_wake(-1) || !octo_service.metrics)
        return 1;
    threads(1);
    threads(2);
    threads(8);
    scrapes(octo_service.segment, 1, octo_service.segment_path);
    scrapes(octo_service.segment, 10, octo_service.segment_path);
    unlink(octo_service.segment_path);
    rmdir(dir);
    return 0;
}
