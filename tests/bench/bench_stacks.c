/*
 * What an error costs the thread that it happens on: the copy of its stack, where its place is not known, and where it is.
 *
 *     bench_stacks      prints µs a stack: the median, and what one in a hundred is above. Exit code 1: the median is above 30 µs.
 */
#include "base/clock.h"
#include "conn/process.h"
#include "conn/sampling.h"
#include "event/samples.h"
#include "export/stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMES = 20000, DEPTH = 40, FRAME = 400, WORDS = 32, GOAL_NS = 30000 };

static uint64_t ns[TIMES];

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static uint64_t show(const char *what)
{
    qsort(ns, TIMES, sizeof *ns, by_size);
    printf("  %-28s %6.2f µs, one in a hundred above %6.2f\n", what, (double)ns[TIMES / 2] / 1000,
           (double)ns[TIMES - TIMES / 100] / 1000);
    return ns[TIMES / 2];
}

/* Makes a place of the sample's own words, as if octoshim-stack had found frames there. */
static void learn(struct octo_samples *samples, uint64_t serial)
{
    struct octo_stack_place word[WORDS];
    uint32_t pid;
    const struct octo_sample *sample = octo_sample_of(samples, serial, &pid);

    for (unsigned i = 0; i < WORDS; i++) {
        word[i].offset = 2048 + (uint64_t)i * FRAME / 8 * 8;
        memcpy(&word[i].value, sample->stack + word[i].offset, sizeof word[i].value);
    }
    octo_place_learn(samples, sample->registers[OCTO_STACK_PC], word, WORDS, 1, octo_clock_mono_ns());
}

static uint64_t measure(bool known)
{
    struct octo_samples *samples = octo_segment_have_samples(octo_service.segment);
    unsigned found = 0;

    for (unsigned i = 0; i < TIMES; i++) {
        uint64_t begun = octo_clock_mono_ns();
        struct octo_sampled sampled = octo_sampling_here();

        ns[i] = octo_clock_mono_ns() - begun;
        found += sampled.stack == OCTO_RECORD_STACK_KNOWN;
        if (known && i == 0)
            learn(samples, sampled.count);
        octo_sampling_forget(sampled);
    }
    if (found != (known ? TIMES - 1 : 0)) {
        fprintf(stderr, "bench_stacks: %u of %u known\n", found, (unsigned)TIMES);
        exit(1);
    }
    return show(known ? "of a place that is known" : "of a place that is not");
}

static uint64_t deep(unsigned depth, bool known)
{
    volatile char frame[FRAME];
    uint64_t median;

    frame[0] = (char)depth;
    median = depth == 0 ? measure(known) : deep(depth - 1, known);
    return median + (uint64_t)(frame[0] & 0x80);
}

int main(void)
{
    static char *environment[] = {(char *)"OCTOSHIM_LOG=/dev/null", NULL};

    octo_process_load(environment, "bench", "bench", "");
    if (!octo_service_wake(-1) || octo_service.segment == NULL)
        return 1;
    printf("stack of a thread that has written an error (to reach: 30 µs):\n");
    uint64_t unknown = deep(DEPTH, false), known = deep(DEPTH, true);

    octo_segment_retire(octo_service.segment, octo_service.segment_path);
    return unknown > GOAL_NS || known > GOAL_NS;
}
