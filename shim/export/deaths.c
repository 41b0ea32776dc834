/* Deaths: see deaths.h. */
#include "export/deaths.h"

#include "base/clock.h"

#include <stdatomic.h>

static bool process_over(uint32_t pid, bool over)
{
    return over || octo_segment_process_over(pid);
}

/* Of a process that was killed while it told of its crash, or before it had begun to. */
static void finish(struct octo_segment *segment, unsigned i, bool over)
{
    struct octo_segment_slot *slot = &segment->slot[i];
    uint8_t state = atomic_load(&slot->crash);

    if (state == OCTO_CRASH_CLAIMED && over)
        atomic_store(&slot->crash, OCTO_CRASH_FREE);
    if (state != OCTO_CRASH_BEGUN || !process_over(octo_segment_crash(segment, i)->pid, over))
        return;
    octo_segment_ended(segment, octo_segment_crash(segment, i)->pid);
    atomic_store(&slot->crash, OCTO_CRASH_TOLD);
}

/* A former leader was killed when it had told of that end, and not yet put down that it had. */
static bool is_told(struct octo_segment *segment, uint32_t pid)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++)
        if (atomic_load(&segment->slot[i].crash) == OCTO_CRASH_TOLD && octo_segment_crash(segment, i)->pid == pid)
            return true;
    return false;
}

static void tell(struct octo_segment *segment, unsigned i)
{
    struct octo_segment_slot *slot = &segment->slot[i];
    uint32_t pid = atomic_load(&slot->pid);
    struct octo_crash *crash;

    if (!is_told(segment, pid)) {
        crash = octo_segment_crash_claim(segment, pid);
        if (crash == NULL)
            return;
        crash->mono_ns = octo_clock_mono_ns();
        octo_crash_list(crash, octo_segment_board(segment, i));
        atomic_store(octo_segment_crash_state(segment, crash), OCTO_CRASH_TOLD);
    }
    atomic_store(&slot->ended, 1); /* said once */
}

void octo_deaths_look(struct octo_segment *segment, bool over)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++)
        finish(segment, i, over);
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++)
        if (octo_segment_slot_matters(segment, i) && process_over(atomic_load(&segment->slot[i].pid), over))
            tell(segment, i);
}
