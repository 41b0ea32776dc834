/*
 * Privileges: what octoprobe may do, and how it gives that up. Source: capabilities(7), credentials(7).
 */
#ifndef OCTO_BPF_PRIVILEGES_H
#define OCTO_BPF_PRIVILEGES_H

#include <stdbool.h>

/* Whether this process has the capability (its number) in its effective set. */
bool privileges_has(int capability);
/* Gives up every capability and, if root, the user and the groups; for good: no program that is executed gets any back. keep: a capability
 * that stays (Linux before 5.19 wants CAP_BPF for reading maps, where bpf(2) is not for everybody), or -1. Ends the program if
 * that cannot be done. */
void privileges_drop(int keep);

#endif
