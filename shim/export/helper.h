/*
 * Starting octoshim-otlp, as a process that is not the service's child.
 *
 * For: the spans' hand-over. The program is in the library's directory. It gets a new session, a bare environment (see
 * helper.c), its records as descriptor 0, the page as 3, the bell as 4, and nothing else but the service's stderr.
 *
 * Context: the writer thread, with a descriptor table of its own.
 */
#ifndef OCTO_EXPORT_HELPER_H
#define OCTO_EXPORT_HELPER_H

#include "base/settings.h"

/* What is started, and how it is told who the service is. */
struct octo_helper {
    const char *library; /* path of liboctoshim.so, absolute */
    const struct octo_settings *settings;
    const uint64_t *instance;     /* of the service's life: two numbers */
    int records, page, bell, err; /* descriptors; err -1: none */
};

/* Returns 0, or -errno: of what stood in the way, last of all the program's execution. */
int octo_helper_start(const struct octo_helper *helper);

#endif
