/*
 * The segment: the shared memory of one service, master and workers: rings now, metric cells later.
 *
 * For: hook/ (creates it at the first listen), conn/ (this process's ring), export/ (leads and drains).
 * It is mapped before the first fork, so every worker has it. Preferably a file (mode 0600, unpredictable
 * name, on a tmpfs of ours), so that the next start of the service finds what a killed one left; else
 * anonymous shared memory. Pages are populated before use: a full tmpfs can never raise SIGBUS in the host.
 *
 *   | header: magic, version, identity, lead | process slot 0..63 | ring 0 | ring 1 | …  (sparse) |
 *
 * The lead is a robust futex: its holder is the one writer of the service. The kernel releases it when
 * that thread dies, however it dies, and wakes a waiting one.
 */
#ifndef OCTO_EVENT_SEGMENT_H
#define OCTO_EVENT_SEGMENT_H

#include "event/ring.h"

enum {
    OCTO_SEGMENT_SLOTS = 64,
    OCTO_SEGMENT_MEMBERS = 256,
    OCTO_SEGMENT_RING_SIZE = 1 << 20,
    OCTO_SEGMENT_NAME_MAX = 128,
};

#define OCTO_SEGMENT_MAGIC 0x6d6968736f74636full /* "octoshim", little-endian */
#define OCTO_SEGMENT_VERSION 1u

struct octo_segment_slot {
    _Atomic uint32_t pid;   /* owner; 0: free */
    _Atomic uint32_t ready; /* its ring is populated and initialised */
};

struct octo_segment {
    uint64_t magic;
    uint32_t version;
    uint32_t creator_pid;
    uint64_t size;                        /* bytes of the mapping */
    char service[OCTO_SEGMENT_NAME_MAX];  /* identity, so that a later start can write our events */
    char environment[OCTO_SEGMENT_NAME_MAX];
    char app_version[OCTO_SEGMENT_NAME_MAX];
    _Atomic uint32_t lead __attribute__((aligned(64))); /* robust futex: TID of the writer that leads */
    _Atomic uint32_t doorbell;            /* futex: the leading writer sleeps on it */
    _Atomic uint32_t asleep;              /* the leading writer sleeps without a time limit: ring the bell */
    _Atomic uint64_t records;             /* events reserved, for self metrics */
    _Atomic uint64_t written;             /* events written to a sink */
    _Atomic uint64_t sink_dropped;        /* events lost because no sink took them */
    _Atomic uint64_t opaque[32];          /* streams that became opaque, by enum octo_opaque_reason */
    _Atomic uint32_t member[OCTO_SEGMENT_MEMBERS]; /* PIDs of the service's processes; see members.h */
    struct octo_segment_slot slot[OCTO_SEGMENT_SLOTS];
};

/*
 * Maps a new segment for this service. dir: preferred directory, or "" for the defaults (a tmpfs under /run,
 * $XDG_RUNTIME_DIR, /dev/shm). path receives the file's path, or "" for anonymous memory.
 * Returns the segment or NULL (no memory). Raw system calls only; the descriptor it opens is closed again
 * before it returns. Called once, by the thread that first listens.
 */
struct octo_segment *octo_segment_create(const char *dir, const char *xdg_runtime_dir,
                                         const char *service, const char *environment,
                                         const char *app_version, uint32_t pid, char *path,
                                         size_t path_size);

/*
 * The ring of process pid: claims a slot, populates and initialises its ring. With all slots taken, shares
 * another's (rings take writers of any process). NULL if the memory cannot be had.
 * Any thread, signal-safe. Costs a slot search and a populate of 1 MiB: call once a process and keep it.
 */
struct octo_ring *octo_segment_claim(struct octo_segment *segment, uint32_t pid);

/* The ring of slot i, or NULL if that slot was never used. For the drainer. */
struct octo_ring *octo_segment_ring(struct octo_segment *segment, unsigned i);

/* Frees slots whose process is gone and whose ring is empty; returns how many remain in use. Drainer only. */
unsigned octo_segment_reap(struct octo_segment *segment);

#endif
