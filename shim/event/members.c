/* The members: see members.h. */
#include "event/members.h"
#include "base/sys.h"

#include <errno.h>
#include <stdatomic.h>

static bool alive(uint32_t pid)
{
    return octo_sys(SYS_kill, pid, 0) != -ESRCH;
}

static bool put(struct octo_segment *segment, uint32_t pid, bool sweep)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_MEMBERS; i++) {
        uint32_t old = atomic_load_explicit(&segment->member[i], memory_order_relaxed);

        if (old && (!sweep || alive(old)))
            continue;
        if (atomic_compare_exchange_strong(&segment->member[i], &old, pid))
            return true;
    }
    return false;
}

void octo_segment_join(struct octo_segment *segment, uint32_t pid)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_MEMBERS; i++)
        if (atomic_load_explicit(&segment->member[i], memory_order_relaxed) == pid)
            return;
    if (!put(segment, pid, false))
        put(segment, pid, true);
}

bool octo_segment_leave(struct octo_segment *segment, uint32_t pid)
{
    bool last = true;

    for (unsigned i = 0; i < OCTO_SEGMENT_MEMBERS; i++) {
        uint32_t member = segment->member[i];

        if (member == pid)
            atomic_compare_exchange_strong(&segment->member[i], &member, 0);
        else if (member && alive(member))
            last = false;
    }
    return last;
}
