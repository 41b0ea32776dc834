// Signals that the thread has blocked: of a fault the kernel ends the process without asking anybody, as bare; the next start of the service
// tells that it is gone. What is sent waits until it is let through, and is told then.
// valgrind: no, it tells of the faults itself
//
// events: service.crashed=4
// event: service.crashed signal=SIGABRT signal_code=SI_TKILL stack_id request_id
// event: service.crashed signal=SIGSEGV signal_code=SI_USER sender_pid>1 stack_id request_id
// event: service.crashed requests_in_flight=1 reason
#include "crash.h"

static void mask(int how)
{
    sigset_t set;

    sigfillset(&set);
    CHECK(sigprocmask(how, &set, NULL) == 0);
}

static void blocked(void)
{
    in_flight("/blocked");
    mask(SIG_BLOCK);
    crash_zero = *crash_null;
}

static void blocked_division(void)
{
    in_flight("/blocked-division");
    mask(SIG_BLOCK);
    crash_zero = 7 / crash_zero;
}

static void let_through(void)
{
    in_flight("/let-through");
    mask(SIG_BLOCK);
    raise(SIGABRT);
    say("it waits");
    mask(SIG_UNBLOCK);
}

static void sent(void)
{
    pid_t self = getpid();

    in_flight("/sent");
    mask(SIG_BLOCK);
    if (forked() == 0) {
        kill(self, SIGSEGV);
        _exit(0);
    }
    sleep_ms(50);
    say("it waits");
    mask(SIG_UNBLOCK);
}

int main(void)
{
    pid_t first = crash_child("blocked", blocked), second = crash_child("blocked division", blocked_division);

    crash_told(crash_child("let through", let_through), CRASH_COMPLETE, NULL);
    crash_told(crash_child("sent", sent), CRASH_COMPLETE, "\"sender_pid\": ", NULL);
    crash_told(first, "\"path\": \"/blocked\"", "\"reason\": \"died without a word", "!\"signal\"", NULL);
    crash_told(second, "\"path\": \"/blocked-division\"", "\"reason\": \"died without a word", "!\"signal\"",
               NULL);
    return 0;
}
