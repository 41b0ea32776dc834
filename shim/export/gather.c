/* The gatherer: see gather.h. */
#include "export/gather.h"

#include "base/sys.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>

enum { STACK_MAX = 256 << 10 }; /* bytes that are looked at */

static void run(void *arg)
{
    struct octo_gather *g = arg;
    static char stack[STACK_MAX]; /* touched with a crash only */
    struct octo_stack_question q = {
        .settings = g->settings,
        .pid = (uint32_t)octo_sys(SYS_getpid),
        .stack = stack,
        .known = g->known,
        .deadline_ns = g->deadline_ns,
        .json_max = sizeof g->frames,
    };
    uint32_t gathering = OCTO_GATHERING;
    long n = octo_stack_read(g->registers[OCTO_STACK_SP], stack, sizeof stack);
    int err;

    octo_sys(SYS_prctl, PR_SET_NAME, "octoshim-crash");
    q.stack_bytes = n > 0 ? (size_t)n : 0; /* a stack pointer that leads nowhere has at least its instruction */
    memcpy(q.registers, g->registers, sizeof q.registers);
    err = octo_thread_own_descriptors();
    if (err < 0)
        octo_stack_fail(&g->reply, "no descriptors of its own for the thread", err);
    else
        octo_stack_ask(&q, &g->reply, g->frames, NULL);
    atomic_compare_exchange_strong(&g->state, &gathering, OCTO_GATHERED);
    octo_sys(SYS_futex, &g->state, FUTEX_WAKE, 1, 0, 0, 0);
    octo_thread_exit();
}

bool octo_gather_start(struct octo_gather *g)
{
    int err;

    atomic_store(&g->state, OCTO_GATHERING);
    err = octo_thread_start(&g->thread, run, g);
    if (err == 0)
        return true;
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
