// The service reads back what it has set, and what was there before: by sigaction, signal, sigset, bsd_signal, __sysv_signal, siginterrupt,
// sigignore; before it is a service and after, for the signals of crashes and for others. Its handlers run.
// valgrind: no, it has its own idea of restorers
//
// events: service.crashed=0 request.started=1
#include "crash.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

extern sighandler_t bsd_signal(int number, sighandler_t handler);
extern sighandler_t __sysv_signal(int number, sighandler_t handler);

static const int all[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGUSR1, SIGTERM};
static volatile sig_atomic_t calls;

static void own(int number)
{
    calls += number;
}

static void own_info(int number, siginfo_t *info, void *context)
{
    calls += context && info->si_signo == number ? 1000 : 1;
}

static void read_all(const char *label)
{
    for (size_t i = 0; i < COUNT(all); i++)
        crash_read_back(label, all[i]);
}

static void told(const char *label, int number, sighandler_t was)
{
    say("%s: was %s, errno %d, calls %d", label,
        was == SIG_DFL    ? "SIG_DFL"
        : was == SIG_IGN  ? "SIG_IGN"
        : was == SIG_ERR  ? "SIG_ERR"
        : was == SIG_HOLD ? "SIG_HOLD"
        : was == own      ? "own"
                          : "?",
        errno, (int)calls);
    crash_read_back(label, number);
    errno = 7;
}

static void change(const char *label, int number, sighandler_t handler, int flags, int masked)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags}, old;

    memset(&old, 0x77, sizeof old);
    if (masked)
        sigaddset(&action.sa_mask, masked);
    CHECK(sigaction(number, &action, &old) == 0);
    say("%s: was %s, flags %x, mask %lx", label, crash_name(&old), (unsigned)old.sa_flags,
        *(unsigned long *)(void *)&old.sa_mask);
    crash_read_back(label, number);
}

static void every_way(int number)
{
    errno = 7;
    told("signal own", number, signal(number, own));
    raise(number);
    told("signal own", number, signal(number, own));
    told("signal default", number, signal(number, SIG_DFL));
    told("signal default", number, signal(number, SIG_DFL));
    told("bsd_signal own", number, bsd_signal(number, own));
    raise(number);
    told("bsd_signal ignore", number, bsd_signal(number, SIG_IGN));
    raise(number);
    told("bsd_signal default", number, bsd_signal(number, SIG_DFL));
    told("ssignal own", number, ssignal(number, own));
    told("__sysv_signal default", number, __sysv_signal(number, SIG_DFL));
    told("__sysv_signal own", number, __sysv_signal(number, own));
    raise(number); /* by which it is the default again */
    told("__sysv_signal default", number, __sysv_signal(number, SIG_DFL));
    told("sigset own", number, sigset(number, own));
    raise(number);
    told("sigset hold", number, sigset(number, SIG_HOLD));
    told("sigset default", number, sigset(number, SIG_DFL));
    told("sigset hold", number, sigset(number, SIG_HOLD));
    told("sigset default", number, sigset(number, SIG_DFL));
    CHECK(sigignore(number) == 0);
    raise(number);
    crash_read_back("sigignore", number);
    told("signal default", number, signal(number, SIG_DFL));
    change("odd default", number, SIG_DFL, SA_NODEFER | SA_ONSTACK | SA_NOCLDWAIT, SIGUSR2);
    change("odd default", number, SIG_DFL, SA_RESETHAND | SA_SIGINFO, SIGHUP);
    change("own", number, own, SA_RESETHAND | SA_RESTART, SIGHUP);
    raise(number);
    crash_read_back("reset", number);
    change("own", number, own, SA_NODEFER, 0);
    raise(number);
    change("ignored", number, SIG_IGN, SA_RESTART, 0);
    raise(number);
    change("default", number, SIG_DFL, 0, 0);
    told("signal(SIG_ERR)", number, signal(number, SIG_ERR));
    told("signal own", number, signal(number, own));
    CHECK(siginterrupt(number, 1) == 0);
    crash_read_back("siginterrupt", number);
    told("signal default", number, signal(number, SIG_DFL));
}

static void refused(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};

    errno = 0;
    say("of 0: %d, errno %d", sigaction(0, &action, NULL), errno);
    say("of 65: %d, errno %d", sigaction(65, &action, NULL), errno);
    say("of SIGKILL: %d, errno %d", sigaction(SIGKILL, &action, NULL), errno);
    say("signal of SIGSTOP: %d, errno %d", signal(SIGSTOP, SIG_DFL) == SIG_ERR, errno);
    say("sigset of 99: %d, errno %d", sigset(99, SIG_DFL) == SIG_ERR, errno);
    errno = 7;
    say("nothing asked: %d, errno %d", sigaction(SIGSEGV, NULL, NULL), errno);
}

int main(void)
{
    struct sigaction info = {.sa_flags = SA_SIGINFO | SA_RESTART}, odd = {.sa_flags = SA_NODEFER};

    info.sa_sigaction = own_info;
    sigaddset(&info.sa_mask, SIGUSR2);
    sigaddset(&odd.sa_mask, SIGUSR1);
    CHECK(sigaction(SIGSEGV, &info, NULL) == 0 && sigaction(SIGUSR1, &info, NULL) == 0);
    CHECK(sigaction(SIGFPE, &odd, NULL) == 0 && signal(SIGBUS, SIG_IGN) == SIG_DFL);
    CHECK(signal(SIGTERM, own) == SIG_DFL);
    read_all("before");
    struct pair pair = in_flight("/dispositions");
    read_all("a service");
    raise(SIGSEGV);
    raise(SIGUSR1);
    raise(SIGTERM);
    raise(SIGBUS);
    say("calls %d", (int)calls);
    for (size_t i = 0; i < COUNT(all); i++)
        every_way(all[i]);
    refused();
    read_all("at the end");
    pair_close(&pair);
    return 0;
}
