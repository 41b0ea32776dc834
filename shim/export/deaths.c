/* Deaths: see deaths.h. */
#include "export/deaths.h"

#include "base/clock.h"
#include "base/sys.h"

#include <stdatomic.h>

void octo_deaths_write(struct octo_writer *w, struct octo_segment *segment, struct octo_encoder *encoder)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++) {
        _Atomic uint8_t *state = &segment->slot[i].crash;

        if (atomic_load_explicit(state, memory_order_acquire) != OCTO_CRASH_TOLD)
            continue;
        octo_drain_begin(w);
        w->length = octo_encode_death(encoder, octo_segment_crash(segment, i),
                                      atomic_load(&segment->real_offset_ns), w->batch);
        w->lines = w->by_level[OCTO_CRITICAL] = 1;
        if (!octo_drain_write_plain(w) && !w->lost)
            return; /* it waits, as the records do */
        octo_drain_count(w);
        atomic_store_explicit(state, OCTO_CRASH_FREE, memory_order_release);
    }
}

static bool process_over(uint32_t pid, bool over)
{
    return over || octo_segment_process_over(pid);
}

/* Of a process that was killed while it told of its crash. */
static void finish(struct octo_segment *segment, unsigned i, bool over)
{
    struct octo_segment_slot *slot = &segment->slot[i];

    if (atomic_load(&slot->crash) == OCTO_CRASH_BEGUN && process_over(octo_segment_crash(segment, i)->pid, over))
        atomic_store(&slot->crash, OCTO_CRASH_TOLD);
}

static void tell(struct octo_segment *segment, unsigned i)
{
    struct octo_segment_slot *slot = &segment->slot[i];
    struct octo_crash *crash = octo_segment_crash_claim(segment);

    if (crash == NULL)
        return;
    crash->pid = atomic_load(&slot->pid);
    crash->mono_ns = octo_clock_mono_ns();
    octo_crash_list(crash, octo_segment_board(segment, i));
    atomic_store(&slot->ended, 1); /* said once */
    atomic_store(octo_segment_crash_state(segment, crash), OCTO_CRASH_TOLD);
}

void octo_deaths_look(struct octo_segment *segment, bool over)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++) {
        finish(segment, i, over);
        if (octo_segment_slot_matters(segment, i) && process_over(atomic_load(&segment->slot[i].pid), over))
            tell(segment, i);
    }
}
