/* Names of system calls: see call_names.h. */
#include "base/call_names.h"

#include <stddef.h>

enum { LONGEST = 32 };

/* [number] = "name", of <asm/unistd.h>, made by the Makefile. An array, not pointers, which would have to be relocated at each start. */
static const char names[OCTO_CALL_NAMES][LONGEST] = {
#include "syscall_names.h"
};

const char *octo_call_name_of(unsigned nr)
{
    return nr < OCTO_CALL_NAMES && names[nr][0] != '\0' ? names[nr] : NULL;
}
