/*
 * The board: the requests that a process is on, where others can read them when it is no more.
 *
 * In the segment, one beside each ring; the process that has the slot writes, whoever tells of its end reads. An entry is there from
 * its number's store on: what a killed process was just putting down is not seen.
 *
 * For: conn/inflight.c, conn/crash.c, export/deaths.c. Context: any thread, signal-safe.
 */
#ifndef OCTO_EVENT_BOARD_H
#define OCTO_EVENT_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    OCTO_BOARD_ENTRIES = 127, /* more requests at once: the rest are counted, not told */
    OCTO_BOARD_ENTRY = 256,
    OCTO_BOARD_TEXT = 192,
};

struct octo_board_entry {
    _Atomic uint64_t number; /* of the request in its process; 0: free */
    uint64_t head_ns;        /* monotonic: its head has passed */
    uint64_t trace[2], span; /* as in struct octo_record */
    _Atomic uint32_t tid;    /* thread that is on it, where slow requests have stacks; 0: none */
    uint8_t id_len, method_len, host_len;
    uint8_t cut; /* 1: the target is longer than this */
    uint16_t target_len;
    uint8_t spare[14];
    char text[OCTO_BOARD_TEXT]; /* ID, method, host, target without its query; then what was there before */
};
_Static_assert(sizeof(struct octo_board_entry) == OCTO_BOARD_ENTRY, "whole cache lines");

struct octo_board {
    _Atomic uint32_t beyond; /* requests for which there is no entry */
    char spare[OCTO_BOARD_ENTRY - sizeof(uint32_t)];
    struct octo_board_entry entry[OCTO_BOARD_ENTRIES];
};

/* True if there is a request on it. */
static inline bool octo_board_in_use(const struct octo_board *board)
{
    bool used = atomic_load_explicit(&board->beyond, memory_order_relaxed) != 0;

    for (unsigned i = 0; i < OCTO_BOARD_ENTRIES && !used; i++)
        used = atomic_load_explicit(&board->entry[i].number, memory_order_relaxed) != 0;
    return used;
}

#endif
