/*
 * Names of system calls, of the architecture that this was built for, as the kernel's headers have them.
 */
#ifndef OCTO_BASE_CALL_NAMES_H
#define OCTO_BASE_CALL_NAMES_H

enum { OCTO_CALL_NAMES = 512 };

/* "read"; NULL: there is none of that number. Any thread, signal-safe. */
const char *octo_call_name_of(unsigned nr);

#endif
