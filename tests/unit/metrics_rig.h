/* Metrics in shared memory of their own, for the tests. */
#ifndef METRICS_RIG_H
#define METRICS_RIG_H

#include "event/owners.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const uint64_t rig_bounds[] = {10, 20, 50};

static inline struct octo_metrics *rig_new(unsigned processors)
{
    struct octo_metrics *m =
        mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    assert_ptr_not_equal(m, MAP_FAILED);
    assert_true(octo_metrics_init(m, 0x1234567890abcdef, processors));
    return m;
}

static inline void rig_end(struct octo_metrics *m)
{
    munmap(m, sizeof(*m));
}

static inline unsigned rig_family(struct octo_metrics *m, const char *name, enum octo_metric_type type)
{
    const struct octo_metric_plan plan = {name,
                                          "For a test.",
                                          type,
                                          OCTO_UNIT_ONE,
                                          type == OCTO_HISTOGRAM ? rig_bounds : NULL,
                                          type == OCTO_HISTOGRAM ? 3 : 0};
    int family = octo_metrics_family(m, &plan);

    assert_true(family >= 0);
    return (unsigned)family;
}

static inline int rig_series(struct octo_metrics *m, unsigned family, const char *labels)
{
    return octo_metrics_series(m, family, labels, strlen(labels), 0, true);
}

/* The first word of a series, which must be possible. */
static inline uint32_t rig_word(struct octo_metrics *m, unsigned family, const char *labels)
{
    int number = rig_series(m, family, labels);

    assert_true(number >= 0);
    return octo_metrics_at(m, (unsigned)number)->word;
}

#endif
