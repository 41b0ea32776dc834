// A mapped file that has become shorter: SIGBUS, with the address that was read.
// valgrind: no, it tells of the fault itself
//
// exit: -7
// events: service.crashed=1 request.started=1
// event: service.crashed level=critical signal=SIGBUS signal_code=BUS_ADRERR address=0x70001008 thread_id>0 request_id
// event: service.crashed stack stack_id requests requests_in_flight=1 trace_id
// not-event: service.crashed stack_error
#include "crash.h"

#include <sys/mman.h>

int main(void)
{
    char *at = (char *)(uintptr_t)0x70000000;
    int file = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);

    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    CHECK(file >= 0 && ftruncate(file, 8192) == 0);
    CHECK(mmap(at, 8192, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE, file, 0) == at);
    CHECK(ftruncate(file, 100) == 0);
    in_flight("/mapped");
    say("first page %d", *(volatile char *)at);
    say("second page %d", *(volatile char *)(at + 4104));
    return 0;
}
