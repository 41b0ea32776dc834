// Signals of crashes that are no crash, for the service does something about them: it exits, jumps out of its handler, makes the page
// writable, ignores them, waits for them. Nothing is told, and all goes on as bare.
// valgrind: no, it tells of the faults itself
//
// events: service.crashed=0 request.started=7
#include "crash.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/signalfd.h>

static sigjmp_buf out;
static char *page;

static void leaves(int number)
{
    (void)number;
    _exit(3);
}

static void jumps(int number)
{
    siglongjmp(out, number);
}

static void mends(int number, siginfo_t *info, void *context)
{
    (void)context;
    CHECK(number == SIGSEGV && info->si_code == SEGV_ACCERR && (char *)info->si_addr == page);
    CHECK(mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0);
}

static void exits(void)
{
    in_flight("/exits");
    signal(SIGSEGV, leaves);
    crash_zero = *crash_null;
}

static void jumps_out(void)
{
    volatile int faults = 0;

    in_flight("/jumps");
    signal(SIGSEGV, jumps);
    while (faults < 5000)
        if (sigsetjmp(out, 1) == 0)
            crash_zero = *crash_null;
        else
            faults++;
    say("faults %d", faults);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGFPE, jumps);
    for (faults = 0; faults < 5000;)
        if (sigsetjmp(out, 1) == 0)
            crash_zero = 7 / (faults - faults);
        else
            faults++;
    say("faults %d", faults);
    _exit(0);
}

static void mended(void)
{
    in_flight("/mended");
    page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    action.sa_sigaction = mends;
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    for (int i = 0; i < 1000; i++) {
        CHECK(mprotect(page, 4096, PROT_READ) == 0);
        *(volatile char *)page = (char)i;
    }
    say("page %d", *page);
    _exit(0);
}

static void ignored(void)
{
    signal(SIGABRT, SIG_IGN);
    in_flight("/ignored");
    raise(SIGABRT);
    signal(SIGSEGV, SIG_IGN);
    kill(getpid(), SIGSEGV);
    raise(SIGSEGV);
    say("ignored");
    _exit(0);
}

static void jumps_out_of_abort(void)
{
    in_flight("/abort");
    signal(SIGABRT, jumps);
    if (sigsetjmp(out, 1) == 0)
        abort();
    say("not aborted");
    _exit(0);
}

static void waited_for(void)
{
    sigset_t set;
    siginfo_t info;
    int fd;

    in_flight("/waited");
    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    sigaddset(&set, SIGABRT);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    raise(SIGSEGV);
    CHECK(sigwaitinfo(&set, &info) == SIGSEGV);
    kill(getpid(), SIGABRT);
    fd = signalfd(-1, &set, 0);
    struct signalfd_siginfo got;
    CHECK(read(fd, &got, sizeof got) == sizeof got && got.ssi_signo == SIGABRT);
    say("waited for, code %d", (int)got.ssi_code);
    _exit(0);
}

static void discarded(void)
{
    sigset_t set;

    in_flight("/discarded");
    sigemptyset(&set);
    sigaddset(&set, SIGBUS);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    raise(SIGBUS);
    signal(SIGBUS, SIG_IGN); /* with which it is gone */
    signal(SIGBUS, SIG_DFL);
    CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
    say("discarded");
    _exit(0);
}

int main(void)
{
    crash_untold(crash_child("exits", exits));
    crash_untold(crash_child("jumps out", jumps_out));
    crash_untold(crash_child("mended", mended));
    crash_untold(crash_child("ignored", ignored));
    crash_untold(crash_child("jumps out of abort", jumps_out_of_abort));
    crash_untold(crash_child("waited for", waited_for));
    crash_untold(crash_child("discarded", discarded));
    return 0;
}
