/* Which processor this thread is on: see cpu.h. */
#include "base/cpu.h"
#include "base/sys.h"

#include <dlfcn.h>

ptrdiff_t octo_cpu_area;

void octo_cpu_prepare(void)
{
    /* By name: as an import they would make the dynamic linker itself a needed library. */
    const unsigned *size = dlsym(RTLD_DEFAULT, "__rseq_size");
    const ptrdiff_t *offset = dlsym(RTLD_DEFAULT, "__rseq_offset");

    if (size && *size && offset)
        octo_cpu_area = *offset;
}

unsigned octo_cpu_count(void)
{
    uint64_t mask[16] = {0}; /* 1,024 processors */
    long bytes = octo_sys(SYS_sched_getaffinity, 0, sizeof(mask), mask);
    unsigned n = 0;

    for (long i = 0; i < bytes / 8; i++)
        n += (unsigned)__builtin_popcountll(mask[i]);
    return n ? n : 1;
}
