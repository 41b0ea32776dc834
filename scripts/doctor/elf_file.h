/*
 * What an executable file says about itself, read without binutils.
 *
 * For: the doctor. A file is hostile until shown otherwise: every offset is checked, nothing is executed.
 */
#ifndef OCTO_DOCTOR_ELF_FILE_H
#define OCTO_DOCTOR_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum elf_kind {
    ELF_NOT,      /* no ELF file */
    ELF_FOREIGN,  /* for another machine or word size */
    ELF_BROKEN,   /* says it is ELF and is not sound */
    ELF_NO_START, /* an object or a library without entry: nothing to start */
    ELF_STATIC,
    ELF_DYNAMIC,
};

struct elf_facts {
    enum elf_kind kind;
    const char *machine;    /* of a foreign file */
    char loader[256];       /* PT_INTERP */
    bool go;                /* has Go's build information */
    bool needs_tls_library; /* DT_NEEDED names libssl or libgnutls */
    bool has_tls_inside;    /* no such library, yet the marks of a TLS implementation */
    const char *tls_mark;   /* which */
    bool needs_sanitizer;   /* DT_NEEDED names libasan or libtsan */
    bool needs_uring;       /* DT_NEEDED names liburing */
    bool has_uring_inside;  /* speaks of io_uring without the library */
};

/* Reads the facts of the file that bytes[0..size) are. Always fills *facts. */
void elf_read(const unsigned char *bytes, size_t size, struct elf_facts *facts);

#endif
