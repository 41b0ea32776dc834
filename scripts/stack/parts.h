/*
 * The parts of octoshim-stack, which says what functions a thread was in, from a sample of its registers and its stack.
 * See include/octoshim/stack.h for what is between it and liboctoshim.so, which starts it.
 *
 *      main      the sample in, the answer out; what happens when something here fails
 *      attend    one that stays for those who cannot start it, and does this in a child for each
 *      maps      the text of /proc/self/maps, as mappings
 *      module    the ELF file behind a mapping: whether it is still the same, its addresses, its build ID
 *      unwind    one step by the file's call frame information (CFI), done by libunwind
 *      walk      the chain of frames: which kind of step leads from each to its caller
 *      symbol    functions' names, from ELF symbol tables; jit: from /tmp/perf-PID.map
 *      describe  the frames as JSON
 *
 * One thread, one sample, one answer: what is allocated is never freed. The sample may hold anything: no loop is bounded by
 * a number that it holds, and each address that it holds is looked up before it is used.
 */
#ifndef OCTO_STACK_PARTS_H
#define OCTO_STACK_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <elf.h>
#include <libelf.h>

#include "octoshim/stack.h"

#ifndef OCTO_VERSION
#define OCTO_VERSION "unknown"
#endif

/* DWARF's numbers of the registers that have a part of their own. */
#if defined(__x86_64__)
enum { MACHINE = EM_X86_64, REGISTERS = 17, REGISTER_FP = 6, REGISTER_SP = 7, REGISTER_IP = 16 };
#elif defined(__aarch64__)
enum {
    MACHINE = EM_AARCH64,
    REGISTERS = 33,
    REGISTER_FP = 29,
    REGISTER_LR = 30,
    REGISTER_SP = 31,
    REGISTER_IP = 32
};
#else
#error "octoshim-stack knows x86-64 and AArch64"
#endif

enum {
    MAPS_MAX = 16 << 20, /* bytes of text */
    NAME_MAX_BYTES = 256,
    BUILD_ID_MAX = 32,
    LOADS_MAX = 16, /* segments of a module */
};

struct registers {
    uint64_t known; /* bit n: at[n] is known */
    uint64_t at[OCTO_STACK_REGISTERS];
};

struct sample {
    const struct octo_stack_sample *head;
    const uint8_t *stack, *other;
};

/* The word of the stack at this address. False: it is not in the sample. */
bool stack_word(const struct sample *s, uint64_t address, uint64_t *word);

/* A line of /proc/self/maps. */
struct mapping {
    uint64_t start, end, offset; /* offset: in the file */
    uint64_t inode;
    dev_t device;
    bool writable, executable;
    bool deleted; /* the kernel says that the file has no name any more */
    char *path;   /* of the file, without " (deleted)"; or [vdso] and its like; "": nothing is behind it */
};

/*
 * The attendant's work: returns in a child whose OCTO_STACK_FD is the connection of one who asks, as that one's user, with the text of its maps,
 * or NULL: *error says why. Ends the process when nobody is left.
 */
char *attend(int *error);

/* Takes the text apart, in its place; it ends with a NUL. */
void maps_read(char *text);
/* NULL: there is none. */
const struct mapping *maps_at(uint64_t address);
const struct mapping *maps_executable(uint64_t address);
/* Where the file's first byte is, for the mapping that begins nearest below this one. NULL: nowhere. */
const struct mapping *maps_first(const struct mapping *m);

/* A file that is mapped, or the vDSO. */
struct module {
    const char *path;
    dev_t device;
    uint64_t inode;
    const char *trouble;  /* why its file is of no use, as the rest of a sentence; NULL: it is of use */
    const uint8_t *image; /* NULL: there is none, or it is no ELF file for this machine */
    size_t size;
    Elf *elf;
    Elf64_Phdr loads[LOADS_MAX];
    unsigned load_count;
    uint64_t cfi_at, cfi_table; /* ELF addresses: of .eh_frame_hdr, and of the table in it */
    uint64_t cfi_count;         /* entries of the table; 0: there is no CFI */
    uint8_t build_id[BUILD_ID_MAX];
    unsigned build_id_bytes;
};

/* What is behind a mapping; the same each time. NULL: no file. */
struct module *module_of(const struct mapping *m);
/* The ELF address of an address in a mapping of this module. False: it is not known. */
bool module_address(const struct module *module, const struct mapping *m, uint64_t address, uint64_t *elf_address);
/* Bytes as the file has them, by their ELF address. False: not all are there. */
bool module_bytes(const struct module *module, uint64_t elf_address, void *to, size_t n);
/* The part of the path that a person calls it by. */
const char *module_name(const char *path);
/* A regular file, whole, as it is now; *st is its status. NULL: there is none, or it is too large. */
const uint8_t *file_image(const char *path, struct stat *st);

struct frame {
    uint64_t ip;
    /* The thread is about to run the instruction at ip: it was interrupted there. Else ip is where a call returns to, which is
     * behind the call, and may be behind the function. */
    bool exact;
    uint64_t returns_at;           /* not exact: where ip was on the stack */
    const struct mapping *mapping; /* NULL: no code can be there */
    struct module *module;         /* or NULL */
    bool placed;                   /* elf_address is known */
    uint64_t elf_address;          /* of ip */
    bool jit;                      /* named by a JIT compiler */
    char name[NAME_MAX_BYTES + 1]; /* "": not known */
    uint64_t offset;               /* of ip in the function */
};

/* The frames, innermost first, and why there are no more of them. */
struct chain {
    struct frame frames[OCTO_STACK_FRAMES_MAX];
    unsigned count, max; /* max <= OCTO_STACK_FRAMES_MAX */
    bool cut;
    char reason[OCTO_STACK_REASON_MAX];
};

/* Finds the frames. */
void walk(const struct sample *s, struct chain *chain);
/* Says why the chain ends here; the first to say so is right. */
__attribute__((format(printf, 2, 3))) void chain_cut(struct chain *chain, const char *format, ...);

enum cfi {
    CFI_STEPPED,
    CFI_OUTERMOST, /* the frame has no caller, and says so */
    CFI_NONE,      /* the file says nothing of this address */
    CFI_MISSING,   /* it leads to stack that is not in the sample */
    CFI_BAD,       /* it leads nowhere */
};

/* Makes libunwind ready. False: it cannot be loaded. */
bool unwind_load(const struct sample *s);
extern const char unwind_library[];
/* From the frame that these registers are of to its caller's. frame->module has an image. */
enum cfi unwind_step(const struct frame *frame, const struct registers *from, struct registers *to);

/* Names those frames that are in this module. */
void symbols_name(struct chain *chain, const struct module *module);
/* Names those that are in no ELF file. */
void jit_name(const struct sample *s, struct chain *chain);

/* The text of the answer. It is whole after each frame. */
struct answer {
    struct octo_stack_reply reply;
    char json[OCTO_STACK_JSON_MAX];
    struct octo_stack_place places[OCTO_STACK_FRAMES_MAX];
};

/* Adds the frames, until one finds no room: then the rest is cut. */
void describe(const struct sample *s, const struct chain *chain, size_t room, struct answer *answer);

#endif
