// The log goes to a pipe that is full and that nobody reads: a service that crashes is not held up by it for longer than the patience that its
// event has, each time; what is known of it comes once the pipe is read, from the next start.
// env: OCTOSHIM_LOG=stderr
// stderr: any
// valgrind: no, it tells of the faults itself
#include "crash.h"

static void served_and_faulted(void)
{
    in_flight("/stuck");
    crash_zero = *crash_null;
}

int main(void)
{
    char bytes[4096] = "";
    int ends[2], flags, kept = dup(2);
    uint64_t began;

    CHECK(pipe(ends) == 0 && (flags = fcntl(ends[1], F_GETFL)) >= 0);
    CHECK(fcntl(ends[1], F_SETFL, flags | O_NONBLOCK) == 0);
    while (write(ends[1], bytes, sizeof bytes) > 0)
        ;
    CHECK(fcntl(ends[1], F_SETFL, flags) == 0 && dup2(ends[1], 2) == 2);
    began = now_ms();
    for (int i = 0; i < 3; i++)
        crash_child("stuck", served_and_faulted);
    CHECK(now_ms() - began < 3 * 600);
    CHECK(dup2(kept, 2) == 2);
    return 0;
}
