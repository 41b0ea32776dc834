/* Crashes: see crash.h. Context: octo_crash_*() any thread; the rest is the handler, on the thread that has crashed. */
#include "conn/crash.h"
#include "conn/context.h"
#include "conn/disposition.h"
#include "conn/process.h"
#include "base/clock.h"
#include "base/sys.h"
#include "event/crash.h"
#include "export/gather.h"
#include "export/lead.h"
#include "export/writer.h"

#include <linux/futex.h>
#include <link.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

enum {
    GATHER_MS = 150,   /* for the stack */
    REASON_MS = 20,    /* of it, to hear why there is none */
    PATIENCE_MS = 200, /* for all: then the process dies, and another one tells */
    STEP_US = 200,
};

/* struct octo_process.crash */
enum { NONE, TELLING };

static struct octo_gather gather; /* one crash a process */

static uint64_t left_ns(uint64_t deadline)
{
    uint64_t now = octo_clock_mono_ns();

    return now < deadline ? deadline - now : 0;
}

/* Waits while *word is `value`, until the deadline. */
static void wait_while(_Atomic uint32_t *word, uint32_t value, uint64_t deadline)
{
    uint64_t left;

    while (atomic_load(word) == value && (left = left_ns(deadline)) != 0) {
        const struct timespec ts = {(time_t)(left / OCTO_NS_PER_S), (long)(left % OCTO_NS_PER_S)};

        octo_sys(SYS_futex, word, FUTEX_WAIT, value, &ts, 0, 0);
    }
}

static bool is_fault(int signal, const siginfo_t *info)
{
    return signal != SIGABRT && info->si_code > 0 && !(signal == SIGBUS && info->si_code == BUS_MCEERR_AO);
}

static void put_down(struct octo_crash *crash, struct octo_process *process, int signal, const siginfo_t *info)
{
    crash->tid = (uint32_t)octo_sys(SYS_gettid);
    crash->signal = signal;
    crash->code = info->si_code;
    crash->mono_ns = octo_clock_mono_ns();
    if (is_fault(signal, info)) {
        crash->addressed = info->si_code != SI_KERNEL; /* a general protection fault has none */
        crash->address = (uint64_t)info->si_addr;
    } else if (info->si_pid > 0 && (uint32_t)info->si_pid != process->pid) {
        crash->sender = (uint32_t)info->si_pid;
    }
    octo_sys(SYS_prctl, PR_GET_NAME, crash->thread, 0, 0, 0);
    crash->number = octo_context_held();
    if (process->board)
        octo_crash_list(crash, process->board);
}

static void take_registers(uint64_t registers[OCTO_STACK_REGISTERS], uint64_t *known, const ucontext_t *context)
{
#if defined(__x86_64__)
    /* In the order of DWARF's numbers. */
    static const uint8_t order[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
                                    REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};

    for (unsigned i = 0; i < sizeof order; i++)
        registers[i] = (uint64_t)context->uc_mcontext.gregs[order[i]];
    *known = (UINT64_C(1) << sizeof order) - 1;
#elif defined(__aarch64__)
    for (unsigned i = 0; i < 31; i++)
        registers[i] = context->uc_mcontext.regs[i];
    registers[31] = context->uc_mcontext.sp;
    registers[32] = context->uc_mcontext.pc;
    *known = (UINT64_C(1) << OCTO_STACK_REGISTERS) - 1;
#endif
}

static void add_stack(struct octo_crash *crash, const ucontext_t *context, uint64_t deadline)
{
    /* The handler is on it, perhaps; and the service may be below. */
    gather.alternate_at = (uint64_t)context->uc_stack.ss_sp;
    gather.alternate_bytes = context->uc_stack.ss_flags & SS_DISABLE ? 0 : context->uc_stack.ss_size;
    gather.signal = crash->signal;
    take_registers(gather.registers, &gather.known, context);
    gather.settings = &octo_service.settings;
    gather.deadline_ns = deadline - REASON_MS * OCTO_NS_PER_MS;
    if (octo_gather_start(&gather))
        wait_while(&gather.state, OCTO_GATHERING, deadline);
    octo_gather_end(&gather, crash);
}

static void tell(struct octo_process *process, int signal, const siginfo_t *info, const void *context)
{
    uint64_t begun = octo_clock_mono_ns(), deadline = begun + PATIENCE_MS * OCTO_NS_PER_MS;
    const struct timespec step = {.tv_nsec = STEP_US * 1000};
    struct octo_segment *segment = octo_service.segment;
    struct octo_crash *crash = octo_segment_crash_claim(segment, process->pid);
    _Atomic uint8_t *state;
    bool may_write;

    if (!crash)
        return;
    state = octo_segment_crash_state(segment, crash);
    put_down(crash, process, signal, info);
    atomic_store(state, OCTO_CRASH_BEGUN);
    if (octo_service.settings.stacks != OCTO_STACKS_OFF)
        add_stack(crash, context, begun + GATHER_MS * OCTO_NS_PER_MS);
    octo_segment_ended(segment, process->pid);
    atomic_store(state, OCTO_CRASH_TOLD);
    may_write = octo_process_may_write();
    if (may_write)
        octo_writer_ensure(&octo_service.settings, segment);
    octo_writer_wake(segment);
    /* Nobody to wait for: its next start tells. */
    while ((may_write || octo_lead_held(&segment->lead)) && atomic_load(state) == OCTO_CRASH_TOLD &&
           left_ns(deadline) != 0)
        octo_sys(SYS_nanosleep, &step, NULL);
}

/* From here on all is as it would have been without us. A fault happens again as the thread goes on; what was sent is sent again, and
 * comes when the handler returns. */
static void go_on(int signal, siginfo_t *info)
{
    octo_disposition_default(signal);
    if (!is_fault(signal, info) &&
        octo_sys(SYS_rt_tgsigqueueinfo, octo_sys(SYS_getpid), octo_sys(SYS_gettid), signal, info) < 0)
        octo_sys(SYS_tgkill, octo_sys(SYS_getpid), octo_sys(SYS_gettid), signal);
}

/* Alignment checks, where the thread had them on, would end us. They are back when the handler returns. */
static inline void allow_unaligned(void)
{
#if defined(__x86_64__)
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~(uint64_t)0x40000);
#endif
}

static void handler(int signal, siginfo_t *info, void *context)
{
    struct octo_process *process;
    uint32_t none = NONE;

    allow_unaligned();
    process = octo_process();

    if (process &&
        octo_sys(SYS_getpid) == process->pid) { /* not in the child of a vfork, whose memory is another's */
        if (atomic_compare_exchange_strong(&process->crash, &none, TELLING)) {
            tell(process, signal, info, context);
        } else {
            /* The first one ends the process, of the signal that it has told. */
            wait_while(&process->crash, TELLING, octo_clock_mono_ns() + PATIENCE_MS * OCTO_NS_PER_MS);
        }
    }
    go_on(signal, info);
}

/*
 * A Go program has its own way to die, and asks the kernel itself what was there before it: it would hand its faults on to our handler,
 * which it would not have without us. The linker has left a note.
 */
static bool is_go(void)
{
    const ElfW(Phdr) *header = (const void *)getauxval(AT_PHDR);
    size_t n = getauxval(AT_PHNUM);
    uintptr_t base = 0;

    for (size_t i = 0; header && i < n; i++)
        if (header[i].p_type == PT_PHDR)
            base = (uintptr_t)header - header[i].p_vaddr;
    for (size_t i = 0; header && i < n; i++) {
        const char *at = (const char *)(base + header[i].p_vaddr), *end = at + header[i].p_memsz;

        if (header[i].p_type != PT_NOTE)
            continue;
        while (end - at >= (ptrdiff_t)(sizeof(ElfW(Nhdr)) + sizeof("Go"))) {
            const ElfW(Nhdr) *note = (const void *)at;

            if (note->n_namesz == sizeof("Go") && memcmp(note + 1, "Go", sizeof("Go")) == 0)
                return true;
            at += sizeof(*note) + ((size_t)note->n_namesz + 3) / 4 * 4 + ((size_t)note->n_descsz + 3) / 4 * 4;
        }
    }
    return false;
}

void octo_crash_wake(void)
{
    if (octo_service.settings.crash && octo_service.segment && !is_go())
        octo_disposition_cover(handler);
}

void octo_crash_lock_in(void)
{
    octo_disposition_uncover();
}
