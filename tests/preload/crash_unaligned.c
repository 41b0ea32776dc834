// The processor is told to mind alignment, and the service does not: SIGBUS, during which it still minds. It dies as bare.
// valgrind: no, it tells of the fault itself
//
// exit: -7
#include "crash.h"

int main(void)
{
    static char bytes[32] __attribute__((aligned(16)));

    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    in_flight("/unaligned");
    __asm__ volatile(
        "sub $128, %%rsp\n\tpushf\n\torl $0x40000, (%%rsp)\n\tpopf\n\tmovl $1, 1(%0)\n\tpushf\n\tandl $~0x40000, "
        "(%%rsp)\n\tpopf\n\tadd $128, %%rsp" ::"r"(bytes)
        : "memory", "cc");
    say("not minded");
    return 0;
}
