// Whether the kernel leaves a core is its business, and the same bare and shimmed: of each signal, with cores and without, also of a process
// that is told of.
// valgrind: no, it tells of the faults itself
//
// events: service.crashed=10 request.started=10
#include "crash.h"

static void by(int number)
{
    in_flight("/core");
    switch (number) {
    case SIGSEGV:
        crash_zero = *crash_null;
        break;
    case SIGILL:
        __asm__ volatile("ud2");
        break;
    case SIGFPE:
        crash_zero = 7 / crash_zero;
        break;
    case SIGABRT:
        abort();
    default:
        raise(number);
    }
}

int main(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    struct rlimit limit;

    CHECK(getrlimit(RLIMIT_CORE, &limit) == 0);
    for (int with = 0; with < 2; with++)
        for (size_t i = 0; i < COUNT(numbers); i++) {
            int status;
            pid_t pid = forked();

            if (pid == 0) {
                limit.rlim_cur = with ? limit.rlim_max : 0;
                CHECK(setrlimit(RLIMIT_CORE, &limit) == 0);
                by(numbers[i]);
            }
            CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
            say("limit %d: signal %d, core %d", with, WTERMSIG(status), WCOREDUMP(status) != 0);
            crash_told(pid, CRASH_COMPLETE, "\"path\": \"/core\"", NULL);
        }
    return 0;
}
