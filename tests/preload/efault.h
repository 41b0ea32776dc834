/* Memory that may not be touched. For the efault_* programs. */
#ifndef PRELOAD_EFAULT_H
#define PRELOAD_EFAULT_H

#include "preload.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define FAULTS(call) CHECK((call) == -1 && errno == EFAULT)

static char *bad;

/* One page that may be used; bad is the one behind it. */
static inline char *make_bad(void)
{
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && mprotect(pages + 4096, 4096, PROT_NONE) == 0);
    bad = pages + 4096;
    return pages;
}

#endif
