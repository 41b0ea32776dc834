// More requests in flight than are told by name, with paths that are long and full of what has to be escaped, and a deep stack: the line keeps
// its length, the number is right, the oldest are named, and the one that the thread was on is, though it is the newest.
// valgrind: no, it tells of the fault itself
//
// exit: -11
// events: service.crashed=1 request.started=60
// event: service.crashed signal=SIGSEGV requests_in_flight=60 stack stack_id request_id requests
#include "crash.h"

static __attribute__((noinline)) int
deep_function_with_a_name_that_is_as_long_as_those_of_templates_may_be_in_other_languages(int n)
{
    volatile int here = n;

    if (n == 0)
        return *crash_null;
    return deep_function_with_a_name_that_is_as_long_as_those_of_templates_may_be_in_other_languages(n - 1) + here;
}

int main(void)
{
    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    for (int i = 0; i < 60; i++) {
        char path[2100] = "";

        sprintf(path, "/%d/", i);
        memset(path + strlen(path), i % 3 == 0 ? '"' : i % 3 == 1 ? '\xff' : 'x', i * 30 + 1);
        in_flight(path);
    }
    return deep_function_with_a_name_that_is_as_long_as_those_of_templates_may_be_in_other_languages(crash_zero +
                                                                                                     300);
}
