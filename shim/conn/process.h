/*
 * This process and the service it belongs to: settings, segment, identity; what a fork changes.
 *
 * For: hook/ and the rest of conn/. Two parts: `octo_service` is the same in every process of the service
 * and is inherited by fork; `octo_process` lives on a page that the kernel wipes in a fork child
 * (MADV_WIPEONFORK), so one load tells a child that it must begin anew, however it was made (H20).
 * Context: any thread, signal-safe, unless said otherwise.
 */
#ifndef OCTO_CONN_PROCESS_H
#define OCTO_CONN_PROCESS_H

#include "base/random.h"
#include "base/settings.h"
#include "event/outlet.h"
#include "event/owners.h"
#include "event/segment.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum octo_service_state {
    OCTO_SERVICE_INERT,   /* do nothing, for good */
    OCTO_SERVICE_WAITING, /* loaded; not known to be a service yet */
    OCTO_SERVICE_WAKING,  /* one thread is reading settings and making the segment */
    OCTO_SERVICE_AWAKE,
};

/* In the order in which a start touches it, from a page's beginning on. */
struct octo_service {
    _Atomic uint32_t state;       /* enum octo_service_state */
    _Atomic bool sandboxed;       /* it has put a seccomp filter on itself: only calls that it makes itself */
    struct octo_segment *segment; /* NULL until awake, and where no memory could be had */
    struct octo_metrics *metrics; /* in the segment; the same */
    bool spans;                   /* are sent over OTLP */
    bool pushes;                  /* metrics over OTLP */
    char argv0[OCTO_SETTING_MAX];
    struct octo_settings settings;
    char segment_path[OCTO_PATH_MAX];
} __attribute__((aligned(4096)));

struct octo_process {
    _Atomic uint32_t live; /* 0: fresh (or forked), 1: being set up, 2: in use */
    uint32_t pid;
    _Atomic uint32_t forks;    /* children made so far */
    struct octo_outlet outlet; /* where this process's records go */
    struct octo_board
        *_Atomic board; /* where it shows the requests that it is on; NULL: none yet, or a ring that it shares */
    _Atomic uint64_t places[2];       /* of the board, bit by bit: taken */
    _Atomic uint32_t crash;           /* crash.c's, a futex */
    _Atomic uint32_t settling;        /* 1: a thread starts those of ours that cannot be started later */
    _Atomic bool ringless;            /* no memory for a ring: events are dropped */
    struct octo_owner *_Atomic owner; /* this process's part of gauges; NULL: none yet */
    _Atomic bool owned;               /* a thread has asked for one */
    _Atomic uint64_t requests;        /* heads read so far; numbers the requests */
    struct octo_random random;
};

/* Thread-local storage is scarce (H29): what is small and of several parts is together. The rest of it is context.c's. */
struct octo_this_thread {
    uint32_t waits;       /* for several descriptors at once; context.c's */
    bool own_descriptors; /* it has made its own copy of the descriptor table */
    uint8_t seat;         /* where octoprobe counts what it does; 0: nowhere. This and the next are held.c's */
    uint8_t seat_life;    /* octo_probe_life() when it was taken */
    uint8_t alternate;    /* its alternate stack; alternate.c's */
};

extern __thread struct octo_this_thread octo_this_thread;
extern struct octo_service octo_service;
extern struct octo_process *octo_process_page; /* use octo_process() */

/* Constructor only: copies the environment and maps the page. Leaves the service inert if it must be. library: path of
 * liboctoshim.so. */
void octo_process_load(char *const *envp, const char *argv0, const char *program, const char *library);

struct octo_process *octo_process_begin(void); /* octo_process() only */

/* This process, set up anew if a fork made it. NULL if there is none (inert, or interrupted while setting up). */
static inline struct octo_process *octo_process(void)
{
    struct octo_process *p = octo_process_page;

    if (__builtin_expect(p && atomic_load_explicit(&p->live, memory_order_acquire) == 2, 1))
        return p;
    return octo_process_begin();
}

/*
 * The process turns out to be a service (listen, an adopted connection, a fork with inherited listeners): reads
 * the settings file, makes the segment, says service.started. The first caller does it; true once it is done. listener:
 * the socket that it listens on, or -1.
 */
bool octo_service_wake(int listener);

/* The same, before a fork, if it was born with a listening socket. Looks once. */
void octo_service_wake_if_born_listening(void);

static inline bool octo_service_awake(void)
{
    return octo_service.state == OCTO_SERVICE_AWAKE;
}

/* True where descriptor numbers do not mean what our table says: in a vfork child (our memory, another process), and
 * in a thread that has made its own copy of the descriptor table. Costs a getpid; for calls that change descriptors. */
bool octo_process_is_borrowed(void);

/* This thread has made its own copy of the descriptor table. In a single-threaded process that changes nothing. */
void octo_process_unshared_descriptors(void);
bool octo_thread_has_own_descriptors(void);

/*
 * The service is about to put a seccomp filter on this thread, or on all: any call that it does not make itself may
 * kill it. What must be had is fetched now; from here on there are only calls of its own (H42).
 */
void octo_process_lock_in(bool all_threads);

/* Give up for good: hooks pass everything on. Strict seccomp takes even the clock away (the vDSO's rdtsc faults). */
void octo_process_give_up(void);

/* Ends the threads of ours in this process. True if the exposer was one of them: octo_process_expose() starts it again; the
 * writer starts with the next finished request. */
bool octo_process_quiesce(void);

/* Serves the service's metrics from this process, if no other does, and if that is wanted. */
void octo_process_expose(void);

/* A fork in this process made a child. */
void octo_process_forked(uint32_t child_pid);

/* Its disposition for SIGTERM may have changed: whether that can end it without a word is kept for who tells of its end. errno stays. */
void octo_process_term_changed(void);

/* It is about to change its root: what it would miss in there is started now. */
void octo_process_leaves_root(void);

/* It is about to forbid itself to make processes and threads: ours are started now. Waits for them a little. */
void octo_process_ends_cloning(void);

/* True if this process may be the one that makes the log file. */
bool octo_process_may_write(void);

/* The process ends in an orderly way with this exit code: says so if it is the last of the service, and waits
 * a little for the events to be written. */
void octo_process_exit(int code);

#endif
