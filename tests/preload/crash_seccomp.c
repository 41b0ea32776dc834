// A service under a filter that allows it little, and kills it at anything else, crashes as bare: of the fault, not of the filter. Also one
// whose filter only refuses; and one that has been under a filter from its start, which forbids to read other processes' memory: that one
// is told with its stack.
// valgrind: no, it cannot live under a filter
//
// events: service.crashed=1
// event: service.crashed signal=SIGSEGV requests_in_flight=1 request_id stack stack_id
// not-event: service.crashed stack_error
#include "crash.h"
#include "seccomp.h"

static __attribute__((noinline)) void fault(void)
{
    crash_zero = *crash_null;
}

static void confine(unsigned otherwise, bool by_seccomp)
{
    struct sock_filter program[COUNT(SERVICE_CALLS) + 3];
    struct sock_fprog filter = filter_of(program, SERVICE_CALLS, COUNT(SERVICE_CALLS), otherwise);

    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (by_seccomp)
        CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0);
    else
        CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

static void killed(void)
{
    in_flight("/killed");
    confine(SECCOMP_RET_KILL_PROCESS, false);
    fault();
}

static void killed_by_seccomp(void)
{
    in_flight("/killed-by-seccomp");
    confine(SECCOMP_RET_KILL_PROCESS, true);
    fault();
}

static void killed_idle(void)
{
    tcp_pair();
    confine(SECCOMP_RET_KILL_PROCESS, false);
    fault();
}

static void refused(void)
{
    in_flight("/refused");
    confine(SECCOMP_RET_ERRNO | EPERM, false);
    fault();
}

static void strict(void)
{
    in_flight("/strict");
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
    fault();
}

static void started_confined(void)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = COUNT(program), .filter = program};

    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
    run_self("confined");
}

int main(int argc, char **argv)
{
    pid_t pid;

    if (argc > 1) {
        CHECK(strcmp(argv[1], "confined") == 0);
        in_flight("/confined");
        fault();
    }
    crash_child("killed", killed);
    crash_child("killed by seccomp", killed_by_seccomp);
    crash_child("killed, idle", killed_idle);
    crash_child("refused", refused);
    crash_child("strict", strict);
    pid = crash_child("started confined", started_confined);
    crash_told(pid, CRASH_COMPLETE, "\"function\": \"fault\"", "\"function\": \"main\"", NULL);
    return 0;
}
