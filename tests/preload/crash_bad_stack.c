// The stack of the thread that crashes is damaged: overwritten, or its registers lead nowhere. Told is what can be found, and that it is not
// all; the process dies as bare.
// valgrind: no, it tells of the faults itself
//
// events: service.crashed=6 request.started=6
// not-event: service.crashed reason
#include "crash.h"

#include <sys/mman.h>

static __attribute__((noinline)) void overwrite(unsigned char fill)
{
    unsigned char here[16];
    volatile unsigned char *at = here;

    for (int i = 0; i < 2000; i++)
        at[i] = fill ? fill : (unsigned char)(i * 2654435761u >> 13);
}

static void random_bytes(void)
{
    in_flight("/random");
    overwrite(0);
}

static void all_ones(void)
{
    in_flight("/ones");
    overwrite(0xff);
}

static void registers(void)
{
    in_flight("/registers");
    __asm__ volatile("movabs $0x1234567812345678, %%rbp\n\tmovabs $0xfedcba9876543210, %%rsp\n\tpush %%rax" ::
                         : "memory");
}

static void zero(void)
{
    in_flight("/zero");
    __asm__ volatile("xor %%esp, %%esp\n\txor %%ebp, %%ebp\n\tmov $0x1234, %%eax\n\tjmp *%%rax" ::
                         : "memory", "rax");
}

/* To itself: frame pointers, and what looks like return addresses, go round for ever. */
static void loop(void)
{
    in_flight("/loop");
    uintptr_t *frames = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < (1 << 20) / 8; i++)
        frames[i] = i % 2 ? (uintptr_t)loop + 8 : (uintptr_t)frames;
    __asm__ volatile("mov %0, %%rsp\n\tmov %0, %%rbp\n\txor %%eax, %%eax\n\tjmp *%%rax" ::"r"(frames + 1000)
                     : "memory", "rax");
}

/* Nothing can be read of the stack. */
static void unreadable(void)
{
    in_flight("/unreadable");
    char *stack = mmap(NULL, 1 << 16, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED);
    __asm__ volatile("mov %0, %%rsp\n\tud2" ::"r"(stack + 4096) : "memory");
}

int main(void)
{
    crash_told(crash_child("random bytes", random_bytes), "\"path\": \"/random\"", "\"stack", NULL);
    crash_told(crash_child("all ones", all_ones), "\"path\": \"/ones\"", "\"stack", NULL);
    crash_told(crash_child("registers", registers), "\"path\": \"/registers\"", "\"stack_error\": ", NULL);
    crash_told(crash_child("zero", zero), "\"path\": \"/zero\"", "\"stack_error\": ", NULL);
    crash_told(crash_child("loop", loop), "\"path\": \"/loop\"", "\"stack", NULL);
    crash_told(crash_child("unreadable", unreadable), "\"path\": \"/unreadable\"",
               "\"stack_error\": ", "\"function\": \"unreadable\"", NULL);
    return 0;
}
