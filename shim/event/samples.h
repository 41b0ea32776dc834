/*
 * Samples: stacks of threads that have written an error, on their way to the writer; and the places that are known by now, so that a
 * stack which was seen before is known again where it is taken.
 *
 *      FREE ──take──> taken ── its place is known ──give──> FREE
 *                       └── with a record ──> answered by the writer ── line written ──give──> FREE
 *
 * A place is an instruction and, above it on the stack, the words that were its frames' return addresses: where all of them are the
 * same, so are the frames. Nothing is unwound for that.
 *
 * In the segment. For: conn/sampling.c, export/stacks.c. Context: see each.
 */
#ifndef OCTO_EVENT_SAMPLES_H
#define OCTO_EVENT_SAMPLES_H

#include "octoshim/stack.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    OCTO_SAMPLES = 64,            /* at once; more errors at the same moment have no stack_id */
    OCTO_SAMPLE_BYTES = 32 << 10, /* of stack */
    OCTO_SAMPLE_JSON = 4096,
    OCTO_PLACES = 64,       /* the oldest makes room */
    OCTO_PLACE_TOLD_S = 60, /* seconds between two events that have the whole stack of a place */
};

struct octo_sample_head {
    _Atomic uint32_t owner; /* PID of who has taken it; 0: free */
    _Atomic uint32_t ready; /* 1: its memory is there for good */
    uint64_t serial;        /* of this taking, never 0: what the record knows it by */
    uint64_t taken_ns;      /* monotonic */
};

/*
 *      FILLING ──> UNANSWERED ──> ANSWERING ──> ANSWERED ──> WHOLE or ID_ONLY
 *                          └─ by the leading writer, or by that of the process itself, which may read its own maps
 */
enum octo_sample_answer {
    OCTO_SAMPLE_FILLING,
    OCTO_SAMPLE_UNANSWERED,
    OCTO_SAMPLE_ANSWERING,
    OCTO_SAMPLE_ANSWERED, /* reply is valid, and json and place are in the stack's */
    OCTO_SAMPLE_WHOLE,    /* the leading writer has decided: all is to be told; */
    OCTO_SAMPLE_ID_ONLY,  /* or no more than the ID, for another line has just told the frames */
};

struct octo_sample {
    uint64_t known, registers[OCTO_STACK_REGISTERS];
    uint32_t stack_bytes;
    uint32_t again;            /* 1: its place is known, and to be looked at again */
    _Atomic uint32_t answered; /* enum octo_sample_answer */
    struct octo_stack_reply reply;
    union {
        char stack[OCTO_SAMPLE_BYTES];
        struct {
            char json[OCTO_SAMPLE_JSON];
            struct octo_stack_place place[OCTO_STACK_FRAMES_MAX];
        };
    };
} __attribute__((aligned(4096)));

struct octo_place {
    _Atomic uint32_t turn; /* odd: it is being changed; as a sequence lock */
    uint32_t words;
    uint64_t pc, id;
    _Atomic uint64_t told_ns; /* monotonic: the last event with the whole stack; 0: nobody is here */
    struct octo_stack_place word[OCTO_STACK_FRAMES_MAX];
};

struct octo_samples {
    _Atomic uint32_t takings;
    _Atomic uint64_t missed; /* errors for which there was no sample free */
    struct octo_sample_head head[OCTO_SAMPLES];
    struct octo_place place[OCTO_PLACES];
    struct octo_sample sample[OCTO_SAMPLES];
} __attribute__((aligned(4096)));

/* All but the samples themselves, which is to be populated before. */
extern const size_t octo_samples_head_bytes;

/* Takes one, or NULL: none is free, or no memory. Any thread, signal-safe. No system call but with the first. */
struct octo_sample *octo_sample_take(struct octo_samples *samples, uint32_t pid, uint64_t now_ns);
void octo_sample_give(struct octo_samples *samples, const struct octo_sample *sample);

/* The serial number of one that is taken. */
static inline uint64_t octo_sample_serial(const struct octo_samples *samples, const struct octo_sample *sample)
{
    return samples->head[sample - samples->sample].serial;
}

/* The sample of that serial number, or NULL: it is another one by now. *pid: whose it is. The leading writer. */
struct octo_sample *octo_sample_of(struct octo_samples *samples, uint64_t serial, uint32_t *pid);

enum octo_place_answer {
    OCTO_PLACE_UNKNOWN,
    OCTO_PLACE_KNOWN,
    OCTO_PLACE_DUE, /* known, but this one is to look again and tell it whole: once in OCTO_PLACE_TOLD_S */
};

/* Whether the sample's place is known, by what is in its stack and, at register `pc`, its instruction; then *id is it. Any thread, signal-safe. */
enum octo_place_answer octo_place_find(struct octo_samples *samples, const struct octo_sample *sample, unsigned pc,
                                       uint64_t now_ns, uint64_t *id);

/* From now on it is. The leading writer. */
void octo_place_learn(struct octo_samples *samples, uint64_t pc, const struct octo_stack_place *word,
                      uint32_t words, uint64_t id, uint64_t now_ns);

/* Frees those that were taken before that time, while no record waits: their processes were killed. The leading writer. */
void octo_samples_reap(struct octo_samples *samples, uint64_t before_ns);

#endif
