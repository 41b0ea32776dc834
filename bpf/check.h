/* Check: what this kernel and this user can do, in words. */
#ifndef OCTO_BPF_CHECK_H
#define OCTO_BPF_CHECK_H

#include "options.h"

/* Prints it. Returns an exit code: 0, or EXIT_UNAVAILABLE. */
int check(const struct options *o);

#endif
