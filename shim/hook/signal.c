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
    int result = octo_service_awake() ? octo_disposition_change(signal, action, old)
                                      : octo_real.sigaction(signal, action, old);

    if (signal == SIGTERM && action)
        octo_process_term_changed();
    return result;
}

#define CHANGES_DISPOSITION(name)                                                                                 \
    static inline sighandler_t octo_##name(int signal, sighandler_t handler)                                      \
    {                                                                                                             \
        sighandler_t was = octo_disposition_changed(signal, octo_real.name(signal, handler));                     \
                                                                                                                  \
        if (signal == SIGTERM)                                                                                    \
            octo_process_term_changed();                                                                          \
        return was;                                                                                               \
    }
CHANGES_DISPOSITION(signal)
CHANGES_DISPOSITION(__sysv_signal)
CHANGES_DISPOSITION(sigset)

static inline int octo_sigaltstack(const stack_t *stack, stack_t *old)
{
    return octo_alternate_change(octo_real.sigaltstack, stack, old);
}

#define HOOK_SIGNAL OCTO_EXPORT
#define ALIAS_SIGNAL OCTO_EXPORT_ALIAS
#include "hook/hooks.def"
