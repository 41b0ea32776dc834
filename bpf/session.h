/*
 * Session: the programs of probe.bpf.c, loaded and attached, and their maps.
 *
 * While the process lives: nothing is pinned, so the kernel takes all of it away with us, however we end. After session_start()
 * everything works without a capability (on Linux before 5.19 with CAP_BPF: see privileges.h).
 */
#ifndef OCTO_BPF_SESSION_H
#define OCTO_BPF_SESSION_H

#include "options.h"

struct probe_bpf;

struct session {
    struct probe_bpf *probe;
    int calls, serials, processes, groups; /* maps */
    int slow;                              /* the ring of calls that took long */
    int joined, seats[OCTO_JOINS];         /* maps: of processes that have asked; of each one's seats. -1: none */
    bool by_process;                       /* else all of one name are one */
    int threads;                           /* link of the iterator */
};

/* Loads the programs. cgroup_id, cgroup_level: of o->cgroup. Returns 0, or -errno; why[]: what stood in the way, for the user. */
int session_open(struct session *s, const struct options *o, const uint64_t *cgroup_id, const int *cgroup_level,
                 char why[512]);
/* Attaches them: calls are counted from now on. The same. */
int session_start(struct session *s, char why[512]);
/* Follows this process from now on. Returns whether it was not followed before. */
bool session_follow(struct session *s, pid_t pid, const char *name);
/* One that has ended, and whose end the programs have not seen, because it was half over when they came: it is followed no more. */
bool session_forget_ended(struct session *s, pid_t pid);
/* Follows this process from the program on that it executes next. */
void session_follow_command(struct session *s, pid_t pid);
/* What that process is counted under, and its name; 0: it is not followed. */
unsigned session_serial(const struct session *s, pid_t pid, char name[OCTO_NAME_MAX]);
/* Another number to count processes of that name under; 0: there is no room. */
unsigned session_new_serial(struct session *s, const char *name);

/* From now on the process' threads find what they do in its seats. False: it has ended. */
bool session_join(struct session *s, pid_t pid, const struct octo_joined_process *process);
/* No more; the seats are empty again. */
void session_part(struct session *s, pid_t pid, unsigned map);
/* The descriptor of a map of seats, 1 to OCTO_JOINS; -1: there is none. */
int session_seats(const struct session *s, unsigned map);

/* Processes that are followed now. */
unsigned session_alive(const struct session *s);
bool session_is_followed(const struct session *s, pid_t pid);
/* Numbers that differ when keys of `calls` have been made, or `processes` have changed, since. */
uint64_t session_keys(const struct session *s);
uint64_t session_changes(const struct session *s);
/* By enum octo_lost. */
uint64_t session_lost(const struct session *s, unsigned kind);
/* A descriptor from which the struct octo_blocked of all followed threads are read, or -errno. The caller's. */
int session_threads(const struct session *s);
/* Whether maps may be read without a capability. */
bool session_reads_freely(void);
void session_close(struct session *s);

#endif
