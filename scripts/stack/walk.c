/*
 * The chain of frames, from the instruction that the thread was at to the one that started it. For main.c.
 *
 * From a frame to its caller's, the first of these that is there:
 *
 *      no code at ip       a call through a bad pointer: nothing but the return address was written yet
 *      a signal's return   the kernel has left all registers of what it interrupted on the stack
 *      CFI of the file     exact
 *      frame pointer       for what has no CFI, as code that a JIT compiler wrote; true if that code keeps one
 *
 * A return address that is in no executable mapping is no frame: the chain ends before it, and says so.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "parts.h"

enum step { STEPPED, INTERRUPTED, OUTERMOST, MISSING, BROKEN };

/* Of the kernel's signal frame: from the stack pointer to the registers that it has saved. */
#if defined(__x86_64__)
enum { SAVED_AT = 40 };
/* DWARF's numbers of r8..r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip. */
static const uint8_t saved_order[] = {8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16};
#else
/* Behind siginfo and the head of ucontext; x0..x30, sp, pc. */
enum { SAVED_AT = 128 + 176 + 8 };
#endif

static bool known(const struct registers *r, unsigned reg)
{
    return (r->known >> reg & 1) != 0;
}

static void set(struct registers *r, unsigned reg, uint64_t value)
{
    r->at[reg] = value;
    r->known |= (uint64_t)1 << reg;
}

void chain_cut(struct chain *chain, const char *format, ...)
{
    va_list arguments;

    if (chain->cut)
        return;
    chain->cut = true;
    va_start(arguments, format);
    vsnprintf(chain->reason, sizeof chain->reason, format, arguments);
    va_end(arguments);
    /* A file's name may hold anything. */
    for (char *p = chain->reason; *p != '\0'; p++) {
        if (*p < ' ' || *p > '~')
            *p = '?';
    }
}

static bool word_of(const uint8_t *stack, uint64_t at, uint64_t bytes, uint64_t address, uint64_t *word)
{
    uint64_t in = address - at;

    if (bytes < sizeof *word || in > bytes - sizeof *word)
        return false;
    memcpy(word, stack + in, sizeof *word);
    return true;
}

bool stack_word(const struct sample *s, uint64_t address, uint64_t *word)
{
    return word_of(s->stack, s->head->stack_at, s->head->stack_bytes, address, word) ||
           word_of(s->other, s->head->other_at, s->head->other_bytes, address, word);
}

/* The frame at ip, and what is there. */
static struct frame place(uint64_t ip, bool exact)
{
    struct frame f = {.ip = ip, .exact = exact, .mapping = maps_executable(ip)};

    if (f.mapping == NULL)
        return f;
    f.module = module_of(f.mapping);
    f.placed = f.module != NULL && module_address(f.module, f.mapping, ip, &f.elf_address);
    return f;
}

/* Whether the code at ip is what a signal handler returns to: the call of rt_sigreturn(2), as each libc and the kernel write it. */
static bool returns_from_signal(const struct frame *f)
{
#if defined(__x86_64__)
    static const uint8_t code[][9] = {{0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05},
                                      {0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05}};
    static const uint8_t bytes[] = {9, 7};
#else
    static const uint8_t code[][8] = {{0x68, 0x11, 0x80, 0xd2, 0x01, 0, 0, 0xd4}};
    static const uint8_t bytes[] = {8};
#endif
    uint8_t there[sizeof code[0]];

    for (unsigned i = 0; f->placed && i < sizeof bytes; i++) {
        if (module_bytes(f->module, f->elf_address, there, bytes[i]) && memcmp(there, code[i], bytes[i]) == 0)
            return true;
    }
    return false;
}

/* To what the signal has interrupted. Its stack may be another one: then that frame is the last. */
static enum step by_signal(const struct sample *s, const struct registers *from, struct registers *to)
{
    uint64_t at = from->at[REGISTER_SP] + SAVED_AT, word;

    to->known = 0;
    for (unsigned i = 0; i < REGISTERS; i++, at += sizeof word) {
        if (!stack_word(s, at, &word))
            return MISSING;
#if defined(__x86_64__)
        set(to, saved_order[i], word);
#else
        set(to, i, word);
#endif
    }
    return INTERRUPTED;
}

/* From where no code is: as a call has left it. */
static enum step by_call(const struct sample *s, const struct registers *from, struct registers *to)
{
    *to = *from;
#if defined(__x86_64__)
    if (!stack_word(s, from->at[REGISTER_SP], &to->at[REGISTER_IP]))
        return MISSING;
    to->at[REGISTER_SP] += 8;
#else
    (void)s;
    if (!known(from, REGISTER_LR) || from->at[REGISTER_LR] == from->at[REGISTER_IP])
        return BROKEN;
    to->at[REGISTER_IP] = from->at[REGISTER_LR];
#endif
    return STEPPED;
}

/* The frame pointer points at the caller's, and behind that is the return address. On AArch64 the caller's stack pointer is
 * perhaps above; its own frame pointer, or CFI that goes by that, does as well. */
static enum step by_frame_pointer(const struct sample *s, const struct registers *from, struct registers *to)
{
    uint64_t fp = from->at[REGISTER_FP], caller, ip;

    to->known = 0;
    if (!known(from, REGISTER_FP))
        return BROKEN;
    if (fp == 0)
        return OUTERMOST;
    if (fp < from->at[REGISTER_SP] || fp % 8 != 0)
        return BROKEN;
    if (!stack_word(s, fp, &caller) || !stack_word(s, fp + 8, &ip))
        return fp < s->head->stack_at + s->head->stack_bytes + OCTO_STACK_BYTES_MAX ? MISSING : BROKEN;
    set(to, REGISTER_FP, caller);
    set(to, REGISTER_SP, fp + 16);
    set(to, REGISTER_IP, ip);
    return STEPPED;
}

static enum step by_cfi(const struct frame *f, const struct registers *from, struct registers *to, bool *none)
{
    switch (unwind_step(f, from, to)) {
    case CFI_STEPPED:
        return known(to, REGISTER_IP) && known(to, REGISTER_SP) ? STEPPED : BROKEN;
    case CFI_OUTERMOST:
        return OUTERMOST;
    case CFI_MISSING:
        return MISSING;
    case CFI_NONE:
        *none = true;
        return BROKEN;
    case CFI_BAD:
        break;
    }
    return BROKEN;
}

/* From f to its caller's. f is the last in the chain. */
static enum step step(const struct sample *s, struct chain *chain, struct frame *f, const struct registers *from,
                      struct registers *to)
{
    static enum { UNKNOWN, LOADED, NOT_THERE } library;
    bool no_cfi = true;
    enum step step = BROKEN;

    if (f->mapping == NULL)
        return by_call(s, from, to);
    if (returns_from_signal(f)) {
        f->exact = true;
        return by_signal(s, from, to);
    }
    if (f->placed && f->module->image != NULL) {
        if (library == UNKNOWN)
            library = unwind_load(s) ? LOADED : NOT_THERE;
        if (library == NOT_THERE) {
            chain_cut(chain, "%s cannot be loaded", unwind_library);
            return BROKEN;
        }
        no_cfi = false;
        step = by_cfi(f, from, to, &no_cfi);
    }
    if (no_cfi)
        step = by_frame_pointer(s, from, to);
    /* The chain may go on, or seem to end; but it is not known whether all are in it. */
    if (f->module != NULL && f->module->trouble != NULL)
        chain_cut(chain, "%.40s %s", module_name(f->module->path), f->module->trouble);
    /* A caller's frame is above; or beside, where frames may be empty. */
    if (step == STEPPED && to->at[REGISTER_SP] <= from->at[REGISTER_SP] &&
        (MACHINE == EM_X86_64 || to->at[REGISTER_SP] < from->at[REGISTER_SP]))
        step = BROKEN;
    return step;
}

static void say_broken(struct chain *chain, const struct frame *f)
{
    if (f->placed)
        chain_cut(chain, "the chain of frames is broken at %.32s+0x%llx", module_name(f->module->path),
                  (unsigned long long)f->elf_address);
    else
        chain_cut(chain, "the chain of frames is broken at 0x%llx", (unsigned long long)f->ip);
}

void walk(const struct sample *s, struct chain *chain)
{
    struct registers now = {.known = s->head->known}, next;
    bool exact = true;

    memcpy(now.at, s->head->registers, sizeof now.at);
    if (!known(&now, REGISTER_IP) || !known(&now, REGISTER_SP)) {
        chain_cut(chain, "the sample lacks the instruction pointer or the stack pointer");
        return;
    }
    for (;;) {
        struct frame f = place(now.at[REGISTER_IP], exact), *last;
        enum step how;

        if (f.mapping == NULL && !exact) {
            say_broken(chain, &chain->frames[chain->count - 1]);
            return;
        }
        if (chain->count == chain->max) {
            chain_cut(chain, "%s", "");
            return;
        }
        last = &chain->frames[chain->count];
        f.returns_at = now.at[REGISTER_SP] - sizeof(uint64_t); /* x86-64's */
        *last = f;
        chain->count++;
        how = step(s, chain, last, &now, &next);
        if (how == MISSING)
            chain_cut(chain, "the stack was sampled only so far");
        else if (how == BROKEN)
            say_broken(chain, last);
        if (how == OUTERMOST || how == MISSING || how == BROKEN)
            return;
        exact = how == INTERRUPTED;
        now = next;
#if defined(__aarch64__)
        /* A signed return address has its signature above the address. */
        now.at[REGISTER_IP] &= ((uint64_t)1 << 48) - 1;
#endif
        /* As the outermost function's caller is often written. */
        if (now.at[REGISTER_IP] == 0 && !exact)
            return;
    }
}
