/* Alternate stacks: see alternate.h. */
#include "conn/alternate.h"
#include "base/sys.h"
#include "conn/disposition.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum {
    STACKS = 1024,
    BYTES = 64 << 10,
    GUARD = 4 << 10, /* below: what goes beyond faults, and does not damage another */
    LOOKS = 64,      /* at threads that may have ended, before there is one more */
};

/* octo_this_thread.alternate */
enum { UNASKED, NONE, OURS };

static struct {
    _Atomic uint32_t tid; /* whose it is; 0: free */
    char *_Atomic memory;
} stacks[STACKS];
static _Atomic uint32_t used; /* those below this have been somebody's */
static _Atomic uint32_t look; /* where the search for ended ones goes on */

static bool ended(uint32_t tid)
{
    return octo_sys(SYS_tgkill, octo_sys(SYS_getpid), tid, 0) == -ESRCH;
}

static char *memory_of(uint32_t i)
{
    char *memory = atomic_load(&stacks[i].memory);
    long at;

    if (memory)
        return memory;
    at = octo_sys(SYS_mmap, 0, GUARD + BYTES, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (at < 0 && at > -4096)
        return NULL;
    octo_sys(SYS_mprotect, at, GUARD, PROT_NONE);
    atomic_store(&stacks[i].memory, (char *)at);
    return (char *)at;
}

/* A place for this thread, or STACKS. */
static uint32_t claim(uint32_t self)
{
    uint32_t n = atomic_load(&used), owner;

    for (uint32_t i = 0; i < n; i++) {
        owner = atomic_load_explicit(&stacks[i].tid, memory_order_relaxed);
        if (owner == self) /* of a thread that has ended, and had this number */
            return i;
        if (owner == 0 && atomic_compare_exchange_strong(&stacks[i].tid, &owner, self))
            return i;
    }
    for (uint32_t tries = 0; tries < LOOKS && tries < n; tries++) {
        uint32_t i = atomic_fetch_add(&look, 1) % n;

        owner = atomic_load(&stacks[i].tid);
        if (owner != 0 && ended(owner) && atomic_compare_exchange_strong(&stacks[i].tid, &owner, self))
            return i;
    }
    for (uint32_t i = atomic_load(&used); i < STACKS; i = atomic_load(&used)) {
        if (!atomic_compare_exchange_strong(&used, &i, i + 1))
            continue;
        owner = 0;
        if (atomic_compare_exchange_strong(&stacks[i].tid, &owner, self))
            return i;
    }
    return STACKS;
}

void octo_alternate_take(void)
{
    stack_t mine = {.ss_size = BYTES}, there;
    uint32_t i;

    octo_this_thread.alternate = NONE;
    if (octo_service.sandboxed || !octo_disposition_allows_stacks() ||
        octo_sys(SYS_sigaltstack, NULL, &there) != 0 || !(there.ss_flags & SS_DISABLE))
        return;
    i = claim((uint32_t)octo_sys(SYS_gettid));
    if (i == STACKS)
        return;
    mine.ss_sp = memory_of(i);
    if (mine.ss_sp)
        mine.ss_sp = (char *)mine.ss_sp + GUARD;
    if (mine.ss_sp && octo_sys(SYS_sigaltstack, &mine, NULL) == 0)
        octo_this_thread.alternate = OURS;
    else
        atomic_store(&stacks[i].tid, 0);
}

/* This thread's is ours: the kernel forgets it. */
static void leave(void)
{
    const stack_t none = {.ss_flags = SS_DISABLE};
    uint32_t self = (uint32_t)octo_sys(SYS_gettid);

    if (octo_sys(SYS_sigaltstack, &none, NULL) != 0)
        return; /* it is on it, and may not change it: as a handler of the service's might hear of its own */
    octo_this_thread.alternate = NONE;
    for (uint32_t i = 0; i < atomic_load(&used); i++) {
        uint32_t owner = self;

        if (atomic_compare_exchange_strong(&stacks[i].tid, &owner, 0))
            return;
    }
}

int octo_alternate_change(int (*real)(const stack_t *, stack_t *), const stack_t *stack, stack_t *old)
{
    int result;

    if (stack && !(stack->ss_flags & SS_DISABLE))
        octo_disposition_own_stack();
    if (octo_this_thread.alternate == OURS && stack)
        leave();
    result = real(stack, old);
    if (octo_this_thread.alternate == OURS && !stack && result == 0 && old)
        *old = (stack_t){.ss_flags = SS_DISABLE};
    return result;
}

void octo_alternate_forked(void)
{
    for (uint32_t i = 0; i < atomic_load(&used); i++) {
        atomic_store(&stacks[i].memory, NULL); /* this thread may be on one of them for good */
        atomic_store(&stacks[i].tid, 0);
    }
}
