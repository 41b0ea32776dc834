/*
 * Stacks: a thread's stack as octoshim-stack makes it out. The memory is read by the kernel for us, so that no address can fault; libunwind
 * and the files are the program's affair, in a process of its own. What that cannot do, or does not do in time, is told as a reason.
 *
 * For: gather.c. Context: a thread of ours with a descriptor table of its own, and one at a time.
 */
#ifndef OCTO_EXPORT_STACK_H
#define OCTO_EXPORT_STACK_H

#include "base/settings.h"
#include "octoshim/stack.h"

struct octo_stack_question {
    const struct octo_settings *settings;
    uint64_t known, registers[OCTO_STACK_REGISTERS]; /* as in struct octo_stack_sample */
    uint64_t deadline_ns;                            /* monotonic */
    uint32_t json_max;                               /* bytes of json */
};

/* Fills the reply, and json[0..reply->json_bytes). There is always a reply: without frames it has a reason. */
void octo_stack_ask(const struct octo_stack_question *question, struct octo_stack_reply *reply, char *json);

/* No frames, for this reason: a text, and the name of an errno value (-errno; 0: none). */
void octo_stack_fail(struct octo_stack_reply *reply, const char *reason, long error);

#endif
