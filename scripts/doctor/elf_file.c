/*
 * What an executable file says about itself. See elf_file.h.
 */
#include "elf_file.h"

#include <elf.h>
#include <string.h>

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#endif

struct file {
    const unsigned char *bytes;
    size_t size;
    Elf64_Ehdr header;
};

static bool inside(const struct file *f, uint64_t offset, uint64_t len)
{
    return offset <= f->size && len <= f->size - offset;
}

/* The NUL-terminated string at offset, or "" if it does not end within the file. */
static const char *string_at(const struct file *f, uint64_t offset)
{
    if (offset >= f->size || memchr(f->bytes + offset, '\0', f->size - offset) == NULL)
        return "";
    return (const char *)f->bytes + offset;
}

static bool program_header(const struct file *f, unsigned i, Elf64_Phdr *to)
{
    uint64_t offset = f->header.e_phoff + (uint64_t)i * sizeof(*to);

    if (f->header.e_phoff > f->size || !inside(f, offset, sizeof(*to)))
        return false;
    memcpy(to, f->bytes + offset, sizeof(*to));
    return true;
}

static bool find_program_header(const struct file *f, uint32_t type, Elf64_Phdr *to)
{
    unsigned i;

    for (i = 0; i < f->header.e_phnum && program_header(f, i, to); i++)
        if (to->p_type == type && inside(f, to->p_offset, to->p_filesz))
            return true;
    return false;
}

/* Where in the file the loaded address is, or the file's size. */
static uint64_t offset_of_address(const struct file *f, uint64_t address)
{
    Elf64_Phdr load;
    unsigned i;

    for (i = 0; i < f->header.e_phnum && program_header(f, i, &load); i++)
        if (load.p_type == PT_LOAD && address >= load.p_vaddr && address - load.p_vaddr < load.p_filesz)
            return load.p_offset + (address - load.p_vaddr);
    return f->size;
}

static bool contains(const struct file *f, const void *text, size_t len)
{
    return memmem(f->bytes, f->size, text, len) != NULL;
}

static void note_needed(const char *name, struct elf_facts *facts)
{
    if (strncmp(name, "libssl", 6) == 0 || strncmp(name, "libgnutls", 9) == 0)
        facts->needs_tls_library = true;
    if (strncmp(name, "libasan", 7) == 0 || strncmp(name, "libtsan", 7) == 0)
        facts->needs_sanitizer = true;
    if (strncmp(name, "liburing", 8) == 0)
        facts->needs_uring = true;
}

static void read_dynamic(const struct file *f, const Elf64_Phdr *dynamic, struct elf_facts *facts)
{
    uint64_t count = dynamic->p_filesz / sizeof(Elf64_Dyn);
    uint64_t strings = f->size;
    Elf64_Dyn entry;
    uint64_t i;
    int pass;

    for (pass = 0; pass < 2; pass++) { /* the names' table may stand behind the names */
        for (i = 0; i < count; i++) {
            memcpy(&entry, f->bytes + dynamic->p_offset + i * sizeof(entry), sizeof(entry));
            if (entry.d_tag == DT_NULL)
                break;
            if (pass == 0 && entry.d_tag == DT_STRTAB)
                strings = offset_of_address(f, entry.d_un.d_ptr);
            if (pass == 1 && entry.d_tag == DT_NEEDED && entry.d_un.d_val < f->size - strings)
                note_needed(string_at(f, strings + entry.d_un.d_val), facts);
        }
    }
}

/* Go marks what it builds twice: the head of its build information, which stays when sections are stripped, and the
 * section that holds it. */
static bool built_by_go(const struct file *f)
{
    static const char magic[] = "\xff Go buildinf:";
    Elf64_Shdr names, section;
    unsigned i;

    if (contains(f, magic, sizeof(magic) - 1))
        return true;
    if (f->header.e_shentsize != sizeof(section) || !inside(f, f->header.e_shoff, 0) ||
        !inside(f, f->header.e_shoff, (uint64_t)f->header.e_shnum * sizeof(section)) ||
        f->header.e_shstrndx >= f->header.e_shnum)
        return false;
    memcpy(&names, f->bytes + f->header.e_shoff + f->header.e_shstrndx * sizeof(names), sizeof(names));
    for (i = 0; i < f->header.e_shnum; i++) {
        const char *name;

        memcpy(&section, f->bytes + f->header.e_shoff + i * sizeof(section), sizeof(section));
        if (names.sh_offset > f->size)
            return false;
        name = string_at(f, names.sh_offset + section.sh_name);
        if (strcmp(name, ".go.buildinfo") == 0 || strcmp(name, ".note.go.buildid") == 0)
            return true;
    }
    return false;
}

static void look_for_marks(const struct file *f, struct elf_facts *facts)
{
    static const char *const tls[] = {"BoringSSL", "rustls", "SSL_read", "mbedtls_ssl_read", "wolfSSL_read"};
    size_t i;

    facts->go = built_by_go(f);
    for (i = 0; i < sizeof(tls) / sizeof(*tls) && !facts->needs_tls_library; i++) {
        if (contains(f, tls[i], strlen(tls[i]))) {
            facts->has_tls_inside = true;
            facts->tls_mark = tls[i];
            break;
        }
    }
    facts->has_uring_inside = !facts->needs_uring && contains(f, "io_uring", 8);
}

static const char *machine_name(unsigned machine, unsigned class)
{
    static const struct {
        unsigned machine;
        const char *name;
    } names[] = {
        {EM_386, "i386"},        {EM_X86_64, "x86-64"}, {EM_ARM, "arm"},     {EM_AARCH64, "aarch64"},
        {EM_PPC64, "powerpc64"}, {EM_S390, "s390x"},    {EM_RISCV, "riscv"}, {EM_MIPS, "mips"},
    };
    size_t i;

    if (machine == EM_X86_64 && class == ELFCLASS32)
        return "x32";
    for (i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (names[i].machine == machine)
            return names[i].name;
    return "another machine";
}

static void read_native(struct file *f, struct elf_facts *facts)
{
    Elf64_Phdr part;

    facts->kind = ELF_BROKEN;
    if (f->size < sizeof(f->header))
        return;
    memcpy(&f->header, f->bytes, sizeof(f->header));
    if (f->header.e_phentsize != sizeof(part) && f->header.e_phnum > 0)
        return;
    if ((f->header.e_type != ET_EXEC && f->header.e_type != ET_DYN) || f->header.e_entry == 0) {
        facts->kind = ELF_NO_START;
        return;
    }
    if (f->header.e_phnum == 0 || !program_header(f, f->header.e_phnum - 1u, &part))
        return;
    facts->kind = ELF_STATIC;
    if (find_program_header(f, PT_INTERP, &part)) {
        facts->kind = ELF_DYNAMIC;
        if (part.p_filesz == 0 || part.p_filesz > sizeof(facts->loader)) {
            facts->kind = ELF_BROKEN;
            return;
        }
        memcpy(facts->loader, f->bytes + part.p_offset, part.p_filesz);
        facts->loader[part.p_filesz - 1] = '\0';
        if (find_program_header(f, PT_DYNAMIC, &part))
            read_dynamic(f, &part, facts);
    }
    look_for_marks(f, facts);
}

void elf_read(const unsigned char *bytes, size_t size, struct elf_facts *facts)
{
    struct file f = {.bytes = bytes, .size = size};
    bool big;
    unsigned machine;

    memset(facts, 0, sizeof(*facts));
    facts->kind = ELF_NOT;
    if (size < SELFMAG || memcmp(bytes, ELFMAG, SELFMAG) != 0)
        return;
    facts->kind = ELF_BROKEN;
    if (size < 20)
        return;
    big = bytes[EI_DATA] == ELFDATA2MSB;
    machine = big ? bytes[18] * 256u + bytes[19] : bytes[19] * 256u + bytes[18];
    if (bytes[EI_CLASS] != ELFCLASS64 || big || machine != OWN_MACHINE) {
        facts->kind = ELF_FOREIGN;
        facts->machine = machine_name(machine, bytes[EI_CLASS]);
        return;
    }
    read_native(&f, facts);
}
