// sigaltstack as the service sees it: nothing there before it has set one, in threads that serve and others, then its own; handlers run on
// it; what was there, errors, and none again.
// valgrind: no, it has its own idea of alternate stacks
//
// events: service.crashed=0 request.started=3
#include "crash.h"

#include <pthread.h>

static stack_t own;
static bool handled;

static void show_stack(const char *label, const stack_t *stack)
{
    say("%s: %s, size %zu, flags %x", label,
        stack->ss_sp == NULL        ? "none"
        : stack->ss_sp == own.ss_sp ? "own"
                                    : "another",
        stack->ss_size, (unsigned)stack->ss_flags);
}

static void query(const char *label)
{
    stack_t stack;

    memset(&stack, 0x66, sizeof stack);
    errno = 5;
    CHECK(sigaltstack(NULL, &stack) == 0 && errno == 5);
    show_stack(label, &stack);
}

static void set(const char *label, const stack_t *stack)
{
    stack_t old = {.ss_size = 17};
    int result;

    errno = 0;
    result = sigaltstack(stack, &old);
    say("%s: %d, errno %d", label, result, errno);
    if (result == 0)
        show_stack("was", &old);
}

static void on_it(int number)
{
    stack_t none = {.ss_flags = SS_DISABLE};
    char here;

    query("in the handler");
    say("%d on its own stack: %d", number, &here >= (char *)own.ss_sp && &here < (char *)own.ss_sp + own.ss_size);
    set("disable in the handler", &none);
}

static void not_on_it(int number)
{
    query("in the plain handler");
    (void)number;
}

static void all(void)
{
    stack_t small = {.ss_sp = own.ss_sp, .ss_size = 1000},
            flags = {.ss_sp = own.ss_sp, .ss_size = 65536, .ss_flags = 77}, none = {.ss_flags = SS_DISABLE},
            autodisarm = own;

    query("as it is");
    set("too small", &small);
    set("bad flags", &flags);
    query("still");
    CHECK(signal(SIGUSR2, not_on_it) != SIG_ERR);
    raise(SIGUSR2);
    set("none", &none);
    query("none");
    set("own", &own);
    query("own");
    set("too small", &small);
    query("own");
    if (handled)
        raise(SIGUSR1);
    set("own again", &own);
    autodisarm.ss_flags = (int)(1u << 31);
    set("autodisarm", &autodisarm);
    query("autodisarm");
    if (handled)
        raise(SIGUSR1);
    set("nothing", NULL);
    set("none", &none);
    query("none");
    set("none", &none);
}

static void *serves_too(void *unused)
{
    struct pair pair = in_flight("/thread");

    all();
    pair_close(&pair);
    return unused;
}

static void *does_not_serve(void *unused)
{
    all();
    return unused;
}

static void in_thread(void *(*run)(void *))
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, run, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

int main(void)
{
    own = (stack_t){.ss_sp = malloc(70000), .ss_size = 70000};
    query("before");
    struct pair pair = in_flight("/main");
    query("main");
    in_thread(serves_too);
    in_thread(does_not_serve);
    CHECK(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_it, .sa_flags = SA_ONSTACK}, NULL) == 0);
    handled = true;
    all();
    in_thread(serves_too);
    pair_close(&pair);
    return 0;
}
