// Every kind of SIGSEGV, by a fault or sent, during a request: told as the kernel tells it, with the function that was to blame.
// valgrind: no, it tells of the faults itself
//
// events: service.crashed=8 request.started=8
// event: service.crashed signal=SIGSEGV signal_code=SEGV_MAPERR address=0x18 request_id trace_id
// event: service.crashed signal=SIGSEGV signal_code=SEGV_ACCERR
// event: service.crashed signal=SIGSEGV signal_code=SI_KERNEL
// event: service.crashed signal=SIGSEGV signal_code=SI_USER sender_pid>1
// event: service.crashed signal=SIGSEGV signal_code=SI_TKILL
// event: service.crashed signal=SIGSEGV signal_code=SEGV_MAPERR address=0xdead0000
#include "crash.h"

#include <sys/mman.h>

static volatile char *page;
static void (*volatile callee)(void);

static __attribute__((noinline)) void reads_null(void)
{
    crash_zero = crash_null[24];
}

static void null_pointer(void)
{
    in_flight("/null");
    reads_null();
}

static void read_only_page(void)
{
    in_flight("/read-only");
    *page = 1;
}

/* Not canonical: the processor does not say what address it was. */
static void no_address(void)
{
    in_flight("/general-protection");
    *(volatile char *)(uintptr_t)0x8000000000000000u = 1;
}

static __attribute__((noinline)) void calls_on(void)
{
    callee();
    crash_zero++;
}

static void null_function(void)
{
    in_flight("/call-null");
    calls_on();
}

static void wild_function(void)
{
    in_flight("/call-wild");
    callee = (void (*)(void))(uintptr_t)0xdead0000;
    calls_on();
}

static void data_as_code(void)
{
    in_flight("/call-data");
    callee = (void (*)(void))(uintptr_t)page;
    calls_on();
}

static void sent(void)
{
    pid_t self = getpid();

    in_flight("/sent");
    if (forked() == 0) {
        kill(self, SIGSEGV);
        _exit(0);
    }
    for (;;)
        pause();
}

static void raised(void)
{
    in_flight("/raised");
    raise(SIGSEGV);
}

int main(void)
{
    char address[40];
    pid_t pid;

    page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    sprintf(address, "\"address\": \"0x%lx\"", (unsigned long)page);
    pid = crash_child("null pointer", null_pointer);
    crash_told(pid, CRASH_COMPLETE, "\"function\": \"reads_null\"", "\"function\": \"null_pointer\"",
               "\"path\": \"/null\"", "\"address\": \"0x18\"", "!sender_pid", NULL);
    pid = crash_child("read-only page", read_only_page);
    crash_told(pid, CRASH_COMPLETE, address, "SEGV_ACCERR", "\"function\": \"read_only_page\"", NULL);
    pid = crash_child("no address", no_address);
    crash_told(pid, CRASH_COMPLETE, "SI_KERNEL", "\"function\": \"no_address\"", "!\"address\"", NULL);
    pid = crash_child("null function", null_function);
    crash_told(pid, CRASH_COMPLETE, "\"function\": \"calls_on\"", "\"function\": \"null_function\"",
               "\"function\": \"main\"", "\"address\": \"0x0\"", NULL);
    pid = crash_child("wild function", wild_function);
    crash_told(pid, CRASH_COMPLETE, "\"function\": \"calls_on\"", "\"function\": \"wild_function\"",
               "\"address\": \"0xdead0000\"", NULL);
    pid = crash_child("data as code", data_as_code);
    crash_told(pid, CRASH_COMPLETE, "\"function\": \"calls_on\"", address, "SEGV_ACCERR", NULL);
    pid = crash_child("sent", sent);
    crash_told(pid, CRASH_COMPLETE, "\"sender_pid\": ", "SI_USER", "!\"address\"", "\"function\": \"sent\"", NULL);
    pid = crash_child("raised", raised);
    crash_told(pid, CRASH_COMPLETE, "!\"sender_pid\"", "SI_TKILL", "!\"address\"", "\"function\": \"raised\"",
               NULL);
    return 0;
}
