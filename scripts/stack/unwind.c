/*
 * One step by a file's call frame information (CFI), which says how a function's caller is found from any of its instructions.
 * For walk.c. libunwind evaluates it, by its remote interface: all that it looks at, it is given by the functions here.
 *
 * A cursor of libunwind's makes one step only. So what it does where there is no CFI (it guesses) is never taken for an
 * answer, and what it keeps between steps does not matter: registers and addresses are walk.c's.
 *
 * libunwind is loaded when it is wanted and never linked: it would be one more thing that has to be there.
 */
#include <dlfcn.h>
#include <libunwind.h>
#include <string.h>

#include "parts.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define UNWIND_NAME(function) TEXT(UNW_OBJ(function))

const char unwind_library[] = "libunwind-" TEXT(UNW_TARGET) ".so.8";

static struct {
    unw_addr_space_t (*create_addr_space)(unw_accessors_t *, int);
    int (*set_caching_policy)(unw_addr_space_t, unw_caching_policy_t);
    int (*init_remote)(unw_cursor_t *, unw_addr_space_t, void *);
    int (*step)(unw_cursor_t *);
    int (*get_reg)(unw_cursor_t *, int, unw_word_t *);
    /* Not in its header, but exported for those who bring their own tables. */
    int (*search_table)(unw_addr_space_t, unw_word_t, unw_dyn_info_t *, unw_proc_info_t *, int, void *);
} unw;

static unw_addr_space_t space;

/* What the functions that libunwind calls look at, and what they have found. */
static struct {
    const struct sample *sample;
    const struct frame *frame;
    const struct registers *registers;
    uint64_t bias;      /* address = ELF address + bias */
    bool found, missed; /* CFI; a word or a register that it needs */
    bool beyond;        /* the word is of the stack, above what was sampled */
} now;

/* The address whose CFI holds: that of the call, which is before the one that it returns to. */
static uint64_t looked_up(const struct frame *frame)
{
    return frame->exact ? frame->ip : frame->ip - 1;
}

static int find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *pi, int need, void *arg)
{
    const struct frame *f = now.frame;
    unw_dyn_info_t table = {.format = UNW_INFO_FORMAT_REMOTE_TABLE};
    int result;

    /* It asserts this. */
    if (f->module->cfi_count == 0 || ip < f->mapping->start || ip >= f->mapping->end)
        return -UNW_ENOINFO;
    table.start_ip = f->mapping->start;
    table.end_ip = f->mapping->end;
    table.u.rti.segbase = f->module->cfi_at + now.bias;
    table.u.rti.table_data = f->module->cfi_table + now.bias;
    table.u.rti.table_len = f->module->cfi_count * 8 / sizeof(unw_word_t);
    result = unw.search_table(as, ip, &table, pi, need, arg);
    now.found = result == 0;
    return result;
}

static void put_unwind_info(unw_addr_space_t as, unw_proc_info_t *pi, void *arg)
{
    (void)as, (void)pi, (void)arg;
}

static int get_dyn_info_list_addr(unw_addr_space_t as, unw_word_t *address, void *arg)
{
    (void)as, (void)address, (void)arg;
    return -UNW_ENOINFO;
}

/* A word of the file; those bytes that are beyond a segment's end are 0. */
static bool file_word(uint64_t elf_address, uint64_t *word)
{
    const struct module *m = now.frame->module;
    bool some = false;

    if (module_bytes(m, elf_address, word, sizeof *word))
        return true;
    *word = 0;
    for (unsigned i = 0; i < sizeof *word; i++)
        some |= module_bytes(m, elf_address + i, (char *)word + i, 1);
    return some;
}

static int access_mem(unw_addr_space_t as, unw_word_t address, unw_word_t *word, int write, void *arg)
{
    const struct octo_stack_sample *head = now.sample->head;

    (void)as, (void)arg;
    if (!write && (stack_word(now.sample, address, word) || file_word(address - now.bias, word)))
        return 0;
    now.missed = true;
    now.beyond = address >= head->stack_at + head->stack_bytes;
    return -UNW_EINVAL;
}

static int access_reg(unw_addr_space_t as, unw_regnum_t reg, unw_word_t *word, int write, void *arg)
{
    (void)as, (void)arg;
    if (!write && reg >= 0 && reg < REGISTERS && (now.registers->known >> reg & 1) != 0) {
        *word = reg == REGISTER_IP ? looked_up(now.frame) : now.registers->at[reg];
        return 0;
    }
    now.missed = true;
    return -UNW_EBADREG;
}

static int access_fpreg(unw_addr_space_t as, unw_regnum_t reg, unw_fpreg_t *value, int write, void *arg)
{
    (void)as, (void)reg, (void)value, (void)write, (void)arg;
    return -UNW_EBADREG;
}

static int resume(unw_addr_space_t as, unw_cursor_t *cursor, void *arg)
{
    (void)as, (void)cursor, (void)arg;
    return -UNW_EINVAL;
}

bool unwind_load(const struct sample *s)
{
    /* Later versions have more functions in it, which may be NULL. */
    static union {
        unw_accessors_t known;
        void *room[32];
    } accessors = {.known = {.find_proc_info = find_proc_info,
                             .put_unwind_info = put_unwind_info,
                             .get_dyn_info_list_addr = get_dyn_info_list_addr,
                             .access_mem = access_mem,
                             .access_reg = access_reg,
                             .access_fpreg = access_fpreg,
                             .resume = resume}};
    const struct {
        const char *name;
        void *at;
    } wanted[] = {{UNWIND_NAME(create_addr_space), &unw.create_addr_space},
                  {UNWIND_NAME(set_caching_policy), &unw.set_caching_policy},
                  {UNWIND_NAME(init_remote), &unw.init_remote},
                  {UNWIND_NAME(step), &unw.step},
                  {UNWIND_NAME(get_reg), &unw.get_reg},
                  {UNWIND_NAME(dwarf_search_unwind_table), &unw.search_table}};
    void *library = dlopen(unwind_library, RTLD_NOW | RTLD_LOCAL);

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        void *function = library != NULL ? dlsym(library, wanted[i].name) : NULL;

        if (function == NULL)
            return false;
        memcpy(wanted[i].at, &function, sizeof function);
    }
    space = unw.create_addr_space(&accessors.known, 0);
    if (space == NULL)
        return false;
    unw.set_caching_policy(space, UNW_CACHE_NONE);
    now.sample = s;
    return true;
}

static void read_registers(unw_cursor_t *cursor, struct registers *to)
{
    to->known = 0;
    for (int reg = 0; reg < REGISTERS; reg++) {
        unw_word_t word;

        if (unw.get_reg(cursor, reg, &word) >= 0) {
            to->at[reg] = word;
            to->known |= (uint64_t)1 << reg;
        }
    }
#if defined(__aarch64__)
    /* It returns to where the link register says, and is shown so by no other register in each version. */
    to->at[REGISTER_IP] = to->at[REGISTER_LR];
    to->known |= (to->known >> REGISTER_LR & 1) << REGISTER_IP;
#endif
}

enum cfi unwind_step(const struct frame *frame, const struct registers *from, struct registers *to)
{
    unw_cursor_t cursor;
    int result;

    now.frame = frame;
    now.registers = from;
    now.bias = frame->ip - frame->elf_address;
    now.found = now.missed = now.beyond = false;
    if (unw.init_remote(&cursor, space, NULL) < 0)
        return CFI_BAD;
    result = unw.step(&cursor);
    if (!now.found)
        return CFI_NONE;
    if (now.missed)
        return now.beyond ? CFI_MISSING : CFI_BAD;
    if (result < 0)
        return CFI_BAD;
    if (result == 0)
        return CFI_OUTERMOST;
    read_registers(&cursor, to);
    return CFI_STEPPED;
}
