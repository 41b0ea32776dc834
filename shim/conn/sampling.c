/* Sampling: see sampling.h. */
#include "conn/sampling.h"
#include "conn/process.h"
#include "base/clock.h"
#include "event/samples.h"
#include "export/stack.h"

#include <stdatomic.h>

/* The registers that a caller's frame is found by, as they are here; in DWARF's numbers. */
#if defined(__x86_64__)
#define TAKE(registers)                                                                                           \
    __asm__ volatile("0: lea 0b(%%rip), %%rax\n\t"                                                                \
                     "mov %%rax, 128(%0)\n\t"                                                                     \
                     "mov %%rbx, 24(%0)\n\t"                                                                      \
                     "mov %%rbp, 48(%0)\n\t"                                                                      \
                     "mov %%rsp, 56(%0)\n\t"                                                                      \
                     "mov %%r12, 96(%0)\n\t"                                                                      \
                     "mov %%r13, 104(%0)\n\t"                                                                     \
                     "mov %%r14, 112(%0)\n\t"                                                                     \
                     "mov %%r15, 120(%0)"                                                                         \
                     :                                                                                            \
                     : "r"(registers)                                                                             \
                     : "rax", "memory")
static const uint64_t taken = 1 << 16 | 0xf << 12 | 1 << 7 | 1 << 6 | 1 << 3;
#elif defined(__aarch64__)
#define TAKE(registers)                                                                                           \
    __asm__ volatile("adr x9, .\n\t"                                                                              \
                     "mov x10, sp\n\t"                                                                            \
                     "stp x10, x9, [%0, 248]\n\t"                                                                 \
                     "stp x19, x20, [%0, 152]\n\t"                                                                \
                     "stp x21, x22, [%0, 168]\n\t"                                                                \
                     "stp x23, x24, [%0, 184]\n\t"                                                                \
                     "stp x25, x26, [%0, 200]\n\t"                                                                \
                     "stp x27, x28, [%0, 216]\n\t"                                                                \
                     "stp x29, x30, [%0, 232]"                                                                    \
                     :                                                                                            \
                     : "r"(registers)                                                                             \
                     : "x9", "x10", "memory")
static const uint64_t taken = UINT64_C(3) << 31 | UINT64_C(0xfff) << 19;
#endif

static const struct octo_sampled none;

__attribute__((noinline)) struct octo_sampled octo_sampling_here(void)
{
    struct octo_process *process = octo_process();
    struct octo_samples *samples;
    struct octo_sample *sample;
    enum octo_place_answer found;
    uint64_t now_ns, id;
    long n;

    if (!process || !octo_service.segment || octo_service.sandboxed ||
        !(octo_service.settings.stacks & OCTO_STACKS_ERROR))
        return none;
    samples = octo_segment_have_samples(octo_service.segment);
    now_ns = octo_clock_mono_ns();
    sample = samples ? octo_sample_take(samples, process->pid, now_ns) : NULL;
    if (!sample)
        return none;
    TAKE(sample->registers);
    sample->known = taken;
    n = octo_stack_read(sample->registers[OCTO_STACK_SP], sample->stack, sizeof(sample->stack));
    sample->stack_bytes = n > 0 ? (uint32_t)n : 0;
    found = n > 0 ? octo_place_find(samples, sample, OCTO_STACK_PC, now_ns, &id) : OCTO_PLACE_UNKNOWN;
    if (found == OCTO_PLACE_KNOWN) {
        octo_sample_give(samples, sample);
        return (struct octo_sampled){OCTO_RECORD_STACK_KNOWN, id};
    }
    sample->again = found == OCTO_PLACE_DUE;
    atomic_store_explicit(&sample->answered, OCTO_SAMPLE_UNANSWERED, memory_order_release);
    return (struct octo_sampled){OCTO_RECORD_STACK_SAMPLED, octo_sample_serial(samples, sample)};
}

void octo_sampling_forget(struct octo_sampled sampled)
{
    struct octo_samples *samples;
    struct octo_sample *sample;
    uint32_t pid;

    if (sampled.stack != OCTO_RECORD_STACK_SAMPLED)
        return;
    samples = octo_segment_samples(octo_service.segment);
    sample = samples ? octo_sample_of(samples, sampled.count, &pid) : NULL;
    if (sample)
        octo_sample_give(samples, sample);
}
