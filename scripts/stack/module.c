/*
 * The ELF file behind a mapping: whether it is still the one that was mapped, which address of its own an address is, its
 * build ID, and where its call frame information (CFI) is. For all that look at frames.
 *
 * A file is mapped when a frame is in it, and stays so. Only regular files are opened, and nothing in them is believed:
 * libelf checks what it gives out, and what is done here is within the image.
 */
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "parts.h"

/* Encodings of pointers in .eh_frame_hdr; all linkers use these for the table. */
enum {
    PE_UDATA4 = 0x03,
    PE_DATAREL_SDATA4 = 0x3b,
    PE_SIZE = 0x07,
    PE_2 = 0x02,
    PE_4 = 0x03,
    PE_8 = 0x04,
    PE_OMIT = 0xff
};

static const off_t file_most = (off_t)2 << 30;
static const uint64_t linked_here_below = (uint64_t)1 << 32;

static struct module modules[OCTO_STACK_FRAMES_MAX];
static unsigned count;

const char *module_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

const uint8_t *file_image(const char *path, struct stat *st)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    void *image = MAP_FAILED;

    if (fd < 0)
        return NULL;
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode) && st->st_size > 0 && st->st_size <= file_most)
        image = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    return image == MAP_FAILED ? NULL : image;
}

/* The kernel shows in maps the device of the file system that holds the file. stat(2) shows another where file systems lie on
 * one another (overlayfs), or have parts (btrfs); theirs have no major number. */
static bool same_file(const struct module *module, const struct stat *st)
{
    return st->st_ino == module->inode && (st->st_dev == module->device || major(st->st_dev) == 0);
}

static void open_file(struct module *module)
{
    struct stat st;
    const uint8_t *image;

    st.st_size = 0;
    image = file_image(module->path, &st);
    if (image == NULL) {
        module->trouble =
            access(module->path, F_OK) == 0 ? "cannot be read" : "was replaced or deleted since it was loaded";
    } else if (!same_file(module, &st)) {
        module->trouble = "was replaced or deleted since it was loaded";
        munmap((void *)image, (size_t)st.st_size);
    } else {
        module->image = image;
        module->size = (size_t)st.st_size;
    }
}

/* Our own, which is the same as the sampled one's, if it is as long: it is the kernel's. */
static void open_vdso(struct module *module, const struct mapping *m)
{
    const uint8_t *image = (const uint8_t *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size;
    Elf64_Ehdr head;

    module->trouble = "is another than octoshim-stack's own";
    if (image == NULL)
        return;
    memcpy(&head, image, sizeof head);
    size = head.e_shoff + (size_t)head.e_shnum * head.e_shentsize;
    size = (size + page - 1) / page * page;
    if (size != m->end - m->start)
        return;
    module->trouble = NULL;
    module->image = image;
    module->size = size;
}

static void read_build_id(struct module *module, const GElf_Phdr *ph)
{
    Elf_Data *notes = elf_getdata_rawchunk(module->elf, (int64_t)ph->p_offset, ph->p_filesz,
                                           ph->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
    size_t at = 0, next, name, description;
    GElf_Nhdr note;

    while (notes != NULL && module->build_id_bytes == 0 &&
           (next = gelf_getnote(notes, at, &note, &name, &description)) > at) {
        const char *bytes = notes->d_buf;

        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(bytes + name, "GNU", 4) == 0 &&
            note.n_descsz <= BUILD_ID_MAX) {
            memcpy(module->build_id, bytes + description, note.n_descsz);
            module->build_id_bytes = note.n_descsz;
        }
        at = next;
    }
}

/* .eh_frame_hdr: version, three encodings, a pointer to .eh_frame, the number of entries, the entries, sorted. */
static void read_cfi_head(struct module *module, const GElf_Phdr *ph)
{
    uint64_t at = ph->p_vaddr + 4, room = ph->p_filesz;
    uint32_t entries;
    uint8_t head[4];

    if (!module_bytes(module, ph->p_vaddr, head, sizeof head) || head[0] != 1 || head[2] != PE_UDATA4 ||
        head[3] != PE_DATAREL_SDATA4)
        return;
    if (head[1] != PE_OMIT) {
        switch (head[1] & PE_SIZE) {
        case PE_2:
            at += 2;
            break;
        case PE_4:
            at += 4;
            break;
        default:
            at += 8;
        }
    }
    if (!module_bytes(module, at, &entries, sizeof entries))
        return;
    module->cfi_at = ph->p_vaddr;
    module->cfi_table = at + sizeof entries;
    module->cfi_count = entries <= room / 8 ? entries : room / 8;
}

static void read_segments(struct module *module)
{
    GElf_Phdr ph;
    size_t segments;

    if (elf_getphdrnum(module->elf, &segments) != 0)
        return;
    for (int i = 0; (size_t)i < segments && gelf_getphdr(module->elf, i, &ph) != NULL; i++) {
        if (ph.p_type == PT_LOAD && module->load_count < LOADS_MAX)
            module->loads[module->load_count++] = ph;
    }
    for (int i = 0; (size_t)i < segments && gelf_getphdr(module->elf, i, &ph) != NULL; i++) {
        if (ph.p_type == PT_NOTE)
            read_build_id(module, &ph);
        else if (ph.p_type == PT_GNU_EH_FRAME)
            read_cfi_head(module, &ph);
    }
}

static void read_elf(struct module *module)
{
    GElf_Ehdr head;

    elf_version(EV_CURRENT);
    /* libelf does not write into it. */
    module->elf = elf_memory((char *)(uintptr_t)module->image, module->size);
    if (module->elf == NULL || gelf_getehdr(module->elf, &head) == NULL ||
        gelf_getclass(module->elf) != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB ||
        head.e_machine != MACHINE)
        module->image = NULL;
    else
        read_segments(module);
}

struct module *module_of(const struct mapping *m)
{
    bool vdso = strcmp(m->path, "[vdso]") == 0;
    struct module *module;

    if (m->path[0] != '/' && !vdso)
        return NULL;
    for (unsigned i = 0; i < count; i++) {
        module = &modules[i];
        if (module->inode == m->inode && module->device == m->device && strcmp(module->path, m->path) == 0)
            return module;
    }
    if (count == OCTO_STACK_FRAMES_MAX)
        return NULL;
    module = &modules[count++];
    module->path = m->path;
    module->inode = m->inode;
    module->device = m->device;
    if (vdso)
        open_vdso(module, m);
    else if (m->deleted)
        module->trouble = "was replaced or deleted since it was loaded";
    else
        open_file(module);
    if (module->image != NULL)
        read_elf(module);
    return module;
}

/* The mapping shows file bytes; the segment that they are of says which address they were to have. */
static bool address_by_segment(const struct module *module, uint64_t file_at, bool executable,
                               uint64_t *elf_address)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    for (unsigned i = 0; i < module->load_count; i++) {
        const Elf64_Phdr *ph = &module->loads[i];
        uint64_t from = ph->p_offset & ~(page - 1), to = (ph->p_offset + ph->p_filesz + page - 1) & ~(page - 1);

        if (((ph->p_flags & PF_X) != 0) == executable && file_at >= from && file_at < to) {
            *elf_address = ph->p_vaddr + (file_at - ph->p_offset);
            return true;
        }
    }
    return false;
}

/* Without the file: where its first byte is, is address 0 to those that may lie anywhere. Others, programs that are linked to
 * fixed addresses, lie low. */
static bool address_by_start(const struct mapping *m, uint64_t address, uint64_t *elf_address)
{
    const struct mapping *first = maps_first(m);

    if (first == NULL)
        return false;
    *elf_address = first->start < linked_here_below ? address : address - first->start;
    return true;
}

bool module_address(const struct module *module, const struct mapping *m, uint64_t address, uint64_t *elf_address)
{
    if (module->image != NULL)
        return address_by_segment(module, m->offset + (address - m->start), m->executable, elf_address);
    return address_by_start(m, address, elf_address);
}

bool module_bytes(const struct module *module, uint64_t elf_address, void *to, size_t n)
{
    for (unsigned i = 0; i < module->load_count; i++) {
        const Elf64_Phdr *ph = &module->loads[i];
        uint64_t in = elf_address - ph->p_vaddr, at = ph->p_offset + in;

        if (in < ph->p_filesz && n <= ph->p_filesz - in && at >= in && at < module->size &&
            n <= module->size - at) {
            memcpy(to, module->image + at, n);
            return true;
        }
    }
    return false;
}
