/* Stuck requests: see stuck.h. */
#include "export/stuck.h"

#include "base/clock.h"
#include "base/sys.h"
#include "export/look.h"
#include "export/stack.h"
#include "export/writer.h"

#include <stdatomic.h>
#include <string.h>

enum {
    EVERY_MOST_MS = 250,
    EVERY_LEAST_MS = 20,
    AT_ONCE = 4, /* stacks a look: the others are still there at the next one */
    ASK_MS = 150,
};

static uint64_t told[OCTO_BOARD_ENTRIES]; /* by place on the board: number of the request that was told last */
static uint64_t next_ns;

unsigned octo_stuck_every_ms(const struct octo_settings *settings)
{
    uint64_t ms = settings->slow_ns / OCTO_NS_PER_MS / 4;

    if (!(settings->stacks & OCTO_STACKS_SLOW))
        return 0;
    return ms < EVERY_LEAST_MS ? EVERY_LEAST_MS : ms > EVERY_MOST_MS ? EVERY_MOST_MS : (unsigned)ms;
}

void octo_stuck_forked(void)
{
    memset(told, 0, sizeof told);
}

/* What is known of the thread's stack, into the sample, answered. Returns the system call that it waits in, or -1. */
static int answer(const struct octo_settings *settings, uint32_t tid, struct octo_sample *sample)
{
    static struct octo_program_memory memory; /* one writer a process; its stack is small */
    struct octo_stack_question q = {.settings = settings,
                                    .pid = (uint32_t)octo_sys(SYS_getpid),
                                    .json_max = sizeof sample->json,
                                    .memory = &memory};
    struct octo_look look = {.call = -1};

    if (tid == 0) {
        octo_stack_fail(&sample->reply, "no thread is on it", 0);
    } else if (!octo_look(tid, &look)) {
        octo_stack_fail(&sample->reply, look.reason ? look.reason : "it does not hold still", look.error);
    } else {
        q.known = look.known;
        memcpy(q.registers, look.registers, sizeof q.registers);
        q.stack = look.stack;
        q.stack_at = look.registers[OCTO_STACK_SP];
        q.stack_bytes = look.stack_bytes;
        q.deadline_ns = octo_clock_mono_ns() + ASK_MS * OCTO_NS_PER_MS;
        octo_stack_ask(&q, &sample->reply, sample->json, NULL);
    }
    atomic_store(&sample->answered, OCTO_SAMPLE_WHOLE);
    return look.call;
}

/* A record of the entry, which was copied. */
static struct octo_record *put(struct octo_ring *ring, const struct octo_board_entry *e, uint64_t number,
                               uint64_t now_ns)
{
    size_t n = (size_t)e->id_len + e->method_len + e->host_len + e->target_len;
    struct octo_record *r = n <= OCTO_BOARD_TEXT ? octo_ring_reserve(ring, n, OCTO_WARNING) : NULL;

    if (r == NULL)
        return NULL;
    r->kind = OCTO_EV_REQUEST_SLOW;
    r->level = OCTO_WARNING;
    r->flags = e->cut ? OCTO_RECORD_TARGET_CUT : 0;
    r->mono_ns = now_ns;
    r->duration_ns = now_ns - e->head_ns;
    r->request_no = number;
    r->trace[0] = e->trace[0];
    r->trace[1] = e->trace[1];
    r->span = e->span;
    r->pid = (uint32_t)octo_sys(SYS_getpid);
    r->id_len = e->id_len;
    r->method_len = e->method_len;
    r->host_len = e->host_len;
    r->target_len = e->target_len;
    memcpy(r->text, e->text, n);
    return r;
}

/* False: it is over by now, or there is no room to tell. */
static bool tell(const struct octo_settings *settings, struct octo_segment *segment, struct octo_ring *ring,
                 const struct octo_board_entry *entry, uint64_t number)
{
    struct octo_samples *samples = octo_segment_have_samples(segment);
    struct octo_board_entry copy;
    struct octo_sample *sample;
    struct octo_record *r = NULL;
    uint32_t tid = atomic_load(&entry->tid);
    uint64_t now_ns = octo_clock_mono_ns();
    int call;

    memcpy(&copy, entry, sizeof copy);
    sample = samples != NULL ? octo_sample_take(samples, (uint32_t)octo_sys(SYS_getpid), now_ns) : NULL;
    if (sample == NULL)
        return false;
    call = answer(settings, tid, sample);
    if (atomic_load(&entry->number) == number && atomic_load(&entry->tid) == tid) /* it was all of this request */
        r = put(ring, &copy, number, now_ns);
    if (r == NULL) {
        octo_sample_give(samples, sample);
        return false;
    }
    r->tid = tid;
    r->status = call >= 0 && call < UINT16_MAX ? (uint16_t)(call + 1) : 0;
    r->stack = OCTO_RECORD_STACK_SAMPLED;
    r->count = octo_sample_serial(samples, sample);
    octo_ring_commit(ring, r);
    octo_writer_ring(segment, false);
    return true;
}

static void look_at(const struct octo_settings *settings, struct octo_segment *segment, unsigned slot)
{
    struct octo_board *board = octo_segment_board(segment, slot);
    struct octo_ring *ring = octo_segment_ring(segment, slot);
    uint64_t now_ns = octo_clock_mono_ns();

    for (unsigned i = 0, n = 0; board != NULL && ring != NULL && i < OCTO_BOARD_ENTRIES && n < AT_ONCE; i++) {
        const struct octo_board_entry *entry = &board->entry[i];
        uint64_t number = atomic_load_explicit(&entry->number, memory_order_acquire);

        if (number == 0 || number == told[i] || now_ns - entry->head_ns <= settings->slow_ns)
            continue;
        n++;
        if (tell(settings, segment, ring, entry, number))
            told[i] = number;
    }
}

void octo_stuck_look(const struct octo_settings *settings, struct octo_segment *segment)
{
    unsigned every_ms = octo_stuck_every_ms(settings);
    uint32_t pid;

    if (every_ms == 0 || settings->level > OCTO_WARNING || octo_clock_coarse_ns() < next_ns)
        return;
    next_ns = octo_clock_coarse_ns() + every_ms * OCTO_NS_PER_MS / 2;
    pid = (uint32_t)octo_sys(SYS_getpid);
    for (unsigned i = 0; i < OCTO_SEGMENT_SLOTS; i++)
        if (atomic_load_explicit(&segment->slot[i].pid, memory_order_relaxed) == pid)
            look_at(settings, segment, i);
}
