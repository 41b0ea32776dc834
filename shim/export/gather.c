/* The gatherer: see gather.h. */
#include "export/gather.h"

#include "base/sys.h"
#include "export/attendant.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>

enum { STACK_MAX = 256 << 10 }; /* bytes that are looked at */

/*
 * A handler of the service's on an alternate stack, in which the thread has crashed (as Python's faulthandler raises the signal again):
 * what it has interrupted is on another stack. The kernel has left that one's pointer in its frame, which begins with the address that all
 * handlers return to. Returns it, or 0.
 *
 *      sp ──> [handler's frames] [ where to return | … registers … sp, ip … ] top of the alternate stack
 */
static uint64_t interrupted_sp(const struct octo_gather *g, const char *stack, size_t n)
{
#if defined(__x86_64__)
    enum { SP_AT = 8 + 40 + 15 * 8 }; /* struct rt_sigframe: pretcode, head of ucontext, fifteen registers */
    struct {
        void (*handler)(int);
        unsigned long flags;
        uint64_t restorer, mask;
    } action;
    uint64_t sp = g->registers[OCTO_STACK_SP], word, found = 0;

    if (sp - g->alternate_at >= g->alternate_bytes ||
        octo_sys(SYS_rt_sigaction, g->signal, NULL, &action, sizeof action.mask) != 0)
        return 0;
    if (n > g->alternate_at + g->alternate_bytes - sp)
        n = g->alternate_at + g->alternate_bytes - sp;
    for (size_t at = 0; at + SP_AT + sizeof word <= n; at += sizeof word) {
        memcpy(&word, stack + at, sizeof word);
        if (word == action.restorer)
            memcpy(&found, stack + at + SP_AT, sizeof found); /* the last one is the first signal */
    }
    return found;
#else
    (void)g;
    (void)stack;
    (void)n;
    return 0;
#endif
}

static void gather(struct octo_gather *g)
{
    static struct octo_program_memory memory;
    static char stack[STACK_MAX], other[STACK_MAX]; /* touched with a crash only */
    struct octo_stack_question q = {
        .settings = g->settings,
        .pid = (uint32_t)octo_sys(SYS_getpid),
        .stack = stack,
        .known = g->known,
        .deadline_ns = g->deadline_ns,
        .json_max = sizeof g->frames,
        .memory = &memory,
    };
    uint32_t gathering = OCTO_GATHERING;
    long n;
    int err;

    q.stack_at = g->registers[OCTO_STACK_SP];
    n = octo_stack_read_above(&q.stack_at, stack, sizeof stack);
    q.stack_bytes = n > 0 ? (size_t)n : 0; /* a stack pointer that leads nowhere has at least its instruction */
    q.other_at = interrupted_sp(g, stack, q.stack_bytes);
    n = q.other_at != 0 ? octo_stack_read(q.other_at, other, sizeof other) : 0;
    q.other = other;
    q.other_bytes = n > 0 ? (size_t)n : 0;
    memcpy(q.registers, g->registers, sizeof q.registers);
    err = octo_thread_own_descriptors();
    if (err < 0)
        octo_stack_fail(&g->reply, "no descriptors of its own for the thread", err);
    else
        octo_stack_ask(&q, &g->reply, g->frames, NULL);
    atomic_compare_exchange_strong(&g->state, &gathering, OCTO_GATHERED);
    octo_sys(SYS_futex, &g->state, FUTEX_WAKE, 1, 0, 0, 0);
}

static void run(void *arg)
{
    octo_sys(SYS_prctl, PR_SET_NAME, "octoshim-crash");
    gather(arg);
    octo_thread_exit();
}

bool octo_gather_start(struct octo_gather *g)
{
    int err;

    atomic_store(&g->state, OCTO_GATHERING);
    err = octo_thread_start(&g->thread, run, g);
    if (err == 0)
        return true;
    /* A process that has forbidden itself all threads. Who is asked then is there, and it is known how long that takes at most. */
    if (octo_attendant_waits()) {
        gather(g);
        return true;
    }
    octo_stack_fail(&g->reply, "no thread to gather it", err);
    atomic_store(&g->state, OCTO_GATHERED);
    return false;
}

void octo_gather_end(struct octo_gather *g, struct octo_crash *crash)
{
    uint32_t gathering = OCTO_GATHERING;

    if (atomic_compare_exchange_strong(&g->state, &gathering, OCTO_GATHER_LATE)) {
        octo_stack_fail(&crash->stack, "it took too long", 0);
        return;
    }
    crash->stack = g->reply;
    if (g->reply.json_bytes <= sizeof crash->frames)
        memcpy(crash->frames, g->frames, g->reply.json_bytes);
}
