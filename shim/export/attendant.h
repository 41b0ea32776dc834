/*
 * The attendant: octoshim-stack, started before the service shuts itself up, in a root where neither it nor /proc nor the log's
 * directory is found, or under a limit that lets no process and no thread begin. It waits outside, at an abstract address of the
 * kernel's choice, for this process and the children that it makes; it ends when they have. See scripts/stack/attend.c for what
 * it may do, and for whom.
 *
 * For: stack.c, gather.c, rotate.c; conn/process.c starts it. No libc but what needs no thread-local storage.
 */
#ifndef OCTO_EXPORT_ATTENDANT_H
#define OCTO_EXPORT_ATTENDANT_H

#include "base/settings.h"

#include <stdbool.h>

/* Starts it, unless this process or a parent has. Any thread, signal-safe; the service notices nothing. Takes about a millisecond. */
void octo_attendant_start(const struct octo_settings *settings);

/* Whether there is one to call. Any thread. */
bool octo_attendant_waits(void);

/* It stays for that process as well, a child of this one. Any thread, signal-safe; the service notices nothing. */
void octo_attendant_mind(uint32_t pid);

/* This process has another root than the attendant, if there is one, from now on and with its children. Any thread. */
void octo_attendant_set_apart(void);
bool octo_attendant_is_apart(void);

/* A stream socket to it, or -errno. A thread of ours with a descriptor table of its own, which owns the socket. */
int octo_attendant_call(void);

/* The directory of the log as it is outside (O_PATH), or -errno; waits for it a little. The same. */
int octo_attendant_directory(void);

#endif
