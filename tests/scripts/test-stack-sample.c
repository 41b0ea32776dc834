/*
 * A program that faults in a known place, and leaves what liboctoshim.so would send to octoshim-stack: see stack.h.
 *
 *      test-stack-sample CASE FILE [BYTES]     BYTES: of stack, at most
 *
 * For test-stack.sh, which builds it without frame pointers; its functions are known by their names there.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "octoshim/stack.h"

#define APART __attribute__((noinline, noclone))

static const char *file;
static unsigned long bytes_most = OCTO_STACK_BYTES_MAX;
static volatile int *volatile nothing;
static void (*volatile call)(void);
volatile int sum;

/* By DWARF's numbers. */
static const int order[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
                            REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};

static unsigned long end_of_stack(FILE *maps, unsigned long sp)
{
    unsigned long start, end;
    char line[4096];

    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start <= sp && sp < end)
            return end;
    return sp;
}

/* The sample, of the thread as it was when the signal came. */
static void leave_sample(int number, siginfo_t *info, void *context)
{
    const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    struct octo_stack_sample s = {.version = OCTO_STACK_VERSION,
                                  .machine = 62,
                                  .pid = (uint32_t)getpid(),
                                  .uid = geteuid(),
                                  .frames_max = OCTO_STACK_FRAMES_MAX,
                                  .json_max = OCTO_STACK_JSON_MAX};
    FILE *maps = fopen("/proc/self/maps", "r"), *out = fopen(file, "w");
    int c;

    (void)number, (void)info;
    if (maps == NULL || out == NULL)
        _exit(2);
    for (unsigned i = 0; i < sizeof order / sizeof *order; i++) {
        s.registers[i] = (uint64_t)registers[order[i]];
        s.known |= (uint64_t)1 << i;
    }
    s.stack_at = s.registers[7];
    s.stack_bytes = end_of_stack(maps, s.stack_at) - s.stack_at;
    if (s.stack_bytes > bytes_most)
        s.stack_bytes = bytes_most;
    rewind(maps);
    fwrite(&s, sizeof s, 1, out);
    fwrite((const void *)s.stack_at, 1, s.stack_bytes, out);
    while ((c = getc(maps)) != EOF)
        putc(c, out);
    printf("%d\n", getpid());
    _exit(fflush(out) != 0 || fflush(stdout) != 0);
}

/* sum after each call: so that none is a jump. */
APART static void fault_here(void)
{
    *nothing = 1;
    sum++;
}

APART static void static_caller(void)
{
    fault_here();
    sum++;
}

APART void global_caller(void)
{
    static_caller();
    sum++;
}

/* Its call is the last there is of it: the address that it returns to is another function's. */
APART __attribute__((noreturn)) void never_back(void)
{
    global_caller();
    abort();
}

APART void before_the_end(void)
{
    sum++;
    never_back();
}

APART static int compare(const void *a, const void *b)
{
    fault_here();
    return *(const int *)a - *(const int *)b + sum;
}

APART void sorter(void)
{
    int list[] = {3, 1, 2};

    qsort(list, 3, sizeof *list, compare);
    sum += list[0];
}

static void on_usr1(int number)
{
    sum += number;
    fault_here();
    sum++;
}

APART void interrupted(int flags)
{
    struct sigaction action = {.sa_handler = on_usr1, .sa_flags = flags};
    stack_t other = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};

    sigaltstack(&other, NULL);
    sigaction(SIGUSR1, &action, NULL);
    /* By hand, so that the interrupted instruction is known. */
    __asm__ volatile("syscall" : : "a"(200), "D"(getpid()), "S"(SIGUSR1) : "rcx", "r11", "memory");
    sum++;
}

APART void bad_pointer(unsigned long address)
{
    call = (void (*)(void))address;
    call();
    sum++;
}

/* The kernel's own code, which the C library calls, faults where it writes the time. */
APART void in_vdso(void)
{
    clock_gettime(CLOCK_MONOTONIC, (struct timespec *)8);
    sum++;
}

APART void deep(int left)
{
    if (left > 0)
        deep(left - 1);
    else
        fault_here();
    sum++;
}

/* push rbp; mov rbp, rsp; call rdi; pop rbp; ret */
APART void jitted(void (*function)(void))
{
    static const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
    unsigned char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char path[64];
    FILE *map;

    memcpy(at + 0x100, code, sizeof code);
    snprintf(path, sizeof path, "%s.map", file);
    map = fopen(path, "w");
    if (map == NULL)
        _exit(2);
    fprintf(map, "%lx 1000 whole page\n%lx 40 older\n%lx 20 LazyCompile:*render /srv/app main.js:12:7\n",
            (unsigned long)at, (unsigned long)at + 0x100, (unsigned long)at + 0x100);
    fprintf(map, "%lx 20 elsewhere\nno line\n%lx 10", (unsigned long)at + 0x200, (unsigned long)at + 0x100);
    fclose(map);
    ((void (*)(void (*)(void)))(at + 0x100))(function);
    sum++;
}

void in_module(void (*function)(void)) __attribute__((weak));

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_sigaction = leave_sample, .sa_flags = SA_SIGINFO | SA_NODEFER};
    const char *what = argc > 2 ? argv[1] : "";

    file = argv[2];
    if (argc > 3)
        bytes_most = strtoul(argv[3], NULL, 0);
    sigaction(SIGSEGV, &action, NULL);
    if (strcmp(what, "plain") == 0)
        global_caller();
    else if (strcmp(what, "end") == 0)
        before_the_end();
    else if (strcmp(what, "qsort") == 0)
        sorter();
    else if (strcmp(what, "signal") == 0)
        interrupted(0);
    else if (strcmp(what, "altstack") == 0)
        interrupted(SA_ONSTACK);
    else if (strcmp(what, "null") == 0)
        bad_pointer(0);
    else if (strcmp(what, "data") == 0)
        bad_pointer((unsigned long)&sum);
    else if (strcmp(what, "vdso") == 0)
        in_vdso();
    else if (strcmp(what, "deep") == 0)
        deep(200);
    else if (strcmp(what, "jit") == 0)
        jitted(global_caller);
    else if (strcmp(what, "module") == 0 && in_module != NULL)
        in_module(global_caller);
    sum++;
    return 2;
}
