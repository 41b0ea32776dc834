/*
 * Joining octoprobe: the writer threads look for one that is attached, and ask it for seats (octoshim/seat.h).
 *
 * The leading writer looks while there is traffic, once a second at most, and holds a connection, whose end is the probe's. It tells the
 * others by the segment which probe there is; each asks for its own process. Without a probe a look is one refused connect(2).
 *
 * Whom we find there must be root, this user, or who owns the socket's directory, if nobody else may write there: it gets a name, and gives
 * memory in which it counts.
 */
#ifndef OCTO_EXPORT_PROBE_H
#define OCTO_EXPORT_PROBE_H

#include "base/settings.h"
#include "event/segment.h"
#include "octoshim/seat.h"

/* Where threads show what they are on: from their thread pointer. Before the first writer starts. */
void octo_probe_wake(int64_t context_offset);

/* One look, or what is left of the last; does not wait. The leading writer, as often as it likes. */
void octo_probe_look(const struct octo_settings *settings, struct octo_segment *segment);

/* Asks the probe that the leading writer has found, unless this process has. Waits for its answer, OCTO_PROBE_PATIENCE_MS at most.
 * A writer that does not lead. */
void octo_probe_meet(const struct octo_settings *settings, struct octo_segment *segment);

/* The writer thread ends: octoprobe takes the seats back. */
void octo_probe_end(void);

/* In a fork's child: it has no seats; the memory is not mapped there. */
void octo_probe_forked(void);

extern struct octo_seat *_Atomic octo_probe_memory;
extern _Atomic uint32_t octo_probe_instance;
extern _Atomic uint8_t octo_probe_lives;

/* This process's seats, OCTO_SEATS of them, or NULL: no probe counts. Any thread. Once they were there they stay mapped. */
static inline struct octo_seat *octo_probe_seats(const struct octo_segment *segment)
{
    struct octo_seat *seats = atomic_load_explicit(&octo_probe_memory, memory_order_acquire);

    return __builtin_expect(seats != NULL, 0) && segment->probe == octo_probe_instance ? seats : NULL;
}

/* A number for the present memory, never 0; another for what follows it. */
static inline uint8_t octo_probe_life(void)
{
    return octo_probe_lives;
}

#endif
