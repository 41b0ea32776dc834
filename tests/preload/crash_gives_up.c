// Handlers of the service that look, and then leave it to the kernel: they restore what was there, or the default, before or after it was a
// service, and return or raise. Each process dies as bare, and is told of once.
// valgrind: no, it tells of the faults itself
//
// events: service.crashed=10 request.started=10
// not-event: service.crashed reason
// not-event: service.crashed stack_error
#include "crash.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static struct sigaction saved;
static sighandler_t saved_handler;

static void wrote(const char *text)
{
    CHECK(write(1, text, strlen(text)) == (ssize_t)strlen(text));
}

static void install(int number, sighandler_t handler, int flags)
{
    CHECK(sigaction(number, &(struct sigaction){.sa_handler = handler, .sa_flags = flags}, &saved) == 0);
    say("was %s, flags %x", crash_name(&saved), (unsigned)saved.sa_flags);
}

static __attribute__((noinline)) void fault(void)
{
    crash_zero = *crash_null;
}

static void default_and_return(int number)
{
    wrote("handler\n");
    signal(number, SIG_DFL);
}

static void default_by_action(int number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};

    wrote("handler\n");
    CHECK(sigaction(number, &action, NULL) == 0);
}

static void default_by_sigset(int number)
{
    wrote("handler\n");
    sigset(number, SIG_DFL);
}

/* As Python's faulthandler. */
static void restore_and_raise(int number)
{
    wrote("handler\n");
    CHECK(sigaction(number, &saved, NULL) == 0);
    raise(number);
}

/* As a handler that chains to what was before it. */
static void chain(int number)
{
    wrote("handler\n");
    signal(number, saved_handler);
    if (saved_handler != SIG_DFL && saved_handler != SIG_IGN)
        saved_handler(number);
    else
        kill(getpid(), number);
}

static void before(void)
{
    install(SIGSEGV, default_and_return, 0);
    in_flight("/before");
    fault();
}

static void after(void)
{
    in_flight("/after");
    install(SIGSEGV, default_and_return, 0);
    fault();
}

static void by_action(void)
{
    in_flight("/by-action");
    install(SIGSEGV, default_by_action, SA_RESTART);
    fault();
}

static void by_sigset(void)
{
    in_flight("/by-sigset");
    install(SIGSEGV, default_by_sigset, 0);
    fault();
}

static void raised_before(void)
{
    install(SIGSEGV, restore_and_raise, 0);
    in_flight("/raised-before");
    fault();
}

static void raised_after(void)
{
    in_flight("/raised-after");
    install(SIGSEGV, restore_and_raise, 0);
    fault();
}

/* Here the signal comes within the handler. */
static void raised_within(void)
{
    in_flight("/raised-within");
    install(SIGSEGV, restore_and_raise, SA_NODEFER);
    fault();
}

static void chained(void)
{
    in_flight("/chained");
    saved_handler = signal(SIGSEGV, chain);
    say("was the default: %d", saved_handler == SIG_DFL);
    fault();
}

static void aborted(void)
{
    in_flight("/aborted");
    install(SIGABRT, restore_and_raise, 0);
    abort();
}

/* Set twice, put back twice. */
static void twice(void)
{
    struct sigaction first;

    in_flight("/twice");
    install(SIGABRT, default_and_return, 0);
    first = saved;
    install(SIGABRT, default_by_action, 0);
    CHECK(sigaction(SIGABRT, &saved, NULL) == 0 && sigaction(SIGABRT, &first, NULL) == 0);
    crash_read_back("back", SIGABRT);
    abort();
}

static const struct {
    const char *name;
    void (*act)(void);
    const char *signal, *code, *function;
} cases[] = {
    {"before", before, "SIGSEGV", "SEGV_MAPERR", "\"fault\""},
    {"after", after, "SIGSEGV", "SEGV_MAPERR", "\"fault\""},
    {"by action", by_action, "SIGSEGV", "SEGV_MAPERR", "\"fault\""},
    {"by sigset", by_sigset, "SIGSEGV", "SEGV_MAPERR", "\"fault\""},
    {"raised, before", raised_before, "SIGSEGV", "SI_TKILL", "\"fault\""},
    {"raised, after", raised_after, "SIGSEGV", "SI_TKILL", "\"fault\""},
    {"raised within", raised_within, "SIGSEGV", "SI_TKILL", "\"restore_and_raise\""},
    {"chained", chained, "SIGSEGV", "SI_USER", "\"fault\""},
    {"aborted", aborted, "SIGABRT", "SI_TKILL", "\"aborted\""},
    {"twice", twice, "SIGABRT", "SI_TKILL", "\"twice\""},
};

int main(void)
{
    for (size_t i = 0; i < COUNT(cases); i++)
        crash_told(crash_child(cases[i].name, cases[i].act), CRASH_COMPLETE, cases[i].signal, cases[i].code,
                   cases[i].function, NULL);
    return 0;
}
