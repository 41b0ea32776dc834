/*
 * The segment: the shared memory of one service, master and workers: metric cells, rings, and what is told of crashes.
 *
 * For: hook/ (creates it at the first listen), conn/ (this process's ring), export/ (leads and drains).
 * It is mapped before the first fork, so every worker has it. Preferably a file (mode 0600, unpredictable
 * name, on a tmpfs of ours), so that the next start of the service finds what a killed one left; else
 * anonymous shared memory. Pages are populated before use: a full tmpfs can never raise SIGBUS in the host.
 *
 *   | header: magic, version, identity, lead, process slots | metrics | ring 0 | ring 1 | … | board 0 | … | crash 0 | … | samples |
 *   | spare ring 0 | … |  (sparse)
 *
 * The lead is a robust futex: its holder is the one writer of the service. The kernel releases it when
 * that thread dies, however it dies, and wakes a waiting one.
 *
 * Whose segment file is whose: who maps it takes a shared flock(2) on it first and closes the descriptor. The
 * mapping, and each fork's copy of it, keeps the open file and so the lock. A file that can be locked for oneself is
 * mapped by nobody: its service is gone, whatever became of its process numbers.
 *
 * A worker that is another program's start (exec: Node's cluster, uvicorn's workers) joins the segment of its service: same
 * identity and log, and it is a child of one of the service's processes or listens on the very same socket.
 */
#ifndef OCTO_EVENT_SEGMENT_H
#define OCTO_EVENT_SEGMENT_H

#include "event/board.h"
#include "event/crash.h"
#include "event/metrics.h"
#include "event/ring.h"
#include "event/samples.h"
#include "octoshim/otlp.h"

enum {
    OCTO_SEGMENT_SLOTS = 64,
    OCTO_SEGMENT_MEMBERS = 256,
    OCTO_SEGMENT_RING_SIZE = 1 << 20,
    OCTO_SEGMENT_SPARES = 8,
    OCTO_SEGMENT_SPARE_SIZE = 4 << 20,
    OCTO_SEGMENT_RINGS = OCTO_SEGMENT_SLOTS + OCTO_SEGMENT_SPARES, /* those of the slots first */
    OCTO_SEGMENT_NAME_MAX = 128,
    OCTO_SEGMENT_PATH_MAX = 1088, /* room for the path of a segment file */
    OCTO_SEGMENT_ORPHANS = 8,     /* dead segments of the service that a start takes over */
    OCTO_SEGMENT_PAGE = 4096,
    OCTO_SEGMENT_ROOM = 4 << 20, /* bytes that a file system must have for one: metrics, some rings */
    OCTO_SEGMENT_OPAQUE = 32,
};

#define OCTO_SEGMENT_MAGIC 0x6d6968736f74636full /* "octoshim", little-endian */
#define OCTO_SEGMENT_VERSION 10u
#define OCTO_SEGMENT_PREFIX "octoshim-"
#define OCTO_SEGMENT_SUFFIX ".seg"

struct octo_segment_slot {
    _Atomic uint32_t pid;      /* owner; 0: free */
    _Atomic uint8_t ready;     /* its ring is populated and initialised */
    _Atomic uint8_t ended;     /* the owner has ended in an orderly way, or its crash is told */
    _Atomic uint8_t steadfast; /* the owner does not die of SIGTERM */
    _Atomic uint8_t crash;     /* enum octo_crash_state of the crash of this number, of whichever process */
};

/* A ring for a process whose own one is full. */
enum { OCTO_SPARE_READY = 1 };

struct octo_segment_spare {
    _Atomic uint32_t pid;  /* owner; 0: free */
    _Atomic uint8_t ready; /* OCTO_SPARE_READY: it is populated and initialised */
    _Atomic uint8_t slot;  /* the owner's; of a former one, if that left something in it */
};

/* What the leading writer is about to write, so that its successor neither loses nor doubles a line when it
 * is killed meanwhile. Leader only. */
enum octo_batch_state { OCTO_BATCH_NONE, OCTO_BATCH_WRITING, OCTO_BATCH_WRITTEN };

struct octo_segment_batch {
    _Atomic uint32_t state;              /* enum octo_batch_state */
    uint32_t rings;                      /* how many it reads */
    uint64_t length;                     /* bytes */
    uint64_t dev, ino;                   /* file it goes to; 0: not a regular file */
    uint64_t offset;                     /* size of the file before it */
    int64_t real_offset_ns;              /* for its timestamps: makes the same bytes again */
    uint64_t crashes;                    /* bits: the crashes that come behind the records */
    uint64_t cursor[OCTO_SEGMENT_RINGS]; /* where it ends in each ring */
    uint8_t order[OCTO_SEGMENT_RINGS];   /* which it reads, one after the other */
};

/* What has been said of the segment's counters in events about the shim itself. Leader only. */
struct octo_reported {
    uint64_t dropped; /* of all rings */
    uint64_t homeless, sink_dropped, start_failures, refused, spans, opaque[OCTO_SEGMENT_OPAQUE];
};

struct octo_segment {
    _Atomic uint64_t magic; /* stored last */
    uint32_t version;
    uint32_t creator_pid;
    uint64_t size;                       /* bytes of the mapping */
    char service[OCTO_SEGMENT_NAME_MAX]; /* identity, so that a later start can write our events */
    char environment[OCTO_SEGMENT_NAME_MAX];
    char app_version[OCTO_SEGMENT_NAME_MAX];
    uint64_t begun_ns;    /* CLOCK_REALTIME: since when it counts */
    uint64_t instance[2]; /* random: service.instance.id */
    uint64_t kin;
    uint64_t listener;         /* inode of the socket that the creator listened on first */
    uint64_t log_dev, log_ino; /* of the creator's stderr, where that is the log */
    _Atomic uint32_t exposer __attribute__((aligned(64))); /* robust futex: TID of who serves the metrics */
    _Atomic uint32_t exposer_port;                         /* TCP port it chose, if it was free to; else 0 */
    _Atomic int64_t real_offset_ns;                        /* CLOCK_REALTIME - CLOCK_MONOTONIC, last known */
    _Atomic uint32_t lead __attribute__((aligned(64)));    /* robust futex: TID of the writer that leads */
    _Atomic uint32_t doorbell;                             /* futex: the leading writer sleeps on it */
    _Atomic uint32_t muted;   /* a process may not ring: the leading writer looks by itself */
    _Atomic uint32_t asleep;  /* enum octo_sleep of the leading writer */
    _Atomic uint32_t stuck;   /* the leading writer has lines that its sink does not take */
    _Atomic uint32_t samples; /* 1: there is memory for stacks of errors */
    _Atomic uint32_t probe;   /* instance of the octoprobe that is attached, 0: none; the leading writer's */
    _Atomic uint64_t written[OCTO_LEVELS];          /* events written to a sink */
    _Atomic uint64_t written_bytes;                 /* and their bytes */
    _Atomic uint64_t sink_errors;                   /* writes, and openings of the log, that failed */
    _Atomic uint64_t sink_dropped;                  /* events lost because no sink took them */
    _Atomic uint64_t homeless;                      /* events lost because there was no memory for a ring */
    _Atomic uint64_t start_failures;                /* writers that could not be started */
    _Atomic uint64_t opaque[OCTO_SEGMENT_OPAQUE];   /* streams that became opaque, by octo_opaque_reason */
    _Atomic uint64_t spans[OCTO_SPAN_RESULT_COUNT]; /* what became of those for OTLP */
    uint32_t death_word[OCTO_DEATH_KINDS];          /* of the metrics: counts them; 0: not there */
    _Atomic uint32_t died[OCTO_DEATH_KINDS];        /* deaths of the service's processes that were written */
    uint32_t died_before[OCTO_DEATH_KINDS];         /* the same, of a former life that has left its segment */
    struct octo_reported reported;
    struct octo_segment_batch batch;
    _Atomic uint32_t member[OCTO_SEGMENT_MEMBERS]; /* PIDs of the service's processes; see members.h */
    struct octo_segment_slot slot[OCTO_SEGMENT_SLOTS];
    struct octo_segment_spare spare[OCTO_SEGMENT_SPARES];
};
_Static_assert(sizeof(struct octo_segment) <= OCTO_SEGMENT_PAGE, "the header is one page");

enum octo_sleep {
    OCTO_AWAKE,   /* works, or has been rung */
    OCTO_ASLEEP,  /* without a time limit: ring for every record */
    OCTO_NAPPING, /* for some milliseconds: ring only if a ring is a quarter full */
};

/* Who a service is. Names are cut to OCTO_SEGMENT_NAME_MAX - 1 bytes. */
struct octo_identity {
    const char *service, *environment, *app_version;
    uint64_t
        kin; /* tells services of one name apart (by where they log): what one leaves is its next start's to write */
    uint64_t listener, log_dev, log_ino; /* see struct octo_segment; 0: none */
    uint32_t parent;                     /* of the process */
};

/*
 * Maps a new segment for this service. dir: preferred directory, or "" for the defaults (a tmpfs under /run,
 * $XDG_RUNTIME_DIR, /dev/shm). path receives the file's path, or "" for anonymous memory.
 * Where a process that is kin has made one already, that one is mapped instead, and *joined is true (NULL: never).
 * Also maps what dead processes of this service and user left in that directory: octo_segment_orphan(); and removes
 * what others of this user left, if all of it was written.
 * Returns the segment or NULL (no memory). Raw system calls only; the descriptors it opens are closed again
 * before it returns. Called once, by the thread that first listens.
 */
struct octo_segment *octo_segment_create(const char *dir, const char *xdg_runtime_dir,
                                         const struct octo_identity *identity, uint32_t pid, char *path,
                                         size_t path_size, bool *joined);

/* The metrics of a segment, or NULL: no memory for them. */
static inline struct octo_metrics *octo_segment_metrics(struct octo_segment *segment)
{
    struct octo_metrics *m = (struct octo_metrics *)((char *)segment + OCTO_SEGMENT_PAGE);

    return atomic_load_explicit(&m->ready, memory_order_acquire) ? m : NULL;
}

/*
 * The ring of process pid: claims a slot, populates and initialises its ring. With all slots taken, shares
 * another's (rings take writers of any process). NULL if the memory cannot be had.
 * Any thread, signal-safe. Costs a slot search and a populate of 1 MiB: call once a process and keep it.
 */
struct octo_ring *octo_segment_claim(struct octo_segment *segment, uint32_t pid);

/* Gives up a ring of process pid's that it has not used. */
void octo_segment_unclaim(struct octo_segment *segment, uint32_t pid, const struct octo_ring *ring);

/* The ring of slot i, or spare ring i - OCTO_SEGMENT_SLOTS; NULL if it was never used. For the drainer. */
struct octo_ring *octo_segment_ring(struct octo_segment *segment, unsigned i);

/*
 * A spare ring for process pid, whose own one is `ring`: the one that it has already, or a free one. NULL if it shares its
 * ring with another, or if there is none, or no memory for it. Any thread, signal-safe. The first time it populates 4 MiB.
 * The drainer takes it back when it is empty and its turn is not later than that of `ring`; one that has been turned to is
 * therefore kept with the second call.
 */
struct octo_ring *octo_segment_spare(struct octo_segment *segment, const struct octo_ring *ring, uint32_t pid);
void octo_segment_keep_spare(struct octo_segment *segment, const struct octo_ring *spare, uint32_t pid);

/* The stacks of errors, or NULL: there has been none. The second has memory for them: NULL if there is none. Any thread, signal-safe. */
struct octo_samples *octo_segment_samples(struct octo_segment *segment);
struct octo_samples *octo_segment_have_samples(struct octo_segment *segment);

/* Where ring i is in a segment: bytes from the beginning. For who copies a segment. */
size_t octo_segment_ring_offset(unsigned i);

/* Process pid ends in an orderly way, or has told of its crash: nobody has to tell for it. Any thread, signal-safe. */
void octo_segment_ended(struct octo_segment *segment, uint32_t pid);

/* Whether process pid has a handler for SIGTERM, or ignores it: then, if it is gone without a word, that was something else. */
void octo_segment_steadfast(struct octo_segment *segment, uint32_t pid, bool steadfast);

/* The board of slot i, or NULL if that slot was never used. */
struct octo_board *octo_segment_board(struct octo_segment *segment, unsigned i);

/* The board beside that ring, if process pid has it to itself; else NULL. Any thread. */
struct octo_board *octo_segment_own_board(struct octo_segment *segment, uint32_t pid,
                                          const struct octo_ring *ring);

/* A crash of process pid to be told, state CLAIMED, all else zero; or NULL: no memory, or 64 have not been written yet. Any thread, signal-safe. */
struct octo_crash *octo_segment_crash_claim(struct octo_segment *segment, uint32_t pid);

/* The state of a crash, and the crash of that number. */
_Atomic uint8_t *octo_segment_crash_state(struct octo_segment *segment, const struct octo_crash *crash);
struct octo_crash *octo_segment_crash(struct octo_segment *segment, unsigned i);

/* True if a process has ended, even if its parent has not asked for it yet. Opens a descriptor for a moment: the
 * writer thread only. */
bool octo_segment_process_over(uint32_t pid);

/* True if the process of ring i is over, or the ring has none. Drainer only. */
bool octo_segment_ring_dead(const struct octo_segment *segment, unsigned i);

/* Frees slots whose process is gone and whose ring is empty, and spare rings; returns how many slots remain in use. Drainer only. */
unsigned octo_segment_reap(struct octo_segment *segment);

/* Frees the spare rings that are empty and whose process is gone or has turned back. Drainer only. */
void octo_segment_reap_spares(struct octo_segment *segment);

/* Events refused so far because a ring was full. */
uint64_t octo_segment_dropped(struct octo_segment *segment);

/* True if nothing waits in any ring, and every crash that was told is written. Any thread; a hint. */
bool octo_segment_empty(struct octo_segment *segment);

/* True if slot i was of a process whose end has to be told, once it is over: it has left requests, or it should not have died. */
bool octo_segment_slot_matters(struct octo_segment *segment, unsigned i);

/* True if, all its processes being over, nothing of the segment has to be written. */
bool octo_segment_finished(struct octo_segment *segment);

/* At the orderly exit of the service's last process: removes the file if everything is written (what is not, the
 * next start writes). The mapping stays. Any thread. */
void octo_segment_retire(struct octo_segment *segment, const char *path);

/*
 * Orphans: segments that dead processes of this service left, found by octo_segment_create() and inherited
 * over fork. Only the service's leading writer may touch them.
 * octo_segment_orphan(i): the i-th, or NULL. octo_segment_orphan_done(i): it is drained; unmaps and removes it
 * (a process without the right to remove leaves an empty file, which the next start removes).
 */
struct octo_segment *octo_segment_orphan(unsigned i);
void octo_segment_orphan_done(unsigned i);

/* Between segment.c and segment_file.c. */
bool octo_segment_populate(void *address, size_t bytes, bool must);
extern const size_t octo_segment_bytes;
int octo_segment_file_create(const char *dir, const char *xdg_runtime_dir, const struct octo_identity *identity,
                             uint32_t pid, char *path, size_t path_size, bool *joined, void **map);
void octo_segment_begin(struct octo_segment *segment, const struct octo_identity *identity, uint32_t pid);

#endif
