// glibc finds its heap damaged and aborts, holding its locks: it says the same as bare, and it is told.
// valgrind: no, it tells of the double free itself
//
// exit: -6
// events: service.crashed=1 request.started=1
// event: service.crashed signal=SIGABRT signal_code=SI_TKILL requests_in_flight=1 request_id stack stack_id
// not-event: service.crashed stack_error
#include "crash.h"

#pragma GCC diagnostic ignored "-Wuse-after-free"

int main(void)
{
    char *volatile block = malloc(100), *volatile same = block;

    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    in_flight("/double-free");
    free(block);
    free(same);
    return 0;
}
