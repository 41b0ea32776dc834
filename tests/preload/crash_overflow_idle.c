// A thread that has never served uses up its stack: there is nowhere for a handler to run, the kernel ends the process as bare. The next start
// tells that it is gone, and of its requests. One with an alternate stack of its own is told at once.
// valgrind: no, it tells of the fault itself
//
// events: service.crashed=2
// event: service.crashed signal=SIGSEGV requests_in_flight=1 stack_id
// event: service.crashed requests_in_flight=1 reason
#include "crash.h"

#include <pthread.h>

static __attribute__((noinline)) int recurses(int depth)
{
    volatile char room[300];

    room[depth % 300] = (char)depth;
    return crash_zero ? 0 : recurses(depth + 1) + room[(depth + 1) % 300];
}

static void *thread(void *stack)
{
    if (stack)
        CHECK(sigaltstack(stack, NULL) == 0);
    crash_zero = recurses(1);
    return NULL;
}

static void without(void)
{
    pthread_t id;

    in_flight("/without");
    CHECK(pthread_create(&id, NULL, thread, NULL) == 0 && pthread_join(id, NULL) == 0);
}

static void with(void)
{
    stack_t stack = {.ss_sp = malloc(32 << 10), .ss_size = 32 << 10};
    pthread_t id;

    in_flight("/with");
    CHECK(pthread_create(&id, NULL, thread, &stack) == 0 && pthread_join(id, NULL) == 0);
}

int main(void)
{
    pid_t first = crash_child("without", without), second = crash_child("with", with);

    crash_told(second, "\"function\": \"recurses\"", "\"path\": \"/with\"", NULL);
    crash_told(first, "\"reason\": \"died without a word", "\"path\": \"/without\"", NULL);
    return 0;
}
