/*
 * Functions' names, from the symbol tables of an ELF file: .symtab, or that of the separate file that holds what was stripped,
 * or .dynsym, which knows only what is exported. For main.c, after the walk: each table is gone through once.
 */
#include <gelf.h>
#include <stdio.h>
#include <string.h>

#include "parts.h"

/* Where debuggers look for what was stripped; the name behind it is the build ID's. */
#define DEBUG_ROOT "/usr/lib/debug/.build-id/"

struct table {
    Elf *elf;
    const Elf64_Sym *symbols;
    size_t count;
    const char *names;
    size_t names_bytes;
};

/* The best symbol yet for a frame. */
struct best {
    const Elf64_Sym *covering; /* the address is in it */
    const Elf64_Sym *before;   /* of unknown size, nearest below the address */
    uint64_t end;              /* of those with a size below the address, the highest end */
};

static bool find_table(Elf *elf, unsigned type, struct table *table)
{
    Elf_Scn *section = NULL;
    GElf_Shdr head;

    while ((section = elf_nextscn(elf, section)) != NULL) {
        Elf_Data *symbols, *names;

        if (gelf_getshdr(section, &head) == NULL || head.sh_type != type)
            continue;
        symbols = elf_getdata(section, NULL);
        names = elf_getdata(elf_getscn(elf, head.sh_link), NULL);
        if (symbols == NULL || names == NULL || symbols->d_buf == NULL || names->d_buf == NULL)
            continue;
        *table = (struct table){.elf = elf,
                                .symbols = symbols->d_buf,
                                .count = symbols->d_size / sizeof(Elf64_Sym),
                                .names = names->d_buf,
                                .names_bytes = names->d_size};
        return table->count > 0;
    }
    return false;
}

/* The separate file for this build ID. */
static Elf *debug_file(const struct module *module)
{
    char path[sizeof DEBUG_ROOT + 2 * BUILD_ID_MAX + sizeof "/.debug"], *p = path + sizeof DEBUG_ROOT - 1;
    const uint8_t *image;
    struct stat st;
    Elf *elf;

    if (module->build_id_bytes < 2)
        return NULL;
    memcpy(path, DEBUG_ROOT, sizeof DEBUG_ROOT);
    for (unsigned i = 0; i < module->build_id_bytes; i++)
        p += sprintf(p, i == 0 ? "%02x/" : "%02x", module->build_id[i]);
    memcpy(p, ".debug", sizeof ".debug");
    image = file_image(path, &st);
    if (image == NULL)
        return NULL;
    elf = elf_memory((char *)(uintptr_t)image, (size_t)st.st_size);
    return elf != NULL && gelf_getclass(elf) == ELFCLASS64 ? elf : NULL;
}

static bool choose_table(const struct module *module, struct table *table)
{
    Elf *debug;

    if (find_table(module->elf, SHT_SYMTAB, table))
        return true;
    debug = debug_file(module);
    return (debug != NULL && find_table(debug, SHT_SYMTAB, table)) || find_table(module->elf, SHT_DYNSYM, table);
}

/* The section that the symbol is in, if it is of code. */
static bool code_section(const struct table *table, const Elf64_Sym *symbol, GElf_Shdr *head)
{
    Elf_Scn *section = symbol->st_shndx < SHN_LORESERVE ? elf_getscn(table->elf, symbol->st_shndx) : NULL;

    return section != NULL && gelf_getshdr(section, head) != NULL && (head->sh_flags & SHF_EXECINSTR) != 0;
}

/* NULL: it has none, or one that only marks a place, as AArch64's $x does. */
static const char *name_of(const struct table *table, const Elf64_Sym *symbol)
{
    const char *name = table->names + symbol->st_name;

    if (symbol->st_name >= table->names_bytes || name[0] == '\0' || name[0] == '$' ||
        memchr(name, '\0', table->names_bytes - symbol->st_name) == NULL)
        return NULL;
    return name;
}

/* Assembly code's symbols often have no type. */
static bool is_function(const Elf64_Sym *symbol)
{
    unsigned type = ELF64_ST_TYPE(symbol->st_info);

    return symbol->st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE);
}

static unsigned underscores(const char *name)
{
    return (unsigned)strspn(name, "_");
}

/* Whether a is a better name for an address in both: the inner one; that which has a type; the one that others know; the
 * plainer one. */
static bool better(const struct table *table, const Elf64_Sym *a, const Elf64_Sym *b)
{
    const char *a_name = name_of(table, a), *b_name = name_of(table, b);
    bool a_typed = ELF64_ST_TYPE(a->st_info) != STT_NOTYPE, b_typed = ELF64_ST_TYPE(b->st_info) != STT_NOTYPE;
    bool a_local = ELF64_ST_BIND(a->st_info) == STB_LOCAL, b_local = ELF64_ST_BIND(b->st_info) == STB_LOCAL;

    if (a->st_value != b->st_value)
        return a->st_value > b->st_value;
    if (a_typed != b_typed)
        return a_typed;
    if (a_local != b_local)
        return b_local;
    if (underscores(a_name) != underscores(b_name))
        return underscores(a_name) < underscores(b_name);
    return strcmp(a_name, b_name) < 0;
}

static bool fits(const struct table *table, const Elf64_Sym *symbol, uint64_t address)
{
    GElf_Shdr head;

    return name_of(table, symbol) != NULL && code_section(table, symbol, &head) &&
           address - head.sh_addr < head.sh_size;
}

static void consider(const struct table *table, const Elf64_Sym *symbol, uint64_t address, struct best *best)
{
    uint64_t in = address - symbol->st_value;

    if (in < symbol->st_size) {
        if (fits(table, symbol, address) && (best->covering == NULL || better(table, symbol, best->covering)))
            best->covering = symbol;
    } else if (best->covering == NULL && symbol->st_value <= address) {
        if (symbol->st_size > 0) {
            if (symbol->st_value + symbol->st_size > best->end)
                best->end = symbol->st_value + symbol->st_size;
        } else if ((best->before == NULL || symbol->st_value >= best->before->st_value) &&
                   fits(table, symbol, address) && (best->before == NULL || better(table, symbol, best->before))) {
            best->before = symbol;
        }
    }
}

static void name_frame(const struct table *table, const struct best *best, struct frame *f)
{
    const Elf64_Sym *symbol = best->covering;
    const char *name;
    size_t length;

    /* A symbol without a size ends where the next one begins, at the latest. */
    if (symbol == NULL && best->before != NULL && best->before->st_value >= best->end)
        symbol = best->before;
    if (symbol == NULL)
        return;
    /* Without "@@GLIBC_2.34", which some have behind it. */
    name = name_of(table, symbol);
    length = name[0] == '@' ? strlen(name) : strcspn(name, "@");
    f->name[0] = '\0';
    strncat(f->name, name, length < NAME_MAX_BYTES ? length : NAME_MAX_BYTES);
    f->offset = f->elf_address - symbol->st_value;
}

void symbols_name(struct chain *chain, const struct module *module)
{
    struct best best[OCTO_STACK_FRAMES_MAX] = {0};
    struct frame *in[OCTO_STACK_FRAMES_MAX];
    uint64_t highest = 0;
    struct table table;
    unsigned count = 0;

    for (unsigned i = 0; i < chain->count; i++) {
        struct frame *f = &chain->frames[i];

        if (f->module == module && f->placed) {
            in[count++] = f;
            if (f->elf_address > highest)
                highest = f->elf_address;
        }
    }
    if (count == 0 || !choose_table(module, &table))
        return;
    for (size_t i = 0; i < table.count; i++) {
        const Elf64_Sym *symbol = &table.symbols[i];

        if (symbol->st_value > highest || !is_function(symbol))
            continue;
        for (unsigned k = 0; k < count; k++)
            consider(&table, symbol, in[k]->elf_address - !in[k]->exact, &best[k]);
    }
    for (unsigned k = 0; k < count; k++)
        name_frame(&table, &best[k], in[k]);
}
