/*
 * Dispositions: what the service believes that it does with the five signals of a crash, and what the kernel knows.
 *
 * Our handler stands only where the service leaves the signal to the kernel (SIG_DFL). Where it has a handler, or ignores the
 * signal, the kernel has just that, so that a runtime for which these signals are everyday business (JVM, V8, Go) runs as without
 * us; and when such a handler gives up and puts SIG_DFL back, ours is there again.
 *
 *      the service says    SIG_DFL     its own     SIG_IGN
 *      the kernel has      ours        its own     SIG_IGN
 *      the service reads   SIG_DFL     its own     SIG_IGN
 *
 * Two kinds of the service's handlers are called by a relay of ours, which the service does not read either: those behind which the kernel, or libc,
 * puts the default back without asking anybody. One that is called once (SA_RESETHAND) finds ours in the kernel in its place, instead of SIG_DFL. One for
 * SIGABRT may return into abort(), which ends the process then, come what may: if that is whom it has interrupted, and it returns, the crash is told.
 *
 * For: hook/signal.c, crash.c. Context: any thread, signal-safe. errno: as libc's sigaction leaves it, where nothing else is said.
 */
#ifndef OCTO_CONN_DISPOSITION_H
#define OCTO_CONN_DISPOSITION_H

#include <signal.h>
#include <stdbool.h>

typedef void octo_signal_handler(int signal, siginfo_t *info, void *context);

/* libc's sigaction, and where its abort() begins. Constructor only. */
void octo_disposition_load(int (*sigaction)(int, const struct sigaction *, struct sigaction *), void *abort);

/* From now on `handler` stands where the service has SIG_DFL. As the service wakes; errno stays. */
void octo_disposition_cover(octo_signal_handler *handler);

/* And from now on nowhere, in this process. errno stays. */
void octo_disposition_uncover(void);

/* sigaction(2), as the service may expect it. */
int octo_disposition_change(int signal, const struct sigaction *action, struct sigaction *old);

/* signal() and its like have changed a disposition, and `was` the one before: what they return to the service. errno stays. */
sighandler_t octo_disposition_changed(int signal, sighandler_t was);

/* The kernel has SIG_DFL for this signal, whatever was there. errno stays. */
void octo_disposition_default(int signal);

/* True if the kernel would end this process with that signal. errno stays. */
bool octo_disposition_is_deadly(int signal);

/*
 * True while alternate stacks may be given to threads: crashes are covered, and the service has set no such stack itself. As long as it has not, its
 * handlers that ask for one (SA_ONSTACK: all of Python's, the JVM's) run on the thread's own. So that they do not run on ours, the kernel is not
 * told of their wish, until the service sets a stack.
 */
bool octo_disposition_allows_stacks(void);

/* The service sets an alternate stack. From now on it has what it asks for, and threads get none of ours. */
void octo_disposition_own_stack(void);

#endif
