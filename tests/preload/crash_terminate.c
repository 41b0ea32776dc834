// A C++ service: exceptions that are caught are everyday business; one that nobody catches ends it as bare, by SIGABRT, and is told. This file
// is both halves: each compilation takes it in before its input (libs).
// build: gcc
// libs: -Wno-error -include crash_terminate.c -x c++ /dev/null -x none -lstdc++
// valgrind: no, aborts are meant
//
// exit: -6
// events: service.crashed=1 request.started=1
// event: service.crashed signal=SIGABRT signal_code=SI_TKILL requests_in_flight=1 request_id stack stack_id
// not-event: service.crashed stack_error
#ifndef CRASH_TERMINATE
#define CRASH_TERMINATE
#ifdef __cplusplus

#include <stdexcept>
#include <string>

extern "C" unsigned long catches(unsigned long times);
extern "C" void throws();

struct Guard {
    unsigned long &n;
    ~Guard()
    {
        n++;
    }
};

static void deep(int depth, unsigned long &unwound)
{
    Guard guard{unwound};

    if (depth == 0)
        throw std::runtime_error(std::string("deep down"));
    deep(depth - 1, unwound);
}

unsigned long catches(unsigned long times)
{
    unsigned long unwound = 0;

    for (unsigned long i = 0; i < times; i++)
        try {
            deep(5, unwound);
        } catch (const std::exception &error) {
            unwound += std::string(error.what()).size();
        }
    return unwound;
}

void throws()
{
    throw std::runtime_error("of nobody's interest");
}

#else

#include "crash.h"

unsigned long catches(unsigned long times);
void throws(void);

int main(void)
{
    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    say("before: %lu", catches(1000));
    in_flight("/throws");
    say("during: %lu", catches(1000));
    throws();
    return 0;
}

#endif
#endif
