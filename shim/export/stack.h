/*
 * Stacks: a thread's stack as octoshim-stack makes it out. The memory is read by the kernel for us, so that no address can fault; libunwind
 * and the files are the program's affair, in a process of its own. What that cannot do, or does not do in time, is told as a reason.
 *
 * For: gather.c, stuck.c. Context: a thread of ours with a descriptor table of its own, unless said otherwise.
 */
#ifndef OCTO_EXPORT_STACK_H
#define OCTO_EXPORT_STACK_H

#include "base/settings.h"
#include "export/program.h"
#include "octoshim/stack.h"

struct octo_stack_question {
    const struct octo_settings *settings;
    uint32_t pid; /* whose stack it is; of another process its maps may not be readable */
    uint64_t known, registers[OCTO_STACK_REGISTERS]; /* as in struct octo_stack_sample */
    const char *stack;                               /* from stack_at on, which is the stack pointer, or above */
    uint64_t stack_at;
    size_t stack_bytes;
    const char *other; /* another stack, and where it is; or other_bytes 0 */
    uint64_t other_at;
    size_t other_bytes;
    bool trim;                          /* as in struct octo_stack_sample */
    uint64_t deadline_ns;               /* monotonic */
    uint32_t json_max;                  /* bytes of json */
    struct octo_program_memory *memory; /* to start the program with */
};

enum {
#if defined(__x86_64__)
    OCTO_STACK_SP = 7,
    OCTO_STACK_PC = 16,
#elif defined(__aarch64__)
    OCTO_STACK_SP = 31,
    OCTO_STACK_PC = 32,
#endif
};

enum octo_stack_asked {
    OCTO_STACK_ANSWERED,
    OCTO_STACK_UNREADABLE, /* the process's maps are not to be had */
    OCTO_STACK_LATE,       /* the program has not answered in time */
    OCTO_STACK_ABSENT,     /* there is none, or it fails */
};

/* This process's memory from `at` on, as far as there is any: the kernel reads it, so that nothing can fault. Returns the bytes, or -errno.
 * One system call, two more where that is refused. Any thread, signal-safe. */
long octo_stack_read(uint64_t at, char *to, size_t n);

/* The same from there on where the stack is to be read: above the guard, if it has run out. *at: where that is. */
long octo_stack_read_above(uint64_t *at, char *to, size_t n);

/* Fills the reply, json[0..reply->json_bytes), and place[0..reply->places), unless place is NULL. There is always a reply: without frames
 * it has a reason. */
enum octo_stack_asked octo_stack_ask(const struct octo_stack_question *question, struct octo_stack_reply *reply,
                                     char *json, struct octo_stack_place place[OCTO_STACK_FRAMES_MAX]);

/* No frames, for this reason: a text, and the name of an errno value (-errno; 0: none). */
void octo_stack_fail(struct octo_stack_reply *reply, const char *reason, long error);

#endif
