/*
 * What the service does with signals: see conn/disposition.h for those of a crash, and conn/alternate.h for the stacks.
 *
 * Context: any thread, signal-safe. errno: as the real call left it.
 */
#include "hook/reals.h"
#include "conn/alternate.h"
#include "conn/disposition.h"
#include "conn/process.h"

static inline int octo_sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
    return octo_service_awake() ? octo_disposition_change(signal, action, old)
                                : octo_real.sigaction(signal, action, old);
}

static inline sighandler_t octo_signal(int signal, sighandler_t handler)
{
    return octo_disposition_changed(signal, octo_real.signal(signal, handler));
}

static inline sighandler_t octo___sysv_signal(int signal, sighandler_t handler)
{
    return octo_disposition_changed(signal, octo_real.__sysv_signal(signal, handler));
}

static inline sighandler_t octo_sigset(int signal, sighandler_t handler)
{
    return octo_disposition_changed(signal, octo_real.sigset(signal, handler));
}

static inline int octo_sigaltstack(const stack_t *stack, stack_t *old)
{
    return octo_alternate_change(octo_real.sigaltstack, stack, old);
}

#define HOOK_SIGNAL OCTO_EXPORT
#define ALIAS_SIGNAL OCTO_EXPORT_ALIAS
#include "hook/hooks.def"
