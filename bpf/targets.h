/*
 * Targets: which processes the options mean, and finding them in /proc.
 */
#ifndef OCTO_BPF_TARGETS_H
#define OCTO_BPF_TARGETS_H

#include "session.h"

/* The control groups' numbers and depths. Ends the program, with a message, if one of them is none. */
void targets_cgroups(const struct options *o, uint64_t *id, int *level);
/* Whether the PIDs seen here are the kernel's own: in a container they are not. */
bool targets_are_the_kernels(void);
/* Ends the program, with a message, where a process or thread of the options is not there or cannot be meant. */
void targets_check(const struct options *o);
/* Follows those that are there, and their children if that is wanted. Returns how many. */
unsigned targets_follow(struct session *s, const struct options *o);
/* Starts the command, held until a byte is written to *release; if it is closed without, the command is not executed. Returns its PID, or ends the program. */
pid_t targets_start(char **command, int *release);
/* Whether one of the followed processes is alive, or others may come. */
bool targets_left(const struct options *o, unsigned alive);

#endif
