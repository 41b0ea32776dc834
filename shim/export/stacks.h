/*
 * Stacks of errors: what a record's sample shows. The leading writer has octoshim-stack make it out, once a place and minute; the answer is kept
 * in the sample until the line is written, so that a successor makes the same bytes again; and the place is learnt, so that
 * the service's threads know it themselves.
 *
 * For: drain.c, writer.c. Context: the writer thread, holding the lead unless said otherwise.
 */
#ifndef OCTO_EXPORT_STACKS_H
#define OCTO_EXPORT_STACKS_H

#include "base/settings.h"
#include "event/samples.h"
#include "export/encode.h"

struct octo_segment;

enum { OCTO_STACKS_TOLD = 64 };

/* A writer's; all but the asking is the leading one's. */
struct octo_stacks {
    struct {
        uint64_t id, ns; /* ns: when its frames were told last, 0: never */
    } told[OCTO_STACKS_TOLD];
    uint64_t used;       /* bits: samples that the present batch's lines are made of */
    uint32_t asked;      /* since window_ns */
    uint64_t window_ns;  /* monotonic */
    uint64_t patient_ns; /* octoshim-stack has not answered: nothing is asked before */
};

/* What there is to say of the record's stack. False: nothing. own: the segment is that of the writer's own service. */
bool octo_stacks_find(struct octo_stacks *stacks, const struct octo_settings *settings,
                      struct octo_segment *segment, bool own, const struct octo_record *record,
                      struct octo_line_stack *line);

/* By a writer that does not lead: answers for its own process, which the leading one may not be allowed to look at, and waits for. */
void octo_stacks_answer_own(struct octo_stacks *stacks, const struct octo_settings *settings,
                            struct octo_segment *segment);

/* The lines of the batch are written, or given up. The leading writer. */
void octo_stacks_settle(struct octo_stacks *stacks, struct octo_segment *segment);

#endif
