/* Dispositions: see disposition.h. */
#include "conn/disposition.h"
#include "base/sys.h"
#include "export/stack.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

static const int covered[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
enum {
    COVERED = sizeof covered / sizeof *covered,
    OURS = (int)(SA_SIGINFO | SA_RESETHAND), /* the relay's flags are its own in this */
    ABORT_BYTES = 512,                       /* its code, glibc's */
    ABORT_WORDS = 64,                        /* of the stack, in which its frame begins */
};

/* What came with the service's SIG_DFL: what it reads back. In words, each as it was at some time. */
static struct {
    _Atomic uint64_t flags, mask;
    void (*_Atomic restorer)(void);
} given[COVERED];

/* What the service has set, where the kernel has relay(). The handler: NULL once it has been called for good. */
static struct {
    _Atomic(octo_signal_handler *) handler;
    _Atomic int flags;
} relayed[COVERED];

static uintptr_t abort_at;
static int (*change)(int, const struct sigaction *, struct sigaction *);
static octo_signal_handler *_Atomic ours; /* NULL: nowhere */
static _Atomic bool own_stacks;           /* the service has set an alternate stack, at least once */
static _Atomic uint64_t withheld; /* bit n: signal n + 1 has a handler whose SA_ONSTACK the kernel does not know */

_Static_assert(sizeof(sigset_t) >= sizeof(uint64_t), "the kernel's mask is the first word");

static int place(int signal)
{
    for (int i = 0; i < COVERED; i++)
        if (covered[i] == signal)
            return i;
    return -1;
}

static uint64_t bit(int signal)
{
    return signal > 0 && signal < NSIG ? UINT64_C(1) << (signal - 1) : 0;
}

static bool is_ours(const struct sigaction *action)
{
    octo_signal_handler *handler = atomic_load_explicit(&ours, memory_order_relaxed);

    return handler && (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == handler;
}

static bool is_default(const struct sigaction *action)
{
    return action->sa_handler == SIG_DFL;
}

static void keep(int i, const struct sigaction *action)
{
    atomic_store(&given[i].flags, (uint64_t)(unsigned)action->sa_flags);
    atomic_store(&given[i].mask, *(const uint64_t *)(const void *)&action->sa_mask);
    atomic_store(&given[i].restorer, action->sa_restorer);
}

/* What the service reads in the place of ours. */
static void give(int i, struct sigaction *action)
{
    action->sa_handler = SIG_DFL;
    action->sa_flags = (int)atomic_load(&given[i].flags);
    *(uint64_t *)(void *)&action->sa_mask = atomic_load(&given[i].mask);
    action->sa_restorer = atomic_load(&given[i].restorer);
}

static void relay(int signal, siginfo_t *info, void *context);

static bool is_relay(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == relay;
}

/* What the service reads in the place of that. */
static void give_relayed(int i, struct sigaction *action)
{
    action->sa_sigaction = atomic_load(&relayed[i].handler);
    action->sa_flags = (action->sa_flags & ~OURS) | (atomic_load(&relayed[i].flags) & OURS);
}

static bool wants_relay(int i, const struct sigaction *action)
{
    return (covered[i] == SIGABRT || (action->sa_flags & SA_RESETHAND)) && !is_default(action) &&
           action->sa_handler != SIG_IGN && !is_ours(action) && !is_relay(action);
}

/* The action with the relay in the handler's place. */
static struct sigaction relay_for(int i, const struct sigaction *action)
{
    struct sigaction next = *action;

    atomic_store(&relayed[i].flags, action->sa_flags);
    atomic_store(&relayed[i].handler, action->sa_sigaction);
    next.sa_sigaction = relay;
    next.sa_flags = (action->sa_flags | SA_SIGINFO) & ~SA_RESETHAND;
    return next;
}

/* Puts `next` in the place of `there`, which was read just now. What another thread has set meanwhile stays. False: so it was. */
static bool replace(int signal, const struct sigaction *there, const struct sigaction *next)
{
    struct sigaction was;

    if (change(signal, next, &was) != 0)
        return false;
    if (was.sa_handler == there->sa_handler)
        return true;
    change(signal, &was, NULL);
    return false;
}

/* Ours in the place of the SIG_DFL that is there, which is kept. All signals wait meanwhile: without us the process would be no more. */
static void cover(int i)
{
    octo_signal_handler *handler = atomic_load(&ours);
    struct sigaction here = {.sa_flags = SA_SIGINFO | SA_ONSTACK}, there;

    here.sa_sigaction = handler;
    memset(&here.sa_mask, 0xff, sizeof(here.sa_mask));
    if (!handler || change(covered[i], NULL, &there) != 0 || !is_default(&there))
        return;
    keep(i, &there); /* before it may be asked for */
    replace(covered[i], &there, &here);
}

/* The relay where a handler is that wants one. */
static void adopt(int i)
{
    struct sigaction there, next;

    if (change(covered[i], NULL, &there) != 0 || !wants_relay(i, &there))
        return;
    next = relay_for(i, &there);
    replace(covered[i], &there, &next);
}

static uint64_t stack_pointer(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uint64_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    return context->uc_mcontext.sp;
#endif
}

/* Whether who was interrupted is abort(): it calls raise(), whose frames are small. */
static bool is_in_abort(const ucontext_t *context)
{
    uintptr_t words[ABORT_WORDS];
    long n = octo_stack_read(stack_pointer(context), (char *)words, sizeof words);

    for (long i = 0; i < n / (long)sizeof *words; i++)
        if (words[i] - abort_at < ABORT_BYTES)
            return true;
    return false;
}

/* The service's handler, which is not to be called again if it was for once only. */
static octo_signal_handler *take_relayed(int i)
{
    octo_signal_handler *handler;
    struct sigaction there;

    if (!(atomic_load(&relayed[i].flags) & SA_RESETHAND))
        return atomic_load(&relayed[i].handler);
    handler = atomic_exchange(&relayed[i].handler, NULL);
    if (!handler) /* another thread is just before us */
        return atomic_load(&ours);
    if (change(covered[i], NULL, &there) == 0 && is_relay(&there)) {
        there.sa_handler = SIG_DFL;
        there.sa_flags = atomic_load(&relayed[i].flags);
        octo_disposition_change(covered[i], &there, NULL);
    }
    return handler;
}

/* Called as the service's handler would have been. */
static void relay(int signal, siginfo_t *info, void *context)
{
    octo_signal_handler *handler = take_relayed(place(signal)), *crash = atomic_load(&ours);

    if (!handler) { /* nor are we there any more */
        octo_disposition_default(signal);
        return;
    }
    if (signal != SIGABRT || !is_in_abort(context)) {
        handler(signal, info, context);
        return;
    }
    handler(signal, info, context);
    if (crash)
        crash(signal, info, context);
}

void octo_disposition_load(int (*sigaction)(int, const struct sigaction *, struct sigaction *), void *abort)
{
    change = sigaction;
    abort_at = (uintptr_t)abort;
}

void octo_disposition_uncover(void)
{
    struct sigaction action;
    int kept = errno;

    octo_disposition_own_stack(); /* from here on all is as the service has set it */
    for (int i = 0; i < COVERED && atomic_load(&ours); i++)
        if (change(covered[i], NULL, &action) == 0 && (is_ours(&action) || is_relay(&action))) {
            if (is_ours(&action))
                give(i, &action);
            else
                give_relayed(i, &action);
            change(covered[i], &action, NULL);
        }
    atomic_store(&ours, NULL);
    errno = kept;
}

static bool asks_for_stack(const struct sigaction *action)
{
    return (action->sa_flags & SA_ONSTACK) && !is_default(action) && action->sa_handler != SIG_IGN;
}

/* The change, with SA_ONSTACK left out while it would lead to a stack of ours, and read back as it was set. */
static int change_stack_aside(int signal, const struct sigaction *action, struct sigaction *old)
{
    bool withhold = action && asks_for_stack(action) && !atomic_load(&own_stacks);
    uint64_t was = atomic_load(&withheld);
    struct sigaction plain;
    int result;

    if (withhold) {
        plain = *action;
        plain.sa_flags &= ~SA_ONSTACK;
    }
    result = change(signal, withhold ? &plain : action, old);
    if (result != 0)
        return result;
    if (old && (was & bit(signal)))
        old->sa_flags |= SA_ONSTACK;
    if (withhold)
        atomic_fetch_or(&withheld, bit(signal));
    else if (action && (was & bit(signal)))
        atomic_fetch_and(&withheld, ~bit(signal));
    return 0;
}

/* With or without SA_ONSTACK, where a handler is. */
static bool change_wish(int signal, bool wish)
{
    struct sigaction there, next;

    if (change(signal, NULL, &there) != 0 || is_default(&there) || there.sa_handler == SIG_IGN ||
        !(there.sa_flags & SA_ONSTACK) == !wish)
        return false;
    next = there;
    next.sa_flags ^= SA_ONSTACK;
    return replace(signal, &there, &next);
}

/* Of the handlers that are there already. */
static void withhold_stacks(void)
{
    for (int signal = 1; signal < NSIG && !atomic_load(&own_stacks); signal++)
        if (change_wish(signal, false))
            atomic_fetch_or(&withheld, bit(signal));
}

void octo_disposition_cover(octo_signal_handler *handler)
{
    int kept = errno;

    if (!change) /* not loaded as a library is */
        return;
    atomic_store(&ours, handler);
    withhold_stacks();
    for (int i = 0; i < COVERED; i++) {
        cover(i);
        adopt(i);
    }
    errno = kept;
}

void octo_disposition_own_stack(void)
{
    uint64_t signals;

    if (atomic_exchange(&own_stacks, true))
        return;
    signals = atomic_exchange(&withheld, 0);
    for (int signal = 1; signal < NSIG; signal++)
        if (signals & bit(signal))
            change_wish(signal, true);
}

int octo_disposition_change(int signal, const struct sigaction *action, struct sigaction *old)
{
    int i = place(signal), result;
    struct sigaction next, former = {.sa_flags = 0};
    bool relays;

    if (!atomic_load_explicit(&ours, memory_order_relaxed))
        return change(signal, action, old);
    relays = i >= 0 && action && wants_relay(i, action);
    if (i >= 0)
        give_relayed(i, &former);
    if (relays)
        next = relay_for(i, action);
    result = change_stack_aside(signal, relays ? &next : action, old);
    if (result != 0 || i < 0)
        return result;
    if (old && is_relay(old)) {
        old->sa_sigaction = former.sa_sigaction;
        old->sa_flags = (old->sa_flags & ~OURS) | former.sa_flags;
    }
    if (old && is_ours(old))
        give(i, old);
    if (action && is_default(action))
        cover(i);
    return result;
}

sighandler_t octo_disposition_changed(int signal, sighandler_t was)
{
    octo_signal_handler *handler = atomic_load(&ours);
    sighandler_t relayed_before;
    int i = place(signal), kept = errno;

    atomic_fetch_and(&withheld, ~bit(signal)); /* those do not ask for a stack */
    if (!handler || i < 0)
        return was;
    relayed_before = (sighandler_t)(void *)atomic_load(&relayed[i].handler);
    cover(i); /* if that is what the service has put there */
    adopt(i);
    errno = kept;
    if ((void *)was == (void *)relay)
        return relayed_before;
    return (void *)was == (void *)handler ? SIG_DFL : was;
}

/* The kernel's own struct, where all zeroes are SIG_DFL. */
struct kernel_action {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

void octo_disposition_default(int signal)
{
    static const struct kernel_action none;

    octo_sys(SYS_rt_sigaction, signal, &none, NULL, sizeof none.mask);
}

bool octo_disposition_is_deadly(int signal)
{
    struct kernel_action there;

    return octo_sys(SYS_rt_sigaction, signal, NULL, &there, sizeof there.mask) == 0 && there.handler == SIG_DFL;
}

bool octo_disposition_allows_stacks(void)
{
    return atomic_load(&ours) && !atomic_load(&own_stacks);
}
